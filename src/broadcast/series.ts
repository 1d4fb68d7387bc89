import type { Context } from '../context.ts';
import { isBadRow, PushError } from '../errors.ts';
import { type Announcement, isSendable } from '../model/announcement.ts';
import { filterSchema } from '../model/filter.ts';
import { parseWallTime, WALL_TIME } from '../model/zones.ts';
import { showTime } from '../show.ts';
import { countOf, formatTime } from '../words.ts';
import { failAnnouncement } from './announcement.ts';
import { findLocalTimes } from './local-time.ts';
import { findReasonToWait, isUnapproved, WAITS_FOR_APPROVAL } from './may-start.ts';
import { type DueInstant, makePartsAt } from './parts.ts';
import { openRepeat } from './repeat.ts';

/*
 * An announcement that is repeated, or sent at the local time of each device, never sends anything itself. The tick makes
 * its parts, each an announcement of its own: one for each occurrence, or for the zones with one instant. A part is made
 * under an idempotency key that names its parent and its instant, and only then does the parent's `publish_at` move on to
 * the next one: so each part is made once, though ticks overlap, are missed or die in between.
 */

/** A part that is late by at most this is sent late; an older one is skipped. */
export const MAX_LATE_MS = 3_600_000;

/** How far the tick looks ahead: parts are made, and starts are prepared, before they are due. It ticks every minute, not to the second. */
export const AHEAD_MS = 75_000;

/** Number of skipped occurrences that are counted. */
const MAX_COUNTED = 1000;

/** Number of parts that the reason of a finished announcement names. */
const MAX_NAMED = 50;

type Planner = Pick<Context, 'store' | 'config' | 'clock'>;
type Plan = Pick<Announcement, 'source' | 'localTime' | 'repeat' | 'filter'>;

/** What is to be done for a series now. */
interface Step {
  readonly due: readonly DueInstant[];
  /** Number of instants that passed too long ago. */
  readonly skipped: number;
  /** The next instant after those that are due; null: none. */
  readonly next: number | null;
  /** The next instant at which a part is known to come; null: none. */
  readonly shown: number | null;
  /** True: no device gets it any more. */
  readonly isOver: boolean;
  /** Number of names of zones that no filter takes: no part is for their devices. */
  readonly leftOut: number;
}

/** The series in words, for a person. */
export function describeSeries({ localTime, repeat }: Pick<Announcement, 'localTime' | 'repeat'>): string {
  if (repeat) return `repeats ${repeat.at} ${repeat.zone}`;
  return `at ${localTime ?? ''} in the zone of each device`;
}

/**
 * The time of the first part of a new series, at which its announcement is due. PushError('BAD_INPUT') if it has none, or if
 * its plan is not valid.
 */
export async function findFirstTime(ctx: Planner, plan: Plan): Promise<number> {
  const step = await makeStep(ctx, plan, null);
  const first = step.due[0]?.instant ?? step.next;
  if (first === null || step.isOver) throw refuseOver(plan);
  return first;
}

/** Makes the parts of a series that are due; resolves to their number. Its announcement fails if that is not possible. */
export async function makeParts(
  ctx: Context,
  announcement: Announcement,
  was: number | null,
): Promise<number> {
  const { announcementId, problem } = announcement;
  try {
    if (!isSendable(announcement))
      throw refuse('push_announcement', 'a row that can be sent', problem ?? 'none');
    // Its parts would go to every device.
    if (announcement.audience !== 'devices') throw refuse('audience', 'devices', announcement.audience);
    const step = await makeStep(ctx, announcement, was);
    if (was === null && step.isOver) throw refuseOver(announcement);
    // It waits as a whole: its parts would wait one by one.
    const reason = await findReasonOfSeries(ctx, announcement, step);
    if (reason !== null) {
      await ctx.store.moveAnnouncement(announcementId, ['scheduled'], 'paused', reason);
      ctx.log.info('announcement waits', { announcementId, reason });
      return 0;
    }
    const { leftOut } = step;
    if (leftOut > 0) ctx.log.error('names of time zones left out', { announcementId, leftOut });
    let parts = 0;
    for (const due of step.due) parts += await makePartsAt(ctx, announcement, due);
    await moveOn(ctx, announcement, was, step);
    return parts;
  } catch (error) {
    if (!(error instanceof PushError) || !(error.code === 'BAD_INPUT' || isBadRow(error))) throw error;
    ctx.log.error('parts not made', { announcementId, why: error.message });
    await failAnnouncement(ctx, announcementId, problem ?? error.message, ['scheduled']);
    return 0;
  }
}

/** Why a series may not have parts now; null: it may. Its audience is that of all zones together, counted before the first part. */
async function findReasonOfSeries(
  { store, config }: Planner,
  announcement: Announcement,
  { due }: Step,
): Promise<string | null> {
  const { announcementId, localTime = null, expectedAudience = null } = announcement;
  const isFirst = async (): Promise<boolean> => (await store.fetchParts(announcementId, 1)).length === 0;
  if (localTime !== null && expectedAudience !== null && due.length > 0 && (await isFirst())) {
    const { devices } = await store.countAudience(announcement, 0);
    return findReasonToWait(announcement, devices, config);
  }
  return isUnapproved(announcement, config) ? WAITS_FOR_APPROVAL : null;
}

function makeStep(ctx: Planner, plan: Plan, was: number | null): Promise<Step> {
  if (plan.repeat && plan.localTime) throw refuse('localTime', 'no repeat beside it', 'both');
  return plan.repeat ? stepRepeat(ctx, plan.repeat, was) : stepLocalTime(ctx, plan, was);
}

async function stepRepeat(
  { clock }: Planner,
  plan: { readonly at: string; readonly zone: string },
  was: number | null,
): Promise<Step> {
  const repeat = await openRepeat(plan);
  const now = clock.now();
  const [earliest, latest] = [now - MAX_LATE_MS, now + AHEAD_MS];
  // Before its first time it is late for nothing.
  const from = (was ?? now) - 1;
  let skipped = 0;
  for (
    let at = repeat.next(from);
    at !== null && at < earliest && skipped < MAX_COUNTED;
    at = repeat.next(at)
  )
    skipped++;
  const due: DueInstant[] = [];
  let next = repeat.next(Math.max(from, earliest - 1));
  for (; next !== null && next <= latest; next = repeat.next(next)) {
    due.push({ instant: next });
  }
  return { due, skipped, next, shown: next, isOver: next === null && due.length === 0, leftOut: 0 };
}

async function stepLocalTime(ctx: Planner, plan: Plan, was: number | null): Promise<Step> {
  const now = ctx.clock.now();
  const [earliest, latest] = [now - MAX_LATE_MS, now + AHEAD_MS];
  const { groups, next, leftOut } = await fetchLocalTimes(ctx, plan);
  const isSkipped = (instant: number): boolean => instant < earliest && (was === null || instant >= was);
  return {
    due: groups.filter(({ instant }) => instant >= earliest && instant <= latest),
    skipped: groups.filter(({ instant }) => isSkipped(instant)).length,
    next: next(latest),
    shown: groups.find(({ instant }) => instant > latest)?.instant ?? null,
    isOver: groups.length > 0 && groups.every(({ instant }) => instant < earliest),
    leftOut,
  };
}

async function fetchLocalTimes({ store, config }: Planner, plan: Plan) {
  const wallMs = parseWallTime(plan.localTime ?? '');
  if (wallMs === null) throw refuseLocal(WALL_TIME, plan);
  const ownZone = config.sources.get(plan.source)?.timeZone ?? 'UTC';
  const names = await store.fetchTimeZones();
  // The filter of a part could not be read with a name that is too long for it, and no zone has one.
  const usable = names.filter((name) => filterSchema.safeParse({ timeZone: [name] }).success);
  return { ...findLocalTimes(wallMs, usable, ownZone), leftOut: names.length - usable.length };
}

/** Moves the announcement on to its next part; without one it is done. */
async function moveOn(
  { store, log }: Context,
  announcement: Announcement,
  was: number | null,
  { skipped, next, shown }: Step,
): Promise<void> {
  const { announcementId } = announcement;
  const count = skipped < MAX_COUNTED ? countOf(skipped, 'part') : `${countOf(skipped, 'part')} or more`;
  const why = skipped === 0 ? null : `${count} skipped: late by more than an hour`;
  if (why !== null) log.info('parts skipped', { announcementId, skipped });
  if (next !== null) {
    const [last] = await store.fetchParts(announcementId, 1);
    const lastly = last ? `, last part ${last.announcementId}` : '';
    const reason = `${describeSeries(announcement)}${shown === null ? '' : `, next ${formatTime(shown)} UTC`}${lastly}`;
    await store.moveTime(announcementId, was, { publishAt: next, reason, why });
    return;
  }
  const parts = (await store.fetchParts(announcementId, MAX_NAMED + 1)).toReversed();
  const named = parts.slice(-MAX_NAMED).map((part) => part.announcementId);
  const more = parts.length > MAX_NAMED ? 'the last of them ' : '';
  const ids = named.length === 0 ? '' : `: ${more}${named.join(', ')}`;
  const reason = `sent in ${parts.length > MAX_NAMED ? `more than ${MAX_NAMED} parts` : countOf(parts.length, 'part')}${ids}${why === null ? '' : `; ${why}`}`;
  await store.moveAnnouncement(announcementId, ['scheduled'], 'done', reason, 'schedule');
}

/** What is wrong with a new plan that has no part to come. */
function refuseOver(plan: Plan): PushError {
  return plan.repeat
    ? refuse('repeat.at', 'a time that occurs', 'one that never does')
    : refuseLocal('a time that is still to come where a device is', plan);
}

function refuseLocal(expected: string, { localTime }: Plan): PushError {
  return refuse('localTime', expected, showTime(localTime));
}

function refuse(field: string, expected: string, got: string): PushError {
  return PushError.of('BAD_INPUT', [{ field, expected, got }]);
}

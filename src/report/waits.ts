import { type Announcement, isSeries } from '../model/announcement.ts';
import { type Budget, stopOf } from '../model/budget.ts';
import type { HopSummary } from '../model/summary.ts';
import { isTickLate } from '../model/tick.ts';
import { formatDuration, formatMinutes, formatTime, formatWholeShare } from '../words.ts';
import { withoutUntil } from './bands.ts';
import type { Observer } from './standing.ts';

/** What an announcement waits for. */
export interface Wait {
  /** In words for a person. */
  readonly what: string;
  /** In milliseconds since the epoch; null: nobody knows. */
  readonly until: number | null;
  /** True: nothing is sent before that. */
  readonly isStop: boolean;
}

/** Entries of the audit that are read to find who paused an announcement. */
const MAX_ENTRIES = 1000;

/** A hop whose lease ran out so long ago is stalled: a claim or a tick may be under way. */
const STALLED_MS = 5000;

/** A shorter wait for a slot is the ordinary pace. */
const MIN_SLOT_WAIT_MS = 2000;

interface Scene {
  readonly announcement: Announcement;
  readonly publishAt: number | null;
  readonly hops: readonly HopSummary[];
  /** The budget of its source; null: it does not run. */
  readonly budget: Budget | null;
  readonly now: number;
}

/** Lists what an announcement waits for, and until when. */
export async function listWaits(observer: Observer, scene: Scene): Promise<Wait[]> {
  const { announcement, publishAt, now } = scene;
  switch (announcement.status) {
    case 'draft':
      return [stop('a person or a back end to schedule it')];
    case 'scheduled':
      if (publishAt === null && !isSeries(announcement)) {
        return [stop('a time: its column publish_at is NULL (`baton push --announcement ID` starts it)')];
      }
      return [
        publishAt !== null && publishAt > now
          ? stop('its time', publishAt)
          : stop('the next tick, which starts it'),
        ...(await waitForTick(observer)),
      ];
    case 'paused':
      return [stop(`a resume: ${await explainStop(observer, announcement, 'paused')}`)];
    case 'failed':
      return [
        stop(`a resume, once the cause is fixed: ${await explainStop(observer, announcement, 'failed')}`),
      ];
    case 'running':
      return waitWhileRunning(observer, scene);
    case 'cancelled':
    case 'done':
      return [];
  }
}

async function waitWhileRunning(observer: Observer, scene: Scene): Promise<Wait[]> {
  const { announcement, budget, now } = scene;
  return [
    ...waitForQuietHours(observer, announcement, now),
    ...(budget === null ? [] : waitForFcm(announcement, budget, now)),
    ...waitForHops(scene),
    ...(budget === null ? [] : waitForSlot(budget, now)),
    ...(budget === null ? [] : waitForRamp(observer, announcement, budget, now)),
    ...(await waitForTick(observer)),
  ];
}

function stop(what: string, until: number | null = null): Wait {
  return { what, until, isStop: true };
}

/** Who stopped it and when, by the audit. */
async function explainStop(
  { store }: Observer,
  { announcementId, statusReason }: Announcement,
  action: 'paused' | 'failed',
): Promise<string> {
  const entries = await store.fetchAudit(announcementId, MAX_ENTRIES);
  const entry = entries.findLast((each) => each.action === action);
  const who = entry ? ` by ${entry.actor} at ${formatTime(entry.at)} UTC` : '';
  return `${action}${who}${statusReason === null ? '' : `: ${statusReason}`}`;
}

function waitForQuietHours({ quietUntil }: Observer, { source, dryRun }: Announcement, now: number): Wait[] {
  const until = dryRun ? null : (quietUntil?.(source, now) ?? null);
  return until === null ? [] : [stop('the end of the quiet hours', until)];
}

function waitForFcm({ statusReason }: Announcement, budget: Budget, now: number): Wait[] {
  const reason = statusReason === null ? 'the source is stopped' : withoutUntil(statusReason);
  switch (stopOf(budget)) {
    case 'down':
      return [stop(`FCM to be up again (${reason}), next probe`, now + Math.max(0, budget.brakeMs))];
    case 'throttled':
      return [stop(`the source to go on (${reason})`, now + budget.brakeMs)];
    case null:
      return [];
  }
}

function waitForHops({ hops, now }: Scene): Wait[] {
  const open = hops.filter(({ closedAt }) => closedAt === null);
  const idle = open.filter(({ isHeld }) => !isHeld);
  const stalled = idle.filter(({ leaseUntil }) => leaseUntil < now - STALLED_MS);
  const [first] = stalled;
  const waits = first ? [{ what: describeStalled(stalled, first, now), until: null, isStop: false }] : [];
  if (open.length > idle.length || stalled.length > 0) return waits;
  const [next] = idle.toSorted((one, other) => one.leaseUntil - other.leaseUntil);
  if (!next) return [];
  const { round, fromId, claimedAt, leaseUntil } = next;
  if (round > 0 && claimedAt === null) return [stop(`retry round ${round}, due`, leaseUntil)];
  return [stop(`an invocation of the hop at ${fromId}; without one, the tick wakes it`, leaseUntil)];
}

function describeStalled(stalled: readonly HopSummary[], { round, fromId }: HopSummary, now: number): string {
  const oldest = Math.min(...stalled.map(({ leaseUntil }) => leaseUntil));
  const count = stalled.length === 1 ? 'a stalled hop' : `${stalled.length} stalled hops`;
  return `the tick to wake ${count} (round ${round}, from ${fromId}; for ${formatDuration(now - oldest)})`;
}

function waitForSlot({ turnInMs, brakeMs }: Budget, now: number): Wait[] {
  if (turnInMs < MIN_SLOT_WAIT_MS || brakeMs > 0) return [];
  return [{ what: 'its next slot in the budget', until: now + turnInMs, isStop: false }];
}

function waitForRamp(
  { paceOf }: Observer,
  { source }: Announcement,
  { rampAgeMs, brakeMs }: Budget,
  now: number,
): Wait[] {
  const rampMs = paceOf(source)?.rampMs ?? 0;
  if (brakeMs > 0 || rampAgeMs < 0 || rampAgeMs >= rampMs) return [];
  const share = formatWholeShare(rampAgeMs / rampMs);
  return [{ what: `the ramp: ${share} of the full rate`, until: now + rampMs - rampAgeMs, isStop: false }];
}

async function waitForTick({ store }: Observer): Promise<Wait[]> {
  const ageMs = await store.fetchTickAgeMs();
  if (!isTickLate(ageMs)) return [];
  const last = ageMs === null ? 'there was none yet' : `the last one was ${formatMinutes(ageMs)} ago`;
  return [
    { what: `a tick: ${last}, and without it nothing stalled or due goes on`, until: null, isStop: false },
  ];
}

import type { PaceConfig } from '../config/config.ts';
import type { Announcement } from '../model/announcement.ts';
import type { Outcome } from '../model/delivery.ts';
import type { Budget } from '../store.ts';
import type { Context } from '../context.ts';
import { isThrottled } from '../judge/settle.ts';
import { findSource } from '../config/sources.ts';

/**
 * Of the quota, so much is planned: what is sent a little late falls into the next minute, which then has to have room
 * for it.
 */
const PLANNED_SHARE = 0.98;

/** How late that may be: the rest of a minute's quota, at the full rate. */
export const LATE_MS = (1 - PLANNED_SHARE) * 60_000;

/** A source that has sent nothing for so long begins anew with the ramp. */
const IDLE_MS = 60_000;

/** After a brake the rate rises as on the ramp; so steeply where the ramp is switched off. */
const RISE_MS = 60_000;

/** FCM down for good is asked no less often than this. */
const MAX_PAUSE_MS = 300_000;

/**
 * FCM also limits what one phone may get (240 messages a minute), and answers 429 for that one alone, which then waits by
 * itself, and nobody else. If the project's quota is used up, all answers from then on are 429: so large a share of a chunk
 * and so many, or a whole chunk; but a small one of a retry round may well be just such phones.
 * https://firebase.google.com/docs/cloud-messaging/throttling-and-quotas
 */
const BRAKE_SHARE = 0.1;
const MIN_THROTTLED_PUSHES = 10;

/** When a page may be sent, and how long it is to take. */
export interface Slot {
  readonly waitMs: number;
  readonly takenMs: number;
  /** The ramp begins with this slot. */
  readonly startsRamp: boolean;
  /** The share of the full rate at which it begins. */
  readonly share: number;
}

/** A slot that is reserved, and what may come in between: see Budget. */
export interface ReservedSlot extends Slot, Pick<Budget, 'urgentMs' | 'brakes'> {}

/**
 * The next slot in a source's budget: a leaky bucket kept as the one time up to which it is taken (virtual scheduling).
 * FCM asks for a ramp from 0 to the full rate over a minute. https://firebase.google.com/docs/cloud-messaging/scale-fcm
 */
export function planSlot(
  budget: Pick<Budget, 'freeInMs' | 'urgentInMs' | 'rampAgeMs'>,
  messages: number,
  { perMinute, rampMs }: PaceConfig,
  isUrgent = false,
): Slot {
  const waitMs = Math.max(0, isUrgent ? budget.urgentInMs : budget.freeInMs);
  const startsRamp = rampMs > 0 && budget.freeInMs < -IDLE_MS;
  const riseMs = rampMs || RISE_MS;
  const ageMs = startsRamp ? 0 : Math.min(riseMs, Math.max(0, budget.rampAgeMs + waitMs));
  const perMs = (perMinute * PLANNED_SHARE) / 60_000;
  // While the rate rises evenly, the messages rise with the square of the time.
  const onRamp = ageMs === riseMs ? 0 : (perMs * (riseMs ** 2 - ageMs ** 2)) / (2 * riseMs);
  const takenMs =
    messages <= onRamp
      ? Math.sqrt(ageMs ** 2 + (2 * riseMs * messages) / perMs) - ageMs
      : riseMs - ageMs + (messages - onRamp) / perMs;
  return { waitMs, takenMs: Math.ceil(takenMs), startsRamp, share: ageMs / riseMs };
}

type Pacer = Pick<Context, 'store' | 'config' | 'log' | 'metrics'>;

/**
 * Reserves room for so many messages in the budget that everything of the source shares. Urgent ones wait for other urgent
 * ones alone: what broadcasts have reserved already is put off by as much.
 */
export async function reserveSlot(
  ctx: Pacer,
  source: string,
  messages: number,
  { urgent = false }: { readonly urgent?: boolean } = {},
): Promise<ReservedSlot> {
  for (;;) {
    const budget = await ctx.store.fetchBudget(source, null);
    const slot = await tryReserve(ctx, source, messages, budget, urgent, null);
    if (slot) return slot;
  }
}

/**
 * The same for a broadcast; or in how many milliseconds to ask again.
 *
 * Announcements take turns: each reserves its next slot only once its last one has opened, however many of its lanes wait
 * for one. So of two that run at once each gets half.
 */
export async function reserveTurn(
  ctx: Pacer,
  { source, announcementId }: Pick<Announcement, 'source' | 'announcementId'>,
  messages: number,
): Promise<ReservedSlot | { readonly askAgainInMs: number }> {
  for (;;) {
    const budget = await ctx.store.fetchBudget(source, announcementId);
    if (budget.turnInMs > 0) return { askAgainInMs: budget.turnInMs };
    const slot = await tryReserve(ctx, source, messages, budget, false, announcementId);
    if (!slot) continue;
    const perMinute = Math.round(findSource(ctx.config, source).pace.perMinute * slot.share);
    if (slot.share < 1) ctx.log.info('below the full rate', { source, announcementId, perMinute });
    return slot;
  }
}

/** Null if somebody else was quicker. */
async function tryReserve(
  { store, config }: Pacer,
  source: string,
  messages: number,
  budget: Budget,
  isUrgent: boolean,
  announcementId: number | null,
): Promise<ReservedSlot | null> {
  const slot = planSlot(budget, messages, findSource(config, source).pace, isUrgent);
  const { takenMs, startsRamp, waitMs } = slot;
  const turn = announcementId === null ? null : { announcementId, opensInMs: waitMs };
  const reserved = await store.reserveBudget(source, budget.version, {
    takenMs,
    startsRamp,
    isUrgent,
    turn,
  });
  return reserved ? { ...slot, urgentMs: budget.urgentMs, brakes: budget.brakes } : null;
}

/** What makes a source stop, and for how long. */
export interface Stop {
  readonly pauseMs: number;
  /** In words for a person, to be followed by `until` and a time. */
  readonly reason: string;
  /** FCM is down: each further try in vain doubles the pause. */
  readonly isOutage: boolean;
  /** How long ago that was sent which FCM has answered so: what has braked since then was the same thing. */
  readonly tookMs: number;
}

/**
 * Nobody sends before FCM's time, and all slots are void. Then the rate goes on from half of what it was and rises again:
 * additive increase, multiplicative decrease.
 */
export async function brake(
  { store, config, log }: Pacer,
  source: string,
  { pauseMs: firstMs, reason, isOutage, tookMs }: Stop,
): Promise<void> {
  const riseMs = findSource(config, source).pace.rampMs || RISE_MS;
  for (;;) {
    const { version, brakeMs, rampAgeMs, outages } = await store.fetchBudget(source, null);
    const isSame = -brakeMs < tookMs;
    const pauseMs = Math.round(isOutage ? Math.min(MAX_PAUSE_MS, firstMs * 2 ** outages) : firstMs);
    if (isSame && (brakeMs >= pauseMs || (isOutage && brakeMs <= 0))) return;
    const ageMs = Math.min(riseMs, Math.max(0, rampAgeMs + Math.max(0, brakeMs)));
    const goesOn = {
      pauseMs,
      reason,
      rampAgeMs: Math.round(isSame || (isOutage && outages > 0) ? ageMs : ageMs / 2),
      outages: isOutage && !(isSame && outages > 0) ? outages + 1 : outages,
    };
    if (!(await store.brakeBudget(source, version, goesOn))) continue;
    log.info('source stopped', { source, pauseMs, reason });
    return;
  }
}

/** After a chunk that says that the quota is used up. */
export async function brakeIfThrottled(
  ctx: Pacer,
  source: string,
  outcomes: readonly Outcome[],
  { tookMs, isRetry = false }: { readonly tookMs: number; readonly isRetry?: boolean },
): Promise<void> {
  const throttled = outcomes.filter(({ verdict, reason }) => verdict === 'retryable' && isThrottled(reason));
  if (throttled.length > 0) ctx.metrics.record({ Throttled: throttled.length });
  const asked = outcomes.filter(
    ({ verdict, reason, retryAfterMs }) =>
      verdict === 'retryable' && (retryAfterMs !== null || isThrottled(reason)),
  );
  const isAll = asked.length === outcomes.length && !isRetry;
  const isMuch = asked.length >= Math.max(MIN_THROTTLED_PUSHES, outcomes.length * BRAKE_SHARE);
  if (asked.length === 0 || !(isAll || isMuch)) return;
  const pauseMs = Math.max(...asked.map(({ retryAfterMs }) => retryAfterMs ?? ctx.config.quotaRetryMs));
  await brake(ctx, source, { pauseMs, reason: 'throttled', isOutage: false, tookMs });
}

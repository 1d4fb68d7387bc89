import type { PaceConfig } from '../config/config.ts';
import type { Budget } from '../store.ts';

/** The share of the quota that Baton plans with: a message sent a little late counts in the next minute, which needs room for it. */
const PLANNED_SHARE = 0.98;

/** How late a message may be sent without passing the quota: the unplanned part of a minute at the full rate. */
export const MAX_LATE_MS = (1 - PLANNED_SHARE) * 60_000;

/** A source that has sent nothing for this long starts again at the bottom of the ramp. */
const IDLE_MS = 60_000;

/** After a brake the rate rises as on the ramp; where the ramp is switched off, it rises over this time. */
const RISE_MS = 60_000;

/** When a page may be sent, and how long sending it should take. */
export interface Slot {
  /** Milliseconds until the slot opens. */
  readonly waitMs: number;
  /** Milliseconds over which its messages are spread. */
  readonly takenMs: number;
  /** The ramp begins with this slot. */
  readonly startsRamp: boolean;
  /** The share of the full rate at which the slot begins, from 0 to 1. */
  readonly rateShare: number;
}

/** Milliseconds in which a source's rate rises from zero to the full rate. */
export function riseMsOf({ rampMs }: Pick<PaceConfig, 'rampMs'>): number {
  return rampMs || RISE_MS;
}

/**
 * The next slot in a source's budget: a leaky bucket that is kept as one time, up to which it is reserved (virtual
 * scheduling). FCM asks for a ramp from zero to the full rate over a minute.
 * https://firebase.google.com/docs/cloud-messaging/scale-fcm
 */
export function planSlot(
  budget: Pick<Budget, 'freeInMs' | 'urgentInMs' | 'rampAgeMs'>,
  messages: number,
  { perMinute, rampMs }: PaceConfig,
  isUrgent = false,
): Slot {
  const waitMs = Math.max(0, isUrgent ? budget.urgentInMs : budget.freeInMs);
  const startsRamp = rampMs > 0 && budget.freeInMs < -IDLE_MS;
  const riseMs = riseMsOf({ rampMs });
  const ageMs = startsRamp ? 0 : Math.min(riseMs, Math.max(0, budget.rampAgeMs + waitMs));
  const perMs = (perMinute * PLANNED_SHARE) / 60_000;
  // While the rate rises evenly, the number of messages rises with the square of the time.
  const onRamp = ageMs === riseMs ? 0 : (perMs * (riseMs ** 2 - ageMs ** 2)) / (2 * riseMs);
  const takenMs =
    messages <= onRamp
      ? Math.sqrt(ageMs ** 2 + (2 * riseMs * messages) / perMs) - ageMs
      : riseMs - ageMs + (messages - onRamp) / perMs;
  return { waitMs, takenMs: Math.ceil(takenMs), startsRamp, rateShare: ageMs / riseMs };
}

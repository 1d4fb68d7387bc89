import type { PaceConfig } from '../config/config.ts';
import type { Budget } from '../model/budget.ts';

/** The share of the quota that Baton plans with: a message sent a little late counts in the next minute, which needs room for it. */
const PLANNED_SHARE = 0.98;

/** How late a message may be sent without passing the quota: the unplanned part of a minute at the full rate. */
export const MAX_LATE_MS = (1 - PLANNED_SHARE) * 60_000;

/** A source that has sent nothing for this long starts again at the bottom of the ramp. */
const IDLE_MS = 60_000;

/** After a brake the rate rises as on the ramp; where the ramp is switched off, it rises over this time. */
const RISE_MS = 60_000;

/** The share of its window that a hop plans to fill: the rest is for answers that take longer than the mean. */
const PLANNED_FILL = 0.95;

/** The window of a hop while FCM answers quickly. A smaller one would be full each time that the process is busy for a moment. */
export const QUICK_WINDOW = 1000;

/** When a page may be sent, and how long sending it should take. */
export interface Slot {
  /** Milliseconds until the slot opens. */
  readonly waitMs: number;
  /** Milliseconds of the budget that its messages take. */
  readonly takenMs: number;
  /** Milliseconds of the budget before it that stay unused. */
  readonly gapMs: number;
  /**
   * Milliseconds over which its messages are sent, evenly. Longer than `takenMs` if FCM answers so slowly that the window
   * would be full: then the next slots open meanwhile.
   */
  readonly spreadMs: number;
  /** Its messages that may be in flight at a time. */
  readonly window: number;
  /** The ramp begins with this slot. */
  readonly startsRamp: boolean;
  /** The share of the full rate at which the slot begins, from 0 to 1. */
  readonly rateShare: number;
}

/**
 * The messages that a hop may have in flight: by Little's law, as many as one hop needs to send at the full rate if each
 * answer takes `answerMs` in the mean; at least 1000 and at most `maxWindow`, which may be less.
 */
export function windowOf(perMinute: number, answerMs: number, maxWindow: number): number {
  const needed = Math.ceil(((perMinute / 60_000) * answerMs) / PLANNED_FILL);
  return Math.min(maxWindow, Math.max(QUICK_WINDOW, needed));
}

/** Milliseconds that messages take at least, if a window of them is in flight and each answer takes `answerMs` in the mean. */
export function spreadMsOf(messages: number, answerMs: number, window: number): number {
  return Math.ceil((messages * answerMs) / (window * PLANNED_FILL));
}

/** Milliseconds in which a source's rate rises from zero to the full rate. */
export function riseMsOf({ rampMs }: Pick<PaceConfig, 'rampMs'>): number {
  return rampMs || RISE_MS;
}

/**
 * The next slot in a source's budget: a leaky bucket that is kept as one time, up to which it is reserved (virtual
 * scheduling). FCM asks for a ramp from zero to the full rate over a minute.
 * https://firebase.google.com/docs/cloud-messaging/scale-fcm
 *
 * Slots begin one after another, each `takenMs` after the one before, and they end so too: hence over any time no more is
 * sent than the budget has, however long each takes. Little's law says how long that is: a window of messages is answered
 * in the mean answer time.
 */
export function planSlot(
  budget: Pick<Budget, 'freeInMs' | 'spreadInMs' | 'urgentInMs' | 'rampAgeMs' | 'answerMs'>,
  messages: number,
  { perMinute, rampMs }: PaceConfig,
  { maxWindow, isUrgent = false }: { readonly maxWindow: number; readonly isUrgent?: boolean },
): Slot {
  const freeInMs = Math.max(0, isUrgent ? budget.urgentInMs : budget.freeInMs);
  const startsRamp = rampMs > 0 && budget.freeInMs < -IDLE_MS;
  const riseMs = riseMsOf({ rampMs });
  const ageMs = startsRamp ? 0 : Math.min(riseMs, Math.max(0, budget.rampAgeMs + freeInMs));
  const perMs = (perMinute * PLANNED_SHARE) / 60_000;
  // While the rate rises evenly, the number of messages rises with the square of the time.
  const onRamp = ageMs === riseMs ? 0 : (perMs * (riseMs ** 2 - ageMs ** 2)) / (2 * riseMs);
  const takenMs = Math.ceil(
    messages <= onRamp
      ? Math.sqrt(ageMs ** 2 + (2 * riseMs * messages) / perMs) - ageMs
      : riseMs - ageMs + (messages - onRamp) / perMs,
  );
  const window = windowOf(perMinute, budget.answerMs, maxWindow);
  const spreadMs = Math.max(takenMs, spreadMsOf(messages, budget.answerMs, window));
  const gapMs = isUrgent ? 0 : Math.max(0, budget.spreadInMs + takenMs - spreadMs - freeInMs);
  return {
    waitMs: freeInMs + gapMs,
    takenMs,
    gapMs,
    spreadMs,
    window,
    startsRamp,
    rateShare: ageMs / riseMs,
  };
}

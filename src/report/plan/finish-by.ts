import { type Conditions, estimate } from './estimate.ts';

/** FCM_MESSAGES_PER_MINUTE takes no more. */
const MAX_PER_MINUTE = 1_000_000_000;

/** The answer is rounded up to this. */
const STEP = 1000;

/**
 * The smallest messages per minute, in thousands, with which an announcement takes at most `limitMs`; null if it takes longer
 * with any: the ramp and FCM's answers take their time too.
 */
export function perMinuteFor(conditions: Conditions, limitMs: number): number | null {
  const fits = (steps: number): boolean => {
    const pace = { ...conditions.pace, perMinute: steps * STEP };
    return estimate({ ...conditions, pace }).durationMs <= limitMs;
  };
  let [low, high] = [0, MAX_PER_MINUTE / STEP];
  if (!fits(high)) return null;
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (fits(middle)) high = middle;
    else low = middle;
  }
  return high * STEP;
}

import type { Delivery, Outcome } from '../model/delivery.ts';
import { isDoubted } from './doubt.ts';
import { listReasons } from './reasons.ts';

/** FCM is down if this share of a group of answers failed because of it, and at least this many pushes. */
const OUTAGE_SHARE = 0.9;
const MIN_OUTAGE_PUSHES = 10;

/** FCM's own failures: the reasons of the verdict, and how to say them to a person. */
const FAILURES: readonly (readonly [RegExp, string])[] = [
  [/^NO_CONNECTION/, 'there is no connection to FCM'],
  [/^(TIMEOUT|NOT_SENT|NO_ANSWER|app\/network-timeout)/, 'FCM does not answer'],
  [/^(UNAVAILABLE|INTERNAL|UNSPECIFIED_ERROR|HTTP_(408|[5-9]\d\d))/, 'FCM is down'],
  [/^(RESET_|REFUSED_STREAM|UNREADABLE_REPLY|app\/|messaging\/)/, 'FCM breaks off its answers'],
];

/**
 * Why FCM cannot be used, if these outcomes say so, in words that `until` and a time can follow; null if it works. A few
 * outcomes that all fail say so only with `smallSampleCounts`: for the canary, and for a probe.
 */
export function explainOutage(
  outcomes: readonly Outcome[],
  { smallSampleCounts }: { readonly smallSampleCounts: boolean },
): string | null {
  const reasons = outcomes.flatMap(({ verdict, reason }) =>
    (verdict === 'retryable' || verdict === 'unknown') && reason !== null && explain(reason) ? [reason] : [],
  );
  const isMost = reasons.length >= Math.max(MIN_OUTAGE_PUSHES, outcomes.length * OUTAGE_SHARE);
  const isAll = reasons.length === outcomes.length && outcomes.length > 0;
  if (!isMost && !(isAll && smallSampleCounts)) return null;
  const [first = ''] = reasons;
  return `${explain(first)} (${listReasons(reasons)}): waiting`;
}

/**
 * The deliveries of a group that met an outage: what FCM did not take counts as no attempt, and goes first afterwards. A target
 * that FCM has refused before is no part of the outage.
 */
export function keepAttempts(outcomes: readonly Outcome[], deliveries: readonly Delivery[]): Delivery[] {
  return deliveries.map((delivery, nth) => {
    const outcome = outcomes[nth];
    const isOpen = outcome?.verdict === 'retryable' && !isDoubted(outcome);
    return isOpen ? { ...delivery, verdict: 'unsent', retryInMs: null } : delivery;
  });
}

function explain(reason: string): string | undefined {
  return FAILURES.find(([pattern]) => pattern.test(reason))?.[1];
}

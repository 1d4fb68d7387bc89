import { findSource } from '../config/sources.ts';
import type { Context } from '../context.ts';
import { isThrottled } from '../judge/settle.ts';
import type { Outcome } from '../model/delivery.ts';
import { riseMsOf } from './slot.ts';

/** However long FCM is down, it is probed at least this often. */
const MAX_PAUSE_MS = 300_000;

/**
 * When 429 answers stop the whole source: this share of a chunk and this many, or a whole chunk. If the project's quota is
 * used up, every answer from then on is 429. Fewer are per-device limits (240 messages a minute to one device): only those
 * devices wait. A small chunk of a retry round may consist of such devices alone.
 * https://firebase.google.com/docs/cloud-messaging/throttling-and-quotas
 */
const BRAKE_SHARE = 0.1;
const MIN_THROTTLED_PUSHES = 10;

type Braker = Pick<Context, 'store' | 'config' | 'log' | 'metrics'>;

/** Why and for how long a source stops. */
export interface Stop {
  readonly pauseMs: number;
  /** In words for a person; `until` and a time follow. */
  readonly reason: string;
  /** FCM is down: each failed probe doubles the pause. */
  readonly isOutage: boolean;
  /** Milliseconds since the answered messages were sent: a brake made since then has the same cause. */
  readonly tookMs: number;
}

/**
 * Stops a source and cancels all its reservations. Afterwards the rate continues from half of what it was and rises again
 * (additive increase, multiplicative decrease).
 */
export async function brake(
  { store, config, log }: Braker,
  source: string,
  { pauseMs: firstPauseMs, reason, isOutage, tookMs }: Stop,
): Promise<void> {
  const riseMs = riseMsOf(findSource(config, source).pace);
  for (;;) {
    const { version, brakeMs, rampAgeMs, outages } = await store.fetchBudget(source, null);
    const isSameCause = -brakeMs < tookMs;
    const pauseMs = Math.round(isOutage ? Math.min(MAX_PAUSE_MS, firstPauseMs * 2 ** outages) : firstPauseMs);
    if (isSameCause && (brakeMs >= pauseMs || (isOutage && brakeMs <= 0))) return;
    const ageMs = Math.min(riseMs, Math.max(0, rampAgeMs + Math.max(0, brakeMs)));
    const next = {
      pauseMs,
      reason,
      rampAgeMs: Math.round(isSameCause || (isOutage && outages > 0) ? ageMs : ageMs / 2),
      outages: isOutage && !(isSameCause && outages > 0) ? outages + 1 : outages,
    };
    if (!(await store.brakeBudget(source, version, next))) continue;
    log.info('source stopped', { source, pauseMs, reason });
    return;
  }
}

/** Stops a source if the answers to a chunk say that its quota is used up. */
export async function brakeIfThrottled(
  ctx: Braker,
  source: string,
  outcomes: readonly Outcome[],
  { tookMs, isRetry = false }: { readonly tookMs: number; readonly isRetry?: boolean },
): Promise<void> {
  const over = outcomes.filter(
    ({ verdict, reason }) => verdict === 'retryable' && isThrottled(reason),
  ).length;
  if (over > 0) ctx.metrics.record({ Throttled: over });
  const throttled = outcomes.filter(
    ({ verdict, reason, retryAfterMs }) =>
      verdict === 'retryable' && (retryAfterMs !== null || isThrottled(reason)),
  );
  const isAll = throttled.length === outcomes.length && !isRetry;
  const isMany = throttled.length >= Math.max(MIN_THROTTLED_PUSHES, outcomes.length * BRAKE_SHARE);
  if (throttled.length === 0 || !(isAll || isMany)) return;
  const pauseMs = Math.max(...throttled.map(({ retryAfterMs }) => retryAfterMs ?? ctx.config.quotaRetryMs));
  await brake(ctx, source, { pauseMs, reason: 'throttled', isOutage: false, tookMs });
}

/** Stops a source because FCM is down. */
export function brakeForOutage(ctx: Braker, source: string, reason: string, tookMs: number): Promise<void> {
  return brake(ctx, source, { pauseMs: ctx.config.retryMs, reason, isOutage: true, tookMs });
}

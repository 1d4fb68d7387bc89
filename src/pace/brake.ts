import { findSource } from '../config/sources.ts';
import type { Context } from '../context.ts';
import { isDoubted } from '../judge/doubt.ts';
import { isThrottled } from '../judge/settle.ts';
import { MAX_RETRY_AFTER_MS, type Outcome } from '../model/delivery.ts';
import { riseMsOf } from './slot.ts';

/** However long FCM is down, it is probed at least this often. */
const MAX_PAUSE_MS = 300_000;

/**
 * When 429 answers stop the whole source: this share of a batch and this many, or a whole batch. If the project's quota is
 * used up, every answer from then on is 429. Fewer are per-device limits (240 messages a minute to one device): only those
 * devices wait. A small batch of a retry round may consist of such devices alone.
 * https://firebase.google.com/docs/cloud-messaging/throttling-and-quotas
 */
const BRAKE_SHARE = 0.1;
const MIN_THROTTLED_PUSHES = 10;

type Braker = Pick<Context, 'store' | 'config' | 'log'>;

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
    // An outage's later answers do not lengthen its pause: only a probe that is sent after it does.
    if (isSameCause && (brakeMs >= pauseMs || (isOutage && (outages > 0 || brakeMs <= 0)))) return;
    const ageMs = Math.min(riseMs, Math.max(0, rampAgeMs + Math.max(0, brakeMs)));
    const next = {
      pauseMs,
      reason,
      rampAgeMs: Math.round(isSameCause || (isOutage && outages > 0) ? ageMs : ageMs / 2),
      outages: isOutage ? outages + 1 : outages,
    };
    if (!(await store.brakeBudget(source, version, next))) continue;
    log.info('source stopped', { source, pauseMs, reason });
    return;
  }
}

/** Counts the pushes that FCM did not take because the quota is used up. */
export function measureThrottled({ metrics }: Pick<Context, 'metrics'>, outcomes: readonly Outcome[]): void {
  const over = outcomes.filter(({ verdict, reason }) => verdict === 'retryable' && isThrottled(reason));
  if (over.length > 0) metrics.record({ Throttled: over.length });
}

/**
 * Stops a source if answers say together that its quota is used up. `isPart`: more of them may follow, or they are the few
 * of a retry round: then a small number proves nothing.
 */
export async function brakeIfThrottled(
  ctx: Braker,
  source: string,
  outcomes: readonly Outcome[],
  { tookMs, isPart = false }: { readonly tookMs: number; readonly isPart?: boolean },
): Promise<void> {
  const throttled = outcomes.filter(
    (outcome) =>
      outcome.verdict === 'retryable' &&
      !isDoubted(outcome) &&
      (outcome.retryAfterMs !== null || isThrottled(outcome.reason)),
  );
  const isAll = throttled.length === outcomes.length && !isPart;
  const isMany = throttled.length >= Math.max(MIN_THROTTLED_PUSHES, outcomes.length * BRAKE_SHARE);
  if (throttled.length === 0 || !(isAll || isMany)) return;
  const pauseMs = Math.max(...throttled.map(({ retryAfterMs }) => retryAfterMs ?? ctx.config.quotaRetryMs));
  const reason = pauseMs < MAX_RETRY_AFTER_MS ? 'throttled' : 'throttled, as FCM asks for a day or longer,';
  await brake(ctx, source, { pauseMs, reason, isOutage: false, tookMs });
}

/** Stops a source because FCM is down. */
export function brakeForOutage(ctx: Braker, source: string, reason: string, tookMs: number): Promise<void> {
  return brake(ctx, source, { pauseMs: ctx.config.retryMs, reason, isOutage: true, tookMs });
}

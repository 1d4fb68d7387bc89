import { type Finding, green, red } from './check.ts';

/**
 * Google refuses the signature of a service account if this machine's clock is minutes off, and AWS refuses a request.
 * Leases use the clock of the database alone.
 */
const MAX_SKEW_MS = 30_000;

/**
 * Judges how far this machine's clock is ahead of another one: `aheadMs` compares the time of the question with the time in
 * the answer, which took `tookMs`.
 */
export function judgeSkew(aheadMs: number, tookMs: number, whose: string): Finding {
  const skewMs = Math.max(aheadMs, -aheadMs - tookMs);
  const seconds = Math.round(Math.abs(aheadMs) / 1000);
  if (skewMs <= MAX_SKEW_MS) return green(`this machine's clock agrees with ${whose}`);
  return red(
    `this machine's clock is ${seconds} s ${aheadMs > 0 ? 'ahead of' : 'behind'} ${whose}`,
    'set the wrong clock; NTP (chrony, systemd-timesyncd) keeps it right',
  );
}

import { type Finding, green, red } from './check.ts';

/** Google refuses a service account whose clock is minutes off, and AWS a signature; leases go by the database's alone. */
const MAX_SKEW_MS = 30_000;

/** `aheadMs`: of this machine's clock, when it was asked; the answer took `tookMs`. */
export function judgeSkew(aheadMs: number, tookMs: number, whose: string): Finding {
  const skewMs = Math.max(aheadMs, -aheadMs - tookMs);
  const seconds = Math.round(Math.abs(aheadMs) / 1000);
  if (skewMs <= MAX_SKEW_MS) return green(`this machine's clock agrees with ${whose}`);
  return red(
    `this machine's clock is ${seconds} s ${aheadMs > 0 ? 'ahead of' : 'behind'} ${whose}`,
    'set the one that is wrong: let NTP (chrony, systemd-timesyncd) keep it',
  );
}

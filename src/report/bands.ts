import type { AuditEntry } from '../model/audit.ts';

/**
 * Why nothing was to be sent for a time.
 * - `paused`: the announcement was paused, or had failed.
 * - `down`: FCM was down.
 * - `throttled`: FCM throttled the source.
 */
export const BAND_KINDS = ['paused', 'down', 'throttled'] as const;
export type BandKind = (typeof BAND_KINDS)[number];

/** A time in which nothing was to be sent. Times are milliseconds since the epoch. */
export interface Band {
  readonly kind: BandKind;
  readonly from: number;
  readonly to: number;
  readonly why: string | null;
}

/**
 * `bandsOf` lists the pauses of an announcement and the brakes of its source, the earliest first. What has not ended ends
 * at `endMs`.
 */
export function bandsOf(
  audit: readonly AuditEntry[],
  sourceAudit: readonly AuditEntry[],
  endMs: number,
): Band[] {
  const bands = [...pausesIn(audit, endMs), ...brakesIn(sourceAudit, endMs)];
  return bands.filter(({ from, to }) => to > from).toSorted((one, two) => one.from - two.from);
}

function pausesIn(audit: readonly AuditEntry[], endMs: number): Band[] {
  const changes = audit.filter(({ became }) => became !== null);
  return changes.flatMap(({ became, at, why }, nth) =>
    became === 'paused' || became === 'failed'
      ? [{ kind: 'paused', from: at, to: Math.min(endMs, changes[nth + 1]?.at ?? endMs), why }]
      : [],
  );
}

/** A brake lasts for its pause, and an outage until FCM is up again; each ends where the next one begins. */
function brakesIn(sourceAudit: readonly AuditEntry[], endMs: number): Band[] {
  return sourceAudit.flatMap(({ action, at, why }, nth): Band[] => {
    const next = Math.min(endMs, sourceAudit[nth + 1]?.at ?? endMs);
    switch (action) {
      case 'throttled':
        return [{ kind: 'throttled', from: at, to: Math.min(next, at + (pauseMsOf(why) ?? 0)), why }];
      case 'outage':
        return [{ kind: 'down', from: at, to: next, why }];
      case 'created':
      case 'scheduled':
      case 'started':
      case 'paused':
      case 'resumed':
      case 'cancelled':
      case 'failed':
      case 'done':
      case 'edits accepted':
      case 'unregistered accepted':
      case 'outage over':
      case 'pruned':
      case 'alert sent':
      case 'alert failed':
        return [];
    }
  });
}

/** `pauseMsOf` reads how long a source stops from the words of its entry in the audit; null if they do not say it. */
export function pauseMsOf(why: string | null): number | null {
  const seconds = / for (\d{1,9}) s$/.exec(why ?? '')?.[1];
  return seconds === undefined ? null : Number(seconds) * 1000;
}

import type { AuditAction, AuditEntry } from '../model/audit.ts';

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

const BRAKES: readonly AuditAction[] = ['throttled', 'outage', 'outage over'];

/** A brake lasts for its pause, and an outage until FCM is up again; each ends where the next one begins. */
function brakesIn(sourceAudit: readonly AuditEntry[], endMs: number): Band[] {
  const brakes = sourceAudit.filter(({ action }) => BRAKES.includes(action));
  return brakes.flatMap(({ action, at, why }, nth): Band[] => {
    const next = Math.min(endMs, brakes[nth + 1]?.at ?? endMs);
    if (action === 'outage') return [{ kind: 'down', from: at, to: next, why }];
    if (action !== 'throttled') return [];
    return [{ kind: 'throttled', from: at, to: Math.min(next, at + (pauseMsOf(why) ?? 0)), why }];
  });
}

/** How long a source stops, in the words of its entry in the audit. */
const PAUSE = /(?:: waiting)? for (\d{1,9}) s$/;

/** `pauseMsOf` reads how long a source stops from the words of its entry in the audit; null if they do not say it. */
function pauseMsOf(why: string | null): number | null {
  const seconds = PAUSE.exec(why ?? '')?.[1];
  return seconds === undefined ? null : Number(seconds) * 1000;
}

/** `withoutPause` leaves the reason of a stop from the words of its entry in the audit. */
export function withoutPause(why: string): string {
  return why.replace(PAUSE, '');
}

/** `withoutUntil` leaves the reason of a stop from the words of a running announcement's status. */
export function withoutUntil(statusReason: string): string {
  return statusReason.replace(/(?:: waiting)? until [\d-]+ [\d:]+ UTC$/, '');
}

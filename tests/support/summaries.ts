import type { AuditEntry } from '../../src/model/audit.ts';
import { countVerdicts } from '../../src/model/delivery.ts';
import type { HopSummary, HopWork } from '../../src/model/summary.ts';

/** A hop that took its whole page at once; the times are milliseconds since the epoch. */
export function makeHop({
  work = {},
  ...hop
}: Partial<Omit<HopSummary, 'work'>> & { readonly work?: Partial<HopWork> } = {}): HopSummary {
  return {
    announcementId: 1,
    round: 0,
    fromId: 0,
    lastId: 1000,
    nextId: null,
    plantedAt: 0,
    claimedAt: 0,
    openedAt: 0,
    closedAt: null,
    leaseUntil: 30_000,
    isHeld: false,
    woken: 0,
    takenOver: 0,
    givenBack: 0,
    backReason: null,
    devices: 1000,
    counts: countVerdicts([]),
    ...hop,
    work: { waitMs: 0, readMs: 0, sendMs: 0, recordMs: 0, sent: 1000, answers: [], reasons: {}, ...work },
  };
}

export function makeEntry(
  action: AuditEntry['action'],
  at: number,
  more: Partial<AuditEntry> = {},
): AuditEntry {
  return {
    auditId: at + 1,
    at,
    announcementId: 1,
    source: null,
    actor: 'baton',
    action,
    was: null,
    became: null,
    why: null,
    ...more,
  };
}

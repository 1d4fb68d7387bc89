import type { PaceConfig } from '../../config/config.ts';
import type { Context } from '../../context.ts';
import type { Announcement } from '../../model/announcement.ts';
import type { AuditEntry } from '../../model/audit.ts';
import type { Budget } from '../../model/budget.ts';
import type { HopSummary, Totals } from '../../model/summary.ts';
import { fetchTotalsOf } from '../../store/summaries.ts';
import { rampFromOf } from '../ramps.ts';
import { partsOf, type TimeUse } from '../timeline.ts';
import { fetchTimes, type Times } from '../times.ts';

/** The settings of the function that AWS knows. */
export interface FunctionState {
  readonly recursiveLoop: string | null;
  /** Null: nothing is reserved. */
  readonly reservedConcurrency: number | null;
}

/** All that is known of an announcement. Times are milliseconds since the epoch. */
export interface Facts {
  readonly announcement: Announcement;
  readonly times: Times;
  readonly now: number;
  readonly hops: readonly HopSummary[];
  readonly totals: Totals;
  readonly audit: readonly AuditEntry[];
  readonly sourceAudit: readonly AuditEntry[];
  /** Null: the announcement has not started. */
  readonly budget: Budget | null;
  readonly pace: PaceConfig;
  /** Milliseconds since the last tick; null: there has been none. */
  readonly tickAgeMs: number | null;
  /** Where the time went; null: it has not started. */
  readonly use: TimeUse | null;
  /** Null: AWS was not asked. */
  readonly lambda: FunctionState | null;
}

/** More entries of the audit than a person reads. */
const MAX_ENTRIES = 1000;

/** A brake from before the start may hold the source up for so long. */
const BEFORE_START_MS = 600_000;

/** Reads all that the database knows of an announcement, but for its ledger. */
export async function fetchFacts(
  { store, clock, pace, lambda = null }: Pick<Context, 'store' | 'clock'> & FactOptions,
  announcement: Announcement,
): Promise<Facts> {
  const { announcementId, source } = announcement;
  const times = await fetchTimes({ store }, announcementId);
  const hops = await store.fetchHopSummaries(announcementId);
  const totals = await fetchTotalsOf(store, announcementId);
  const audit = await store.fetchAudit(announcementId, MAX_ENTRIES);
  const tickAgeMs = await store.fetchTickAgeMs();
  const now = clock.now();
  const { startedAt } = times;
  const facts = { announcement, times, now, hops, totals, audit, pace, tickAgeMs, lambda };
  if (startedAt === null) return { ...facts, sourceAudit: [], budget: null, use: null };
  const endedAt = Math.max(startedAt, times.finishedAt ?? now);
  const entries = await store.fetchSourceAudit(source, startedAt - BEFORE_START_MS, endedAt, MAX_ENTRIES);
  const sourceAudit = entries.filter(({ announcementId: id }) => id === null);
  const budget = await store.fetchBudget(source, announcementId);
  const rampFrom = rampFromOf({ hops, budget, now, endedAt });
  const use = partsOf({ hops, audit, sourceAudit, startedAt, endedAt, pace, rampFrom });
  return { ...facts, sourceAudit, budget, use };
}

export interface FactOptions {
  /** The pace of the announcement's source. */
  readonly pace: PaceConfig;
  readonly lambda?: FunctionState | null;
}

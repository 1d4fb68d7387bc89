import type { PaceConfig } from '../config/config.ts';
import { findAnnouncement } from '../broadcast/announcement.ts';
import type { Context } from '../context.ts';
import type { Announcement } from '../model/announcement.ts';
import type { AuditEntry } from '../model/audit.ts';
import { VERDICTS, type Counts } from '../model/delivery.ts';
import { type Balance, balanceOf, type HopSummary, type Totals } from '../model/summary.ts';
import type { AnnouncementSummary } from '../store.ts';

/** Entries of the audit that are read: far more than any announcement should have. */
const MAX_AUDIT = 500;

/** Announcements that are looked through for the last five of the same source. */
const MAX_SEARCHED = 60;
const MAX_EARLIER = 5;

/** The time before a start in which a stop of the source still matters: the longest pause of an outage. */
const BEFORE_START_MS = 300_000;

/** Everything that the report of one announcement says, as the database has it. Times are milliseconds since the epoch. */
export interface Report {
  /** When it was read. */
  readonly at: number;
  readonly announcement: Announcement;
  readonly publishAt: number | null;
  /** Null: not started. */
  readonly startedAt: number | null;
  /** When it ended, or stopped for a person to decide; null: it goes on. */
  readonly endedAt: number | null;
  readonly totals: Totals;
  /** Null: its audience was not counted. */
  readonly balance: Balance | null;
  readonly hops: readonly HopSummary[];
  /** The entries about the announcement, the earliest first. */
  readonly audit: readonly AuditEntry[];
  /** The entries about its source during the announcement, the earliest first. */
  readonly sourceAudit: readonly AuditEntry[];
  /** Announcements of the same source before it, the latest first. */
  readonly earlier: readonly Earlier[];
  /** Null: the configuration does not have the source. */
  readonly pace: PaceConfig | null;
  /** When the last ramp of the source began; null: not during this announcement. */
  readonly rampFrom: number | null;
}

/** An announcement to compare with. */
export interface Earlier extends Pick<
  AnnouncementSummary,
  'announcementId' | 'title' | 'status' | 'startedAt' | 'finishedAt' | 'dryRun'
> {
  /** Null: its audience was not counted. */
  readonly balance: Balance | null;
}

/**
 * `fetchReport` reads everything that the report says. It reads no row of the ledger, but for an announcement of a release that
 * did not count. PushError('NO_SUCH_ANNOUNCEMENT').
 */
export async function fetchReport(
  {
    store,
    clock,
    config,
  }: Pick<Context, 'store' | 'clock'> & { readonly config: Pick<Context['config'], 'sources'> },
  announcementId: number,
): Promise<Report> {
  const at = clock.now();
  const announcement = await findAnnouncement({ store }, announcementId);
  const { source, status } = announcement;
  const latest = await store.fetchLatest(MAX_SEARCHED, announcementId + 1);
  const own = latest.find((each) => each.announcementId === announcementId);
  const before = latest
    .filter((each) => each.announcementId !== announcementId && each.source === source)
    .filter(({ startedAt, dryRun }) => startedAt !== null && dryRun === announcement.dryRun)
    .slice(0, MAX_EARLIER);
  const [audit, hops, totalsOf] = await Promise.all([
    store.fetchAudit(announcementId, MAX_AUDIT),
    store.fetchHopSummaries(announcementId),
    store.fetchTotals([announcementId, ...before.map((each) => each.announcementId)]),
  ]);
  const startedAt = own?.startedAt ?? null;
  const isRunning = status === 'running';
  const stoppedAt = audit.findLast(({ became }) => became === status)?.at ?? null;
  const endedAt = isRunning || startedAt === null ? null : (own?.finishedAt ?? stoppedAt ?? at);
  const [from, to] = [(startedAt ?? at) - BEFORE_START_MS, endedAt ?? at];
  const sourceAudit = await store.fetchSourceAudit(source, from, to, MAX_AUDIT);
  const { rampAgeMs } = await store.fetchBudget(source, null);
  const rampFrom = at - rampAgeMs;
  const totals = await withCounts({ store }, totalsOf.get(announcementId) ?? noTotals(announcementId));
  return {
    at,
    announcement,
    publishAt: own?.publishAt ?? null,
    startedAt,
    endedAt,
    totals,
    balance: balanceOf(totals),
    hops,
    audit,
    sourceAudit,
    earlier: before.map((each) => {
      const sums = totalsOf.get(each.announcementId);
      return { ...each, balance: sums?.isCounted ? balanceOf(sums) : null };
    }),
    pace: config.sources.get(source)?.pace ?? null,
    rampFrom: rampFrom >= from && rampFrom <= to ? rampFrom : null,
  };
}

/** The ledger counts what an earlier release has not. */
async function withCounts({ store }: Pick<Context, 'store'>, totals: Totals): Promise<Totals> {
  if (totals.isCounted) return totals;
  return { ...totals, counts: await store.countDeliveries(totals.announcementId) };
}

function noTotals(announcementId: number): Totals {
  const counts = Object.fromEntries(VERDICTS.map((verdict) => [verdict, 0])) as Counts;
  const hops = { open: 0, closed: 0 };
  return { announcementId, audience: null, read: 0, isRead: false, counts, hops, isCounted: true };
}

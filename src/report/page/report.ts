import { findAnnouncement } from '../../broadcast/announcement.ts';
import { type Config, defaultPace } from '../../config/config.ts';
import type { Context } from '../../context.ts';
import { type Balance, balanceIfCounted, balanceOf } from '../../model/summary.ts';
import type { DeliveryDay } from '../../model/delivery-data.ts';
import type { ReceiptCounts } from '../../model/receipt.ts';
import type { AnnouncementSummary } from '../../store.ts';
import { type Facts, fetchFacts } from '../explain/facts.ts';
import { fetchDeliveryDays, fetchReceipts } from '../receipts.ts';
import { rampFromOf } from '../ramps.ts';
import { partsOf } from '../timeline.ts';

/** Announcements that are looked through for the last five of the same source. */
const MAX_SEARCHED = 60;
const MAX_EARLIER = 5;

/** Everything that the report of one announcement says, as the database has it. */
export interface Report extends Facts {
  /** False: the configuration does not have the source, so that its budget is not known. */
  readonly isPaceKnown: boolean;
  /** When the last ramp of the source began, in milliseconds since the epoch; null: not known. */
  readonly rampFrom: number | null;
  /** Null: its audience was not counted. */
  readonly balance: Balance | null;
  /** Announcements of the same source before it, the latest first. */
  readonly earlier: readonly Earlier[];
  /** What phones report; null: no receipt has arrived. */
  readonly receipts: ReceiptCounts | null;
  /** What FCM's Data API says of its label, by day. */
  readonly deliveryData: readonly DeliveryDay[];
}

/** An announcement to compare with. */
export interface Earlier extends Pick<
  AnnouncementSummary,
  'announcementId' | 'title' | 'status' | 'startedAt' | 'finishedAt'
> {
  /** Null: its audience was not counted. */
  readonly balance: Balance | null;
}

/**
 * `fetchReport` reads everything that the report says. It reads no row of the ledger, but for an announcement of a release that
 * did not count. PushError('NO_SUCH_ANNOUNCEMENT').
 */
export async function fetchReport(
  { store, clock, config }: Pick<Context, 'store' | 'clock'> & { readonly config: Pick<Config, 'sources'> },
  announcementId: number,
): Promise<Report> {
  const announcement = await findAnnouncement({ store }, announcementId);
  const known = config.sources.get(announcement.source)?.pace;
  const facts = await fetchFacts({ store, clock, pace: known ?? defaultPace() }, announcement);
  const totals = facts.totals.isCounted
    ? facts.totals
    : { ...facts.totals, counts: await store.countDeliveries(announcementId) };
  return {
    ...facts,
    ...timesOf(facts),
    totals,
    isPaceKnown: known !== undefined,
    balance: balanceOf(totals),
    earlier: await fetchEarlier({ store }, facts),
    receipts: await fetchReceipts({ store }, announcementId),
    deliveryData: await fetchDeliveryDays({ store }, announcement, facts.times),
  };
}

async function fetchEarlier(
  { store }: Pick<Context, 'store'>,
  { announcement: { announcementId, source, dryRun } }: Facts,
): Promise<Earlier[]> {
  const latest = await store.fetchLatest(MAX_SEARCHED, announcementId);
  const same = latest.filter((each) => each.source === source && each.dryRun === dryRun);
  const earlier = same.filter(({ startedAt }) => startedAt !== null).slice(0, MAX_EARLIER);
  const totalsOf = await store.fetchTotals(earlier.map((each) => each.announcementId));
  return earlier.map(({ announcementId: id, title, status, startedAt, finishedAt }) => ({
    announcementId: id,
    title,
    status,
    startedAt,
    finishedAt,
    balance: balanceIfCounted(totalsOf.get(id)),
  }));
}

/**
 * Where the time went, up to the end. An announcement that waits for a person has ended for the report: how long it waits
 * says nothing about it.
 */
function timesOf(facts: Facts): Pick<Report, 'use' | 'rampFrom'> {
  const { announcement, times, now, audit, hops, budget } = facts;
  const { startedAt } = times;
  if (startedAt === null) return { use: null, rampFrom: null };
  const { status } = announcement;
  const stoppedAt = status === 'running' ? now : audit.findLast(({ became }) => became === status)?.at;
  const endedAt = Math.max(startedAt, times.finishedAt ?? stoppedAt ?? now);
  const rampFrom = rampFromOf({ hops, budget, now, endedAt });
  return { use: partsOf({ ...facts, startedAt, endedAt, rampFrom }), rampFrom };
}

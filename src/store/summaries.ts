import type { Counts } from '../model/delivery.ts';
import type { HopSummary, HopWork, Totals } from '../model/summary.ts';

/** A batch of deliveries as the hop's own row counts it. A batch whose number is not greater than the last one's is not counted again. */
export interface CountedBatch {
  readonly number: number;
  /** What the hop has done so far, this batch included. */
  readonly work: HopWork;
  /** By how much the number of the ledger's rows of each verdict changes. */
  readonly counts: Counts;
}

/** Reads the sums over the hops of one announcement. */
export async function fetchTotalsOf(
  store: Pick<Summaries, 'fetchTotals'>,
  announcementId: number,
): Promise<Totals> {
  const totals = (await store.fetchTotals([announcementId])).get(announcementId);
  if (totals) return totals;
  throw new Error('fetchTotals: expected the totals of the id asked for, got none');
}

/** What hops and announcements have done, in numbers: it is in their rows, and no ledger is counted. */
export interface Summaries {
  /** All hops of an announcement, by round and first id. */
  fetchHopSummaries(announcementId: number): Promise<HopSummary[]>;
  /** The sums over the hops of each announcement; all zero for one without a hop. */
  fetchTotals(announcementIds: readonly number[]): Promise<ReadonlyMap<number, Totals>>;
}

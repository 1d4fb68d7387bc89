import type { AnnouncementStatus } from '../model/announcement.ts';
import { type Counts, sumCounts, VERDICTS } from '../model/delivery.ts';
import { type Balance, balanceOf, type Totals } from '../model/summary.ts';
import type { Store } from '../store.ts';

/** How the numbers that hops keep compare with the ledger, over all announcements of a rehearsal. */
export interface BalanceCheck {
  /** Null: messages from a queue belong to no announcement, or nothing has started. */
  readonly balance: Balance | null;
  /** By how many pushes the numbers of the hops, the ledger and the audience differ. */
  readonly unbalanced: number;
}

/** `checkBalances` compares the numbers of the hops with the ledger, announcement by announcement. */
export async function checkBalances(
  store: Pick<Store, 'fetchTotals' | 'fetchAnnouncement' | 'countDeliveries'>,
  announcementIds: readonly number[],
): Promise<BalanceCheck> {
  let sum: BalanceCheck = { balance: null, unbalanced: 0 };
  const ids = announcementIds.filter((id) => id > 0);
  for (const [announcementId, totals] of await store.fetchTotals(ids)) {
    const announcement = await store.fetchAnnouncement(announcementId);
    const ledger = await store.countDeliveries(announcementId);
    const balance = balanceOf(totals);
    const unbalanced = countUnbalanced(totals, ledger, announcement?.status ?? 'draft');
    sum = { balance: addUp(sum.balance, balance), unbalanced: sum.unbalanced + unbalanced };
  }
  return sum;
}

/**
 * `countUnbalanced` is the sum of all differences: of the hops' numbers from the ledger's, by verdict, and of the audience
 * from the rows of the ledger. An announcement that is not done may have fewer rows than its audience, and never more.
 */
export function countUnbalanced(totals: Totals, ledger: Counts, status: AnnouncementStatus): number {
  const balance = balanceOf(totals);
  const differences = VERDICTS.map((verdict) => Math.abs(totals.counts[verdict] - ledger[verdict]));
  if (balance !== null) {
    const rows = sumCounts(ledger);
    const missing = balance.audience - balance.excluded - rows;
    differences.push(status === 'done' ? Math.abs(missing) : Math.max(0, -missing));
  }
  return differences.reduce((sum, difference) => sum + difference, 0);
}

function addUp(one: Balance | null, two: Balance | null): Balance | null {
  if (one === null || two === null) return one ?? two;
  return {
    audience: one.audience + two.audience,
    excluded: one.excluded + two.excluded,
    delivered: one.delivered + two.delivered,
    unregistered: one.unregistered + two.unregistered,
    rejected: one.rejected + two.rejected,
    unknown: one.unknown + two.unknown,
    unsent: one.unsent + two.unsent,
  };
}

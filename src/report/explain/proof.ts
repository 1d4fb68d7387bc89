import type { Context } from '../../context.ts';
import { type Counts, sumCounts, type Verdict, VERDICTS } from '../../model/delivery.ts';
import {
  type Balance,
  balanceOf,
  type HopSummary,
  isInterrupted,
  type Totals,
  wakeUpsOf,
} from '../../model/summary.ts';
import { countOf, formatCount, formatTime } from '../../words.ts';
import { sumSent } from '../sums.ts';
import { chainsOf } from './chains.ts';
import type { Facts } from './facts.ts';

/** What was done more than once, and its excuse. */
export interface Repeats {
  /** Pushes that were sent, repeats included. */
  readonly sent: number;
  readonly hops: number;
  readonly takenOver: number;
  readonly givenBack: number;
  readonly woken: number;
  /** Why hops were given back: the last reason of each, with the number of hops. */
  readonly reasons: readonly { readonly why: string; readonly hops: number }[];
}

/** Whether the numbers of an announcement agree with each other. */
export interface Proof {
  /** The rows of the ledger, counted now; null: they are deleted, or were not asked for. */
  readonly ledger: Counts | null;
  /** The sums over the hops; null: an earlier release worked on it, and did not count. */
  readonly hops: Counts | null;
  readonly balance: Balance | null;
  readonly lanes: number;
  readonly pages: number;
  readonly repeats: Repeats;
  /** What agrees, in words. */
  readonly holds: readonly string[];
  /** What does not. Empty: everything agrees. */
  readonly problems: readonly string[];
  /** True: hops are open, and numbers may move while they are read. */
  readonly isMoving: boolean;
}

/** What of the database only the proof reads. */
export interface Counted {
  /** Null: the deliveries are deleted. */
  readonly ledger: Counts | null;
  readonly laneEnds: ReadonlyMap<number, number | null>;
  /** Rows of the ledger by page; null: not needed. */
  readonly byPage: ReadonlyMap<number, number> | null;
}

/** Counts the ledger; page by page only if it does not agree with the hops. */
export async function fetchCounted(
  { store }: Pick<Context, 'store'>,
  { announcement, totals }: Pick<Facts, 'announcement' | 'totals'>,
): Promise<Counted> {
  const { announcementId } = announcement;
  const laneEnds = await store.fetchLaneEnds(announcementId);
  if (totals.audience !== null && totals.audience.prunedAt !== null) {
    return { ledger: null, laneEnds, byPage: null };
  }
  const ledger = await store.countDeliveries(announcementId);
  const isSame = VERDICTS.every((verdict) => ledger[verdict] === totals.counts[verdict]);
  return { ledger, laneEnds, byPage: isSame ? null : await store.countByPage(announcement) };
}

/** `proveNumbers` compares the ledger, the hops and the audience, and follows the chain of cursors. */
export function proveNumbers(
  { announcement, hops, totals }: Pick<Facts, 'announcement' | 'hops' | 'totals'>,
  { ledger, laneEnds, byPage }: Counted,
): Proof {
  const { counts, isCounted, isRead } = totals;
  const isMoving = totals.hops.open > 0 && announcement.status === 'running';
  const holds: string[] = [];
  const problems: string[] = [];
  const check = (ok: boolean, says: string, otherwise: string): void => {
    if (ok) holds.push(says);
    else problems.push(otherwise);
  };
  const broad = hops.filter(({ round }) => round === 0);
  const chains = chainsOf(hops);

  if (ledger === null) {
    const prunedAt = totals.audience?.prunedAt ?? 0;
    holds.push(
      `the deliveries are deleted since ${formatTime(prunedAt)} UTC; the numbers are those of the hops`,
    );
  } else if (isCounted) {
    const wrong = VERDICTS.filter((verdict) => ledger[verdict] !== counts[verdict]);
    const says = `the ledger has ${countOf(sumCounts(ledger), 'row')}, and the hops have counted as many of each verdict`;
    check(wrong.length === 0, says, describeDifference(wrong, ledger, counts, broad, byPage));
    if (isRead && announcement.status === 'done') {
      const same = `every push of the ${countOf(broad.length, 'page')} has its row`;
      check(
        sumCounts(ledger) === totals.read,
        same,
        `the pages have ${formatCount(totals.read)} pushes, the ledger ${countOf(sumCounts(ledger), 'row')}`,
      );
    }
  } else {
    holds.push('an earlier release has worked on it, which did not count: only the ledger has numbers');
  }
  const balance = isCounted ? balanceOf(totals) : null;
  if (balance !== null && announcement.status === 'done') {
    const { audience, excluded, delivered, unregistered, rejected, unknown, unsent } = balance;
    const words = [delivered, unregistered, rejected, unknown].map(formatCount).join(' + ');
    check(
      unsent === 0,
      `audience ${formatCount(audience)} = ${formatCount(excluded)} + ${words} (excluded, delivered, unregistered, rejected, unknown)`,
      `${countOf(unsent, 'device')} of the audience of ${formatCount(audience)} got no push and no final verdict`,
    );
  }
  const breaks = breaksIn(hops, laneEnds, totals);
  check(
    breaks.length === 0,
    `the chain of cursors has no gap: ${countOf(broad.length, 'page')} in ${countOf(chains.length, 'lane')}`,
    breaks.slice(0, 5).join('; '),
  );
  const result = { ledger, hops: isCounted ? counts : null, balance, holds, problems, isMoving };
  return { ...result, lanes: chains.length, pages: broad.length, repeats: repeatsOf(hops) };
}

function describeDifference(
  wrong: readonly Verdict[],
  ledger: Counts,
  counts: Counts,
  broad: readonly HopSummary[],
  byPage: ReadonlyMap<number, number> | null,
): string {
  const words = wrong.map(
    (verdict) =>
      `${verdict}: ${formatCount(ledger[verdict])} rows in the ledger, ${formatCount(counts[verdict])} counted by the hops`,
  );
  const pages = broad.filter(
    ({ fromId, devices }) => devices !== null && byPage !== null && (byPage.get(fromId) ?? 0) !== devices,
  );
  const where = pages
    .slice(0, 5)
    .map(({ fromId, devices }) => `${fromId} (${devices ?? 0} pushes, ${byPage?.get(fromId) ?? 0} rows)`);
  return [...words, ...(where.length === 0 ? [] : [`pages that begin at ${where.join(', ')}`])].join('; ');
}

/** Where the pages of a round do not follow each other, or do not reach to the end of the audience. */
function breaksIn(
  hops: readonly HopSummary[],
  laneEnds: ReadonlyMap<number, number | null>,
  { audience }: Pick<Totals, 'audience'>,
): string[] {
  const breaks: string[] = [];
  for (const [round, group] of Map.groupBy(hops, (hop) => hop.round)) {
    const ids = new Set(group.map(({ fromId }) => fromId));
    for (const [nth, { fromId, lastId, nextId }] of group.entries()) {
      const where = `the page at ${fromId}${round === 0 ? '' : `, round ${round}`}`;
      const after = group[nth + 1]?.fromId ?? null;
      if (lastId === null) continue;
      if (nextId !== null && !ids.has(nextId)) breaks.push(`${where} leads to ${nextId}, where no page is`);
      if (nextId !== null && nextId <= lastId)
        breaks.push(`${where} ends at ${lastId} and leads back to ${nextId}`);
      if (after !== null && after <= lastId) breaks.push(`${where} overlaps with that at ${after}`);
      const end = laneEnds.get(fromId) ?? null;
      if (round > 0 || nextId !== null) continue;
      const needed = after === null ? (audience?.lastId ?? null) : after - 1;
      if (end !== null && needed !== null && end < needed) {
        breaks.push(`the lane of ${where} ends at ${end}: ids up to ${needed} are in no page`);
      }
    }
  }
  return breaks;
}

function repeatsOf(hops: readonly HopSummary[]): Repeats {
  const total = (pick: (hop: HopSummary) => number): number => hops.reduce((all, hop) => all + pick(hop), 0);
  const given = hops.flatMap(({ backReason }) => (backReason === null ? [] : [backReason]));
  return {
    sent: sumSent(hops),
    hops: hops.filter(isInterrupted).length,
    takenOver: total(({ takenOver }) => takenOver),
    givenBack: total(({ givenBack }) => givenBack),
    woken: total(wakeUpsOf),
    reasons: Array.from(
      Map.groupBy(given, (why) => why),
      ([why, same]) => ({ why, hops: same.length }),
    ).toSorted((one, two) => two.hops - one.hops),
  };
}

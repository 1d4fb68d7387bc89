import { ANSWER_BUCKETS_MS, type HopSummary, type ReasonTally } from '../model/summary.ts';

/** The pushes that all hops have sent, repeats included. */
export function sumSent(hops: readonly HopSummary[]): number {
  return hops.reduce((sum, { work }) => sum + work.sent, 0);
}

/** The reasons of all hops, the most frequent first. */
export function sumReasons(hops: readonly HopSummary[]): (ReasonTally & { readonly reason: string })[] {
  const sums = new Map<string, ReasonTally>();
  for (const { work } of hops) {
    for (const [reason, tally] of Object.entries(work.reasons)) {
      const { pushes, firstAt, lastAt } = sums.get(reason) ?? { ...tally, pushes: 0 };
      sums.set(reason, {
        pushes: pushes + tally.pushes,
        firstAt: Math.min(firstAt, tally.firstAt),
        lastAt: Math.max(lastAt, tally.lastAt),
      });
    }
  }
  return Array.from(sums, ([reason, tally]) => ({ reason, ...tally })).toSorted(
    (one, two) => two.pushes - one.pushes,
  );
}

/** The answer times of all hops, by ANSWER_BUCKETS_MS. */
export function sumAnswers(hops: readonly HopSummary[]): number[] {
  const sum = emptyHistogram();
  for (const { work } of hops)
    for (const [bucket, answers] of work.answers.entries()) sum[bucket] = (sum[bucket] ?? 0) + answers;
  return sum;
}

/** A histogram without answers, by ANSWER_BUCKETS_MS. */
export function emptyHistogram(): number[] {
  return Array.from({ length: ANSWER_BUCKETS_MS.length + 1 }, () => 0);
}

/** When the first slot of the hops opened; null: none has. */
export function firstOpenedOf(hops: readonly HopSummary[]): number | null {
  const opened = hops.flatMap(({ openedAt }) => openedAt ?? []);
  return opened.length === 0 ? null : Math.min(...opened);
}

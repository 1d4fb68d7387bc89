import {
  addReasons,
  ANSWER_BUCKETS_MS,
  type HopSummary,
  type Reasons,
  type ReasonTally,
} from '../model/summary.ts';

/** The pushes that all hops have sent, repeats included. */
export function sumSent(hops: readonly HopSummary[]): number {
  return hops.reduce((sum, { work }) => sum + work.sent, 0);
}

/** The reasons of all hops, the most frequent first. */
export function sumReasons(hops: readonly HopSummary[]): (ReasonTally & { readonly reason: string })[] {
  const sums = hops.reduce<Reasons>((sum, { work }) => addReasons(sum, work.reasons), {});
  return Object.entries(sums)
    .map(([reason, tally]) => ({ reason, ...tally }))
    .toSorted((one, two) => two.pushes - one.pushes);
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

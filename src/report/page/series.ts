import type { PaceConfig } from '../../config/config.ts';
import { type HopSummary, quantileOf } from '../../model/summary.ts';
import { riseMsOf } from '../../pace/slot.ts';
import type { Band } from '../bands.ts';
import type { Ramp } from '../ramps.ts';
import { stretchesOf } from '../stretches.ts';
import { emptyHistogram } from '../sums.ts';

/** A time span of a chart, in milliseconds since the start of the announcement, and its value; null: none. */
export interface Bin<Value> {
  readonly from: number;
  readonly to: number;
  readonly value: Value;
}

/** The part of the time that a chart shows, in milliseconds since the epoch. */
export interface Range {
  readonly startedAt: number;
  readonly endedAt: number;
}

/** Widths of bins and distances of ticks that a person can read, in milliseconds. */
const STEPS_MS = [
  100, 200, 500, 1000, 2000, 5000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000, 600_000, 900_000,
  1_800_000, 3_600_000, 7_200_000, 21_600_000, 43_200_000, 86_400_000, 172_800_000, 604_800_000,
  2_592_000_000,
];

/** `stepOf` is the smallest step of which at most `count` cover the time. */
export function stepOf(ms: number, count: number): number {
  return STEPS_MS.find((step) => ms / step <= count) ?? Math.ceil(ms / count);
}

const MAX_RATE_BINS = 160;
const MAX_ANSWER_BINS = 40;

/** `ratesOf` makes the pushes per second over time: each hop has sent its pushes evenly over its time of sending. */
export function ratesOf(hops: readonly HopSummary[], range: Range): Bin<number>[] {
  const { bins, widthMs } = makeBins(range, MAX_RATE_BINS, () => 0);
  for (const { from, to, hop, share } of sendingOf(hops, range)) {
    spread(from, to, widthMs, bins.length, (nth, part) => {
      bins[nth] = (bins[nth] ?? 0) + hop.work.sent * share * part;
    });
  }
  return bins.map((pushes, nth) => {
    const [from, to] = [nth * widthMs, (nth + 1) * widthMs];
    return { from, to, value: (pushes * 1000) / widthMs };
  });
}

export interface AnswerTimes {
  readonly p50: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
}

/** `answersOf` makes FCM's answer times over time, from the histograms of the hops. */
export function answersOf(hops: readonly HopSummary[], range: Range): Bin<AnswerTimes>[] {
  const { bins, widthMs } = makeBins(range, MAX_ANSWER_BINS, emptyHistogram);
  for (const { from, to, hop, share } of sendingOf(hops, range)) {
    spread(from, to, widthMs, bins.length, (nth, part) => {
      const histogram = bins[nth];
      for (const [bucket, answers] of hop.work.answers.entries())
        if (histogram) histogram[bucket] = (histogram[bucket] ?? 0) + answers * share * part;
    });
  }
  return bins.map((histogram, nth) => ({
    from: nth * widthMs,
    to: (nth + 1) * widthMs,
    value: quantilesOf(histogram),
  }));
}

/** `quantilesOf` makes the answer times of a histogram. */
export function quantilesOf(histogram: readonly number[]): AnswerTimes {
  const [p50, p95, p99] = [0.5, 0.95, 0.99].map((share) => quantileOf(histogram, share));
  return { p50: p50 ?? null, p95: p95 ?? null, p99: p99 ?? null };
}

/** A point of the budget over time: milliseconds since the start, and messages per second. */
export interface Knot {
  readonly at: number;
  readonly perSecond: number;
}

/** `budgetOf` draws the budget over time: it rises on ramps, and is zero while nothing may be sent. */
export function budgetOf(
  pace: PaceConfig,
  bands: readonly Band[],
  ramps: readonly Ramp[],
  { startedAt, endedAt }: Range,
): Knot[] {
  const full = pace.perMinute / 60;
  const riseMs = riseMsOf(pace);
  const at = (time: number): number => {
    if (bands.some(({ from, to }) => time >= from && time < to)) return 0;
    const ramp = ramps.find(({ from, to }) => time >= from && time < to);
    return ramp ? full * Math.max(0, 1 - (ramp.fullAt - time) / riseMs) : full;
  };
  const edges = [...bands, ...ramps].flatMap(({ from, to }) => [from, to]);
  const inner = edges.filter((time) => time > startedAt && time < endedAt).toSorted((one, two) => one - two);
  // Just before an edge, and at it: the line may jump there.
  const times = [startedAt, ...inner.flatMap((time) => [time - 1, time]), endedAt];
  return times.map((time) => ({ at: time - startedAt, perSecond: at(time) }));
}

interface Sending {
  readonly hop: HopSummary;
  /** Milliseconds since the start. */
  readonly from: number;
  readonly to: number;
  /** The share of the hop's sending time that this is. */
  readonly share: number;
}

function sendingOf(hops: readonly HopSummary[], { startedAt, endedAt }: Range): Sending[] {
  return hops.flatMap((hop) => {
    if (hop.work.sent === 0) return [];
    const stretches = stretchesOf(hop, endedAt).filter(({ activity }) => activity === 'sending');
    const totalMs = stretches.reduce((sum, { from, to }) => sum + to - from, 0);
    return stretches.map(({ from, to }) => ({
      hop,
      from: from - startedAt,
      to: to - startedAt,
      share: (to - from) / totalMs,
    }));
  });
}

function makeBins<Value>(
  { startedAt, endedAt }: Range,
  maxBins: number,
  make: () => Value,
): { bins: Value[]; widthMs: number } {
  const ms = Math.max(1, endedAt - startedAt);
  const widthMs = stepOf(ms, maxBins);
  return { bins: Array.from({ length: Math.ceil(ms / widthMs) }, make), widthMs };
}

/** Calls `add` for each bin that a time span touches, with the part of the span that lies in it. */
function spread(
  from: number,
  to: number,
  widthMs: number,
  count: number,
  add: (nth: number, part: number) => void,
): void {
  const first = Math.max(0, Math.floor(from / widthMs));
  const last = Math.min(count - 1, Math.floor(to / widthMs));
  for (let nth = first; nth <= last; nth++) {
    const inside = Math.min(to, (nth + 1) * widthMs) - Math.max(from, nth * widthMs);
    if (inside > 0) add(nth, inside / (to - from));
  }
}

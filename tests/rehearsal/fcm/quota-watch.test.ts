import { array, assert, nat, oneof, property } from 'fast-check';
import { expect, test } from 'vitest';
import { watchQuota } from '../../../src/rehearsal/fcm/quota-watch.ts';

const PER_MINUTE = 600;

/** The most messages within 60 s, counted the long way. */
function countPeak(times: readonly number[]): number {
  return Math.max(0, ...times.map((end) => times.filter((at) => at > end - 60_000 && at <= end).length));
}

/** The greatest excess over an even rate within any time that begins and ends with a message. */
function countAhead(times: readonly number[]): number {
  return Math.max(
    0,
    ...times.flatMap((from, first) =>
      times.slice(first).map((to, count) => ((count + 1) * 60_000) / PER_MINUTE - (to - from)),
    ),
  );
}

test('the peak and the lead are those that counting the long way finds, but for a hundredth of a second', () => {
  const pauses = oneof(nat({ max: 40 }), nat({ max: 5000 }), nat({ max: 130_000 }));
  assert(
    property(array(pauses, { maxLength: 60 }), (gaps) => {
      let now = 1_700_000_000_000;
      const times = gaps.map((gap) => (now += gap));
      const watch = watchQuota(PER_MINUTE);
      for (const at of times) watch.count(at);
      const peak = Math.round(watch.peakMinute() * PER_MINUTE);
      expect(peak).toBeLessThanOrEqual(countPeak(times));
      const within = (ms: number) =>
        Math.max(0, ...times.map((end) => times.filter((at) => at > end - ms && at <= end).length));
      expect(peak).toBeGreaterThanOrEqual(within(60_000 - 10));
      expect(watch.peakAheadMs()).toBeCloseTo(countAhead(times), 5);
    }),
    { seed: 1, numRuns: 200 },
  );
});

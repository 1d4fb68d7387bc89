import { expect, test } from 'vitest';
import { type Conditions, estimate } from '../../../src/report/plan/estimate.ts';
import { perMinuteFor } from '../../../src/report/plan/finish-by.ts';

const IDLE = { freeInMs: -1e9, spreadInMs: -1e9, rampAgeMs: 1e9 };

const conditions: Conditions = {
  pushes: 90_000,
  lanes: 1,
  pageSize: 3000,
  batchSize: 500,
  maxWindow: 1000,
  concurrency: 0,
  pace: { perMinute: 600_000, rampMs: 0 },
  answerMs: 50,
  budget: IDLE,
  rivals: [],
};

test('without a ramp it takes what the budget takes, and a little for the first and the last hop', () => {
  const { hops, durationMs, peakInFlight } = estimate(conditions);
  expect(hops).toBe(30);
  expect(durationMs).toBeGreaterThan(90_000 / 9.8);
  expect(durationMs).toBeLessThan(90_000 / 9.8 + 1500);
  // Little's law: 9.8 pushes a millisecond, each out for 50 ms.
  expect(peakInFlight).toBeCloseTo(490, -1);
});

test('a ramp adds half of its time, and an idle source begins it anew', () => {
  const pace = { perMinute: 600_000, rampMs: 4000 };
  const { durationMs } = estimate(conditions);
  expect(estimate({ ...conditions, pace }).durationMs - durationMs).toBeCloseTo(2000, -3);
  const busy = { freeInMs: 0, spreadInMs: 0, rampAgeMs: 60_000 };
  expect(estimate({ ...conditions, pace, budget: busy }).durationMs - durationMs).toBeLessThan(100);
});

test('what is reserved already, or braked, comes first', () => {
  const budget = { freeInMs: 30_000, spreadInMs: 30_000, rampAgeMs: 1e9 };
  const { opensInMs, durationMs } = estimate({ ...conditions, budget });
  expect(opensInMs).toBeCloseTo(30_000, -2);
  expect(durationMs).toBeGreaterThan(30_000 + 90_000 / 9.8);
});

test('another announcement of the source takes every second slot while both run', () => {
  const rival = { startsInMs: 0, lanes: 1 };
  const alone = estimate(conditions).durationMs;
  expect(estimate({ ...conditions, rivals: [{ ...rival, pushes: 90_000 }] }).durationMs / alone).toBeCloseTo(
    2,
    0,
  );
  expect(estimate({ ...conditions, rivals: [{ ...rival, pushes: 45_000 }] }).durationMs / alone).toBeCloseTo(
    1.5,
    1,
  );
  const later = { ...rival, startsInMs: 60_000, pushes: 90_000 };
  expect(estimate({ ...conditions, rivals: [later] }).durationMs).toBe(alone);
});

test('slow answers need more invocations at a time, and too few of them make it slower', () => {
  const slow = { ...conditions, answerMs: 1000 };
  expect(estimate(slow).peakConcurrency).toBeGreaterThan(estimate(conditions).peakConcurrency);
  expect(estimate(slow).peakInFlight).toBeCloseTo(9800, -2);
  expect(estimate({ ...slow, concurrency: 2 }).durationMs).toBeGreaterThan(2 * estimate(slow).durationMs);
});

test('an audience of nobody is one hop, and a page of one device for millions ends all the same', () => {
  expect(estimate({ ...conditions, pushes: 0 })).toMatchObject({ hops: 1, peakInFlight: 0 });
  expect(estimate({ ...conditions, pushes: 2_000_000, pageSize: 1 }).hops).toBe(2_000_000);
});

test('the budget for a time is the smallest that is enough, and none where the ramp alone takes longer', () => {
  const perMinute = perMinuteFor(conditions, 60_000) ?? 0;
  const takes = (each: number) =>
    estimate({ ...conditions, pace: { ...conditions.pace, perMinute: each } }).durationMs;
  expect(takes(perMinute)).toBeLessThanOrEqual(60_000);
  expect(takes(perMinute - 1000)).toBeGreaterThan(60_000);
  expect(perMinuteFor(conditions, 100)).toBeNull();
});

test('the estimate is within 15 percent of rehearsals that were measured on a quiet machine', () => {
  // docs/benchmarks.md: 2,000,000 devices at 600,000 a minute, without a ramp, took 214 s.
  const seconds =
    estimate({ ...conditions, pushes: 2_000_000, answerMs: 54, concurrency: 8 }).durationMs / 1000;
  expect(seconds / 214).toBeGreaterThan(0.85);
  expect(seconds / 214).toBeLessThan(1.15);
});

import { expect, test } from 'vitest';
import type { PaceConfig } from '../../src/config/config.ts';
import { planSlot, windowOf } from '../../src/pace/slot.ts';
import type { Budget } from '../../src/model/budget.ts';

const FULL = { perMinute: 600_000, rampMs: 0 };
const RAMPED = { perMinute: 600_000, rampMs: 60_000 };
/** 98% of 10 messages a millisecond. */
const MS_FOR_3000 = Math.ceil(3000 / 9.8);

/** A slot of 3000 messages unless a test says otherwise, long after the ramp. */
function plan(pace: PaceConfig, { messages = 3000, ...budget }: Partial<Budget> & { messages?: number }) {
  const { freeInMs = 0, spreadInMs = freeInMs } = budget;
  const full = { freeInMs, spreadInMs, urgentInMs: 0, rampAgeMs: 900_000, answerMs: 0, ...budget };
  return planSlot(full, messages, pace, { maxWindow: 1000 });
}

test('without a ramp a page takes its share of the minute, after what is reserved already', () => {
  const whole = { waitMs: 0, takenMs: MS_FOR_3000, gapMs: 0, spreadMs: MS_FOR_3000, window: 1000 };
  expect(plan(FULL, {})).toEqual({ ...whole, startsRamp: false, rateShare: 1 });
  expect(plan(FULL, { freeInMs: 700 })).toMatchObject({ waitMs: 700, takenMs: MS_FOR_3000 });
  expect(plan(FULL, { freeInMs: -500, messages: 0 })).toMatchObject({ waitMs: 0, takenMs: 0 });
  expect(plan(FULL, { freeInMs: -900_000 })).toMatchObject({ takenMs: MS_FOR_3000, startsRamp: false });
});

test('a source that was idle begins with the ramp, whatever ramp it had before', () => {
  expect(plan(RAMPED, { freeInMs: -60_001 })).toMatchObject({ startsRamp: true, rateShare: 0 });
  expect(plan(RAMPED, { freeInMs: -59_999 })).toEqual({
    waitMs: 0,
    takenMs: MS_FOR_3000,
    gapMs: 0,
    spreadMs: MS_FOR_3000,
    window: 1000,
    startsRamp: false,
    rateShare: 1,
  });
});

test('over the ramp half as much is sent as at the full rate, and each page takes less time than the one before', () => {
  let at = 0;
  let sent = 0;
  let last = Infinity;
  while (at < 60_000) {
    const { takenMs } = plan(RAMPED, { rampAgeMs: at });
    expect(takenMs).toBeLessThanOrEqual(last);
    last = takenMs;
    at += takenMs;
    sent += 3000;
  }
  expect(sent / (60_000 * 9.8)).toBeCloseTo(0.5, 1);
  expect(plan(RAMPED, { rampAgeMs: at }).takenMs).toBe(MS_FOR_3000);
});

test('the ramp goes on while a hop waits for its slot', () => {
  const soon = plan(RAMPED, { rampAgeMs: 10_000 });
  const later = plan(RAMPED, { freeInMs: 20_000, rampAgeMs: 10_000 });
  expect(later.takenMs).toBeLessThan(soon.takenMs);
  expect(later.takenMs).toBe(plan(RAMPED, { rampAgeMs: 30_000 }).takenMs);
});

test('with slow answers a page is spread over the time that its window takes, and the next slots open meanwhile', () => {
  // 950 of 1000 in flight, each for a second.
  const slow = plan(FULL, { answerMs: 1000 });
  expect(slow).toMatchObject({ waitMs: 0, takenMs: MS_FOR_3000, gapMs: 0, spreadMs: 3158 });
  const next = plan(FULL, { answerMs: 1000, freeInMs: MS_FOR_3000, spreadInMs: 3158 });
  expect(next).toMatchObject({ waitMs: MS_FOR_3000, gapMs: 0, spreadMs: 3158 });
});

test('when answers become quicker, a page waits until it cannot end before the one before it', () => {
  const quick = plan(FULL, { answerMs: 50, freeInMs: 100, spreadInMs: 3158 });
  expect(quick).toMatchObject({ spreadMs: MS_FOR_3000, takenMs: MS_FOR_3000, waitMs: 3158, gapMs: 3058 });
});

test('the window grows with the answer time to what the rate needs, up to the maximum, and not below 1000', () => {
  const windowAt = (answerMs: number, maxWindow = 3000) => windowOf(240_000, answerMs, maxWindow);
  // Little's law: 4 messages a millisecond, 95% of the window filled.
  expect(windowAt(50)).toBe(1000);
  expect(windowAt(300)).toBe(1264);
  expect(windowAt(1000)).toBe(3000);
  expect(windowAt(1000, 5000)).toBe(4211);
  expect(windowAt(1000, 40)).toBe(40);
  // A hop of 3000 then takes no longer than its share of the budget.
  const slot = planSlot(
    { freeInMs: 0, spreadInMs: 0, urgentInMs: 0, rampAgeMs: 900_000, answerMs: 300 },
    3000,
    { perMinute: 240_000, rampMs: 0 },
    { maxWindow: 3000 },
  );
  expect(slot).toMatchObject({ window: 1264, takenMs: 766, spreadMs: 766 });
});

import { expect, test } from 'vitest';
import type { PaceConfig } from '../../src/config/config.ts';
import { planSlot } from '../../src/pace/slot.ts';

const FULL = { perMinute: 600_000, rampMs: 0 };
const RAMPED = { perMinute: 600_000, rampMs: 60_000 };
/** 98% of 10 messages a millisecond. */
const MS_FOR_3000 = Math.ceil(3000 / 9.8);

/** A slot of 3000 messages unless a test says otherwise, long after the ramp. */
function plan(pace: PaceConfig, { freeInMs = 0, urgentInMs = 0, rampAgeMs = 900_000, messages = 3000 }) {
  return planSlot({ freeInMs, urgentInMs, rampAgeMs }, messages, pace);
}

test('without a ramp a page takes its share of the minute, after what is reserved already', () => {
  expect(plan(FULL, {})).toEqual({ waitMs: 0, takenMs: MS_FOR_3000, startsRamp: false, rateShare: 1 });
  expect(plan(FULL, { freeInMs: 700 })).toMatchObject({ waitMs: 700, takenMs: MS_FOR_3000 });
  expect(plan(FULL, { freeInMs: -500, messages: 0 })).toMatchObject({ waitMs: 0, takenMs: 0 });
  expect(plan(FULL, { freeInMs: -900_000 })).toMatchObject({ takenMs: MS_FOR_3000, startsRamp: false });
});

test('a source that was idle begins with the ramp, whatever ramp it had before', () => {
  expect(plan(RAMPED, { freeInMs: -60_001 })).toMatchObject({ startsRamp: true, rateShare: 0 });
  expect(plan(RAMPED, { freeInMs: -59_999 })).toEqual({
    waitMs: 0,
    takenMs: MS_FOR_3000,
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

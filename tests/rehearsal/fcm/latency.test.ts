import { expect, test } from 'vitest';
import { chance, chances } from '../../../src/rehearsal/fcm/faults.ts';
import { defaultTail, drawLatency, NO_TAIL, parseTail } from '../../../src/rehearsal/fcm/latency.ts';

const ANSWERS = 20_000;

function drawAll(sigma: number, tail = NO_TAIL): number[] {
  const weather = { medianMs: 100, sigma, tail };
  return Array.from({ length: ANSWERS }, (_, nth) =>
    drawLatency(weather, chances(1, `target-${nth}`)),
  ).toSorted((one, two) => one - two);
}

const at = (times: readonly number[], share: number): number =>
  times[Math.floor(share * times.length)] ?? NaN;

test.each([
  ['none', { share: 0, ms: 0 }],
  ['0:0', { share: 0, ms: 0 }],
  ['0.002:10000', { share: 0.002, ms: 10_000 }],
  ['1:600000', { share: 1, ms: 600_000 }],
])('the tail %s is read', (text, tail) => {
  expect(parseTail(text)).toEqual(tail);
});

test.each([
  '',
  '0.002',
  ':10',
  '0.002:',
  '1.1:10',
  '-0.1:10',
  '0.1:1.5',
  '0.1:600001',
  '0.1:10:10',
  'None',
  '1e-3:5',
])('the tail %j is refused', (text) => {
  expect(() => parseTail(text)).toThrow(
    'tail: expected none, or SHARE:MS, a share from 0 to 1 and milliseconds from 0 to 600000, got ',
  );
});

test('the answer times are log-normal around the median, with the spread that is asked for', () => {
  for (const sigma of [0.4, 1]) {
    const times = drawAll(sigma);
    expect(at(times, 0.5)).toBeCloseTo(100, -1);
    // One standard deviation: 84.1 of 100 are below it.
    expect(Math.log(at(times, 0.841) / 100)).toBeCloseTo(sigma, 1);
    expect(Math.log(at(times, 0.159) / 100)).toBeCloseTo(-sigma, 1);
  }
  expect(new Set(drawAll(0))).toEqual(new Set([100]));
});

test('a share of the answers belongs to the tail, and the others are as without it', () => {
  const times = drawAll(0.4, { share: 0.01, ms: 10_000 });
  const slow = times.filter((ms) => ms === 10_000).length;
  expect(slow / ANSWERS).toBeCloseTo(0.01, 2);
  expect(slow).toBeGreaterThan(0);
  const others = new Set(drawAll(0.4));
  expect(times.filter((ms) => ms !== 10_000 && !others.has(ms))).toEqual([]);
});

test('the default tail is shorter in a hurry', () => {
  expect(defaultTail(1)).toEqual({ share: 0.002, ms: 8000 });
  expect(defaultTail(20)).toEqual({ share: 0.002, ms: 400 });
});

test('no answer time is longer than a timer can wait', () => {
  const weather = { medianMs: 60_000, sigma: 3, tail: NO_TAIL };
  expect(drawLatency(weather, [1 - 2 ** -32, 0, 0.5])).toBe(600_000);
});

test('the three numbers of one digest are independent of each other, and the first is that of a single draw', () => {
  const [first, second, third] = chances(7, 'a', 'b');
  expect(first).toBe(chance(7, 'a', 'b'));
  expect(new Set([first, second, third]).size).toBe(3);
});

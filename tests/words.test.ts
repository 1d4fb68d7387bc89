import { expect, test } from 'vitest';
import { formatDuration, formatMinutes, formatShare, formatTimer, formatWholeShare } from '../src/words.ts';

test('durations are written for a person, in whole minutes, or as a clock', () => {
  expect([840, 12_340, 211_000, 7_500_000].map(formatDuration)).toEqual([
    '840 ms',
    '12.3 s',
    '3 min 31 s',
    '2 h 5 min',
  ]);
  expect([59_999, 474_000].map(formatMinutes)).toEqual(['0 min', '7 min']);
  expect([-5, 0, 14_200, 754_200, 4_500_000].map(formatTimer)).toEqual([
    '0:00',
    '0:00',
    '0:15',
    '12:35',
    '1:15:00',
  ]);
});

test('nothing but all is 100 percent', () => {
  expect([0, 0.29, 0.93, 0.9999, 1].map(formatWholeShare)).toEqual(['0%', '29%', '93%', '99%', '100%']);
  expect([0, 0.1234, 0.99999, 1].map((share) => formatShare(share, 1))).toEqual([
    '0%',
    '12.3%',
    '99.99%',
    '100%',
  ]);
});

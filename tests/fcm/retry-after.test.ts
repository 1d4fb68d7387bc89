import { expect, test } from 'vitest';
import { parseRetryAfter } from '../../src/fcm/retry-after.ts';

const NOW = Date.parse('2026-11-24T12:00:00Z');
const DAY_MS = 86_400_000;

test.each([
  ['0', 0],
  ['37', 37_000],
  [' 37 ', 37_000],
  ['1.5', 1500],
  ['0.0001', 1],
  ['10, 20', 20_000],
  ['20, 10', 20_000],
  ['Tue, 24 Nov 2026 12:01:00 GMT', 60_000],
  ['Tuesday, 24-Nov-26 12:01:00 GMT', 60_000],
  ['Tue Nov 24 12:01:00 2026', 60_000],
  ['Tue, 24 Nov 2026 11:00:00 GMT', 0],
])('"%s" is a wait of %i ms', (header, waitMs) => {
  expect(parseRetryAfter(header, NOW)).toBe(waitMs);
});

test.each(['86401', '9'.repeat(400), 'Thu, 24 Nov 2526 12:00:00 GMT'])(
  'a wait beyond a day is cut to a day: %s',
  (header) => {
    expect(parseRetryAfter(header, NOW)).toBe(DAY_MS);
  },
);

test.each([
  '-5',
  '+5',
  '1e9',
  '0x10',
  'soon',
  '',
  '10, soon',
  '2026-11-24',
  'Tue, 99 Nov 2026 12:01:00 GMT',
  'Infinity',
  '５',
])('"%s" is no wait', (header) => {
  expect(parseRetryAfter(header, NOW)).toBeNull();
});

import { describe, expect, test } from 'vitest';
import { parseQuietHours, quietUntil } from '../../src/model/quiet-hours.ts';

const NIGHT = parseQuietHours('22:00-08:00 Europe/Berlin hold');

function untilOf(quiet: ReturnType<typeof parseQuietHours>, time: string): string | null {
  const until = quietUntil(quiet, Date.parse(time));
  return until === null ? null : new Date(until).toISOString();
}

test('quiet hours are two times, a zone and a rule', () => {
  expect(NIGHT).toEqual({ from: 1320, to: 480, zone: 'Europe/Berlin', rule: 'hold' });
  expect(parseQuietHours('12:30-14:00 UTC expire')).toMatchObject({ from: 750, to: 840, rule: 'expire' });
});

test.each([
  '',
  '22:00-08:00',
  '22:00-08:00 Europe/Berlin',
  '22:00-08:00 Nowhere/Town hold',
  '22:00-08:00 Europe/Berlin wait',
  '24:00-08:00 UTC hold',
  '8:00-9:00 UTC hold',
  '08:00-08:00 UTC hold',
])('%j are no quiet hours', (text) => {
  expect(parseQuietHours(text)).toBeNull();
});

describe('over midnight', () => {
  test.each([
    ['2026-06-01T19:59:59Z', null],
    ['2026-06-01T20:00:00Z', '2026-06-02T06:00:00.000Z'],
    ['2026-06-02T01:00:00Z', '2026-06-02T06:00:00.000Z'],
    ['2026-06-02T05:59:59Z', '2026-06-02T06:00:00.000Z'],
    ['2026-06-02T06:00:00Z', null],
    // The clocks change in these nights: forward, and back.
    ['2026-03-28T22:00:00Z', '2026-03-29T06:00:00.000Z'],
    ['2026-10-24T21:00:00Z', '2026-10-25T07:00:00.000Z'],
  ])('at %s they last until %s', (time, until) => {
    expect(untilOf(NIGHT, time)).toBe(until);
  });
});

test('within a day', () => {
  const noon = parseQuietHours('12:00-13:00 UTC hold');
  expect(untilOf(noon, '2026-06-01T11:59:59Z')).toBeNull();
  expect(untilOf(noon, '2026-06-01T12:00:00Z')).toBe('2026-06-01T13:00:00.000Z');
  expect(untilOf(noon, '2026-06-01T13:00:00Z')).toBeNull();
});

test('without quiet hours it is never quiet', () => {
  expect(quietUntil(null, 0)).toBeNull();
});

test('an end that the clocks show twice is the first one', () => {
  const early = parseQuietHours('22:00-02:30 Europe/Berlin hold');
  expect(untilOf(early, '2026-10-25T00:29:00Z')).toBe('2026-10-25T00:30:00.000Z');
  expect(untilOf(early, '2026-10-25T01:10:00Z')).toBeNull();
});

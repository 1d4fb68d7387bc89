import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { isPast, parseTime, timeSchema } from '../../src/model/time.ts';

const SHAPE = { expected: 'a time with its zone, such as 2026-12-24T18:07+01:00' };
const EXISTING = { expected: 'a day, an hour and a zone that exist, from 1970 to 9999' };

test.each([
  ['2026-12-24T18:07+01:00', '2026-12-24T17:07:00.000Z'],
  ['2026-12-24T18:07:00+0100', '2026-12-24T17:07:00.000Z'],
  ['2026-12-24T18:07:05+01', '2026-12-24T17:07:05.000Z'],
  ['2026-12-24t18:07z', '2026-12-24T18:07:00.000Z'],
  ['2026-12-24 18:07:00 -0330', '2026-12-24T21:37:00.000Z'],
  ['2026-12-24T18:07:00.1Z', '2026-12-24T18:07:00.100Z'],
  ['2026-12-24T18:07:00,123456789Z', '2026-12-24T18:07:00.123Z'],
  ['2028-02-29T00:00+14:00', '2028-02-28T10:00:00.000Z'],
  ['9999-12-31T23:59:59.999Z', '9999-12-31T23:59:59.999Z'],
])('%s is the time %s', (text, expected) => {
  expect(parseTime(text)).toEqual({ ms: Date.parse(expected) });
});

test.each([
  '2026-12-24T18:07',
  '2026-12-24',
  '24.12.2026 18:07+01:00',
  '12/24/2026 18:07Z',
  'Thu, 24 Dec 2026 18:07:00 +0100',
  '2026-12-24T18:07 CET',
  '2026-12-24T8:07Z',
  '1798132020',
  '',
])('%j has another shape, or no zone, and is refused', (text) => {
  expect(parseTime(text)).toEqual(SHAPE);
});

test.each([
  '2026-02-30T18:07Z',
  '2026-02-29T18:07Z',
  '2026-13-01T18:07Z',
  '2026-00-10T18:07Z',
  '2026-12-24T24:00Z',
  '2026-12-24T18:60Z',
  '2026-12-24T18:07:60Z',
  '2026-12-24T18:07+15:00',
  '2026-12-24T18:07+01:60',
  '0026-12-24T18:07Z',
  '9999-12-31T23:30-01:00',
])('%s does not exist, and is refused', (text) => {
  expect(parseTime(text)).toEqual(EXISTING);
});

test('every time that JavaScript writes is read as itself', () => {
  const time = fc.date({ min: new Date(0), max: new Date('9999-12-31T23:59:59.999Z'), noInvalidDate: true });
  fc.assert(
    fc.property(time, (date) => {
      expect(parseTime(date.toISOString())).toEqual({ ms: date.getTime() });
    }),
  );
});

test('a request gets the error of the parser', () => {
  expect(timeSchema.safeParse('2026-02-30T18:07Z').error?.issues).toMatchObject([
    { message: EXISTING.expected },
  ]);
  expect(timeSchema.safeParse(1_798_132_020).error?.issues).toMatchObject([{ message: SHAPE.expected }]);
});

test('a time is past a minute after it has passed, because clocks differ', () => {
  expect(isPast(0, 60_000)).toBe(false);
  expect(isPast(0, 60_001)).toBe(true);
});

import { describe, expect, test } from 'vitest';
import { findZone, parseWallTime, type Zone } from '../../src/model/zones.ts';

function zoneOf(name: string): Zone {
  const zone = findZone(name);
  if (zone === null) throw new Error(`no zone ${name}`);
  return zone;
}

function instantIn(name: string, wallTime: string): string {
  return new Date(zoneOf(name).instantOf(Date.parse(`${wallTime}Z`))).toISOString();
}

test.each([
  ['Europe/Berlin', '2026-12-24T18:00', '2026-12-24T17:00:00.000Z'],
  ['America/New_York', '2026-12-24T18:00', '2026-12-24T23:00:00.000Z'],
  ['Asia/Kathmandu', '2026-12-24T18:00', '2026-12-24T12:15:00.000Z'],
  ['Pacific/Kiritimati', '2026-12-24T18:00', '2026-12-24T04:00:00.000Z'],
  ['Pacific/Pago_Pago', '2026-12-24T18:00', '2026-12-25T05:00:00.000Z'],
  ['Asia/Calcutta', '2026-12-24T18:00', '2026-12-24T12:30:00.000Z'],
  ['UTC', '2026-12-24T18:00:59', '2026-12-24T18:00:59.000Z'],
])('in %s the clocks say %s at %s', (zone, wallTime, instant) => {
  expect(instantIn(zone, wallTime)).toBe(instant);
});

describe('where the clocks are set forward', () => {
  test.each([
    ['Europe/Berlin', '2026-03-29T01:59:59', '2026-03-29T00:59:59.000Z'],
    ['Europe/Berlin', '2026-03-29T02:00', '2026-03-29T01:00:00.000Z'],
    ['Europe/Berlin', '2026-03-29T02:30', '2026-03-29T01:00:00.000Z'],
    ['Europe/Berlin', '2026-03-29T03:00', '2026-03-29T01:00:00.000Z'],
    ['Europe/Berlin', '2026-03-29T03:00:01', '2026-03-29T01:00:01.000Z'],
    ['Australia/Lord_Howe', '2026-10-04T02:15', '2026-10-03T15:30:00.000Z'],
    ['Pacific/Apia', '2011-12-30T12:00', '2011-12-30T10:00:00.000Z'],
  ])('%s: %s, which may not exist, is at %s', (zone, wallTime, instant) => {
    expect(instantIn(zone, wallTime)).toBe(instant);
  });
});

describe('where the clocks are set back', () => {
  test.each([
    ['Europe/Berlin', '2026-10-25T01:59:59', '2026-10-24T23:59:59.000Z'],
    ['Europe/Berlin', '2026-10-25T02:30', '2026-10-25T00:30:00.000Z'],
    ['Europe/Berlin', '2026-10-25T03:00', '2026-10-25T02:00:00.000Z'],
    ['Australia/Lord_Howe', '2026-04-05T01:45', '2026-04-04T14:45:00.000Z'],
    ['America/New_York', '2026-11-01T01:30', '2026-11-01T05:30:00.000Z'],
  ])('%s: %s, which may be twice, is first at %s', (zone, wallTime, instant) => {
    expect(instantIn(zone, wallTime)).toBe(instant);
  });
});

test('in every zone the clocks say a time at its instant, which is a whole number of quarters from it, 14 hours at most', () => {
  const wallMs = Date.UTC(2026, 5, 1, 12, 30);
  for (const name of Intl.supportedValuesOf('timeZone')) {
    const zone = zoneOf(name);
    const instant = zone.instantOf(wallMs);
    expect(zone.wallOf(instant), name).toBe(wallMs);
    expect(Number.isInteger((wallMs - instant) / 900_000), name).toBe(true);
    expect(wallMs - instant, name).toBeLessThanOrEqual(14 * 3_600_000);
    expect(wallMs - instant, name).toBeGreaterThanOrEqual(-12 * 3_600_000);
  }
});

test.each(['', 'Nowhere', 'Mars/Olympus', "'; DROP TABLE", 'Europe/Berlin '])('%j is no zone', (name) => {
  expect(findZone(name)).toBeNull();
});

test.each([
  ['2026-12-24T18:00', Date.UTC(2026, 11, 24, 18)],
  ['2026-12-24 18:00:07', Date.UTC(2026, 11, 24, 18, 0, 7)],
  ['2026-12-24T18:00Z', null],
  ['2026-12-24T18:00+01:00', null],
  ['2026-02-30T18:00', null],
  ['2026-12-24T24:00', null],
  ['2026-12-24', null],
  ['18:00', null],
])('%s as a wall-clock time is %s', (text, ms) => {
  expect(parseWallTime(text)).toBe(ms);
});

import { expect, test } from 'vitest';
import { findLocalTimes } from '../../src/broadcast/local-time.ts';

const wall = (text: string): number => Date.parse(`${text}Z`);
const iso = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());

test('zones with the same instant are one group; those that nobody knows have the clocks of the source', () => {
  const names = ['Europe/Berlin', 'America/New_York', null, 'Europe/Paris', 'Nowhere', 'Asia/Tokyo'];
  const { groups } = findLocalTimes(wall('2026-12-24T18:00'), names, 'Europe/Berlin');
  expect(groups.map(({ instant, names: group }) => [iso(instant), group])).toEqual([
    ['2026-12-24T09:00:00.000Z', ['Asia/Tokyo']],
    ['2026-12-24T17:00:00.000Z', ['Europe/Berlin', null, 'Europe/Paris', 'Nowhere']],
    ['2026-12-24T23:00:00.000Z', ['America/New_York']],
  ]);
});

test('where the clocks change on the day, zones part company', () => {
  const names = ['Europe/Berlin', 'Africa/Lagos', 'Europe/London'];
  const { groups } = findLocalTimes(wall('2026-03-29T02:30'), names, 'UTC');
  // 02:30 does not exist in Berlin: it is the end of the gap. Lagos has no summer time.
  expect(groups.map(({ instant, names: group }) => [iso(instant), group])).toEqual([
    ['2026-03-29T01:00:00.000Z', ['Europe/Berlin']],
    ['2026-03-29T01:30:00.000Z', ['Africa/Lagos', 'Europe/London']],
  ]);
});

test('the instants go around the world by quarters of an hour, also where no device is yet', () => {
  const { groups, next } = findLocalTimes(wall('2026-12-24T18:00'), ['+05:07'], 'UTC');
  expect(groups.map(({ instant }) => iso(instant))).toEqual(['2026-12-24T12:53:00.000Z']);
  const instants: (string | null)[] = [];
  for (let at = next(0); at !== null; at = next(at)) instants.push(iso(at));
  expect(instants[0]).toBe('2026-12-24T04:00:00.000Z');
  expect(instants.slice(35, 38)).toEqual([
    '2026-12-24T12:45:00.000Z',
    '2026-12-24T12:53:00.000Z',
    '2026-12-24T13:00:00.000Z',
  ]);
  expect(instants.at(-1)).toBe('2026-12-25T06:00:00.000Z');
  expect(instants).toHaveLength(26 * 4 + 2);
});

test('a zone of the source that nobody knows is UTC', () => {
  const { groups } = findLocalTimes(wall('2026-12-24T18:00'), [null], 'Mars');
  expect(groups).toEqual([{ instant: wall('2026-12-24T18:00'), names: [null] }]);
});

import { describe, expect, test } from 'vitest';
import { openRepeat } from '../../src/broadcast/repeat.ts';

const BERLIN = 'Europe/Berlin';

/** The first occurrences after a time, to the minute. */
async function occurrences(at: string, zone: string, after: string, count: number): Promise<string[]> {
  const repeat = await openRepeat({ at, zone });
  const times: string[] = [];
  for (let ms = repeat.next(Date.parse(after)); ms !== null && times.length < count; ms = repeat.next(ms)) {
    times.push(new Date(ms).toISOString().slice(5, 16));
  }
  return times;
}

test('each Monday at nine by the clocks of a zone', async () => {
  const times = await occurrences('0 9 * * 1', BERLIN, '2026-10-18T00:00Z', 3);
  expect(times).toEqual(['10-19T07:00', '10-26T08:00', '11-02T08:00']);
});

describe('a fixed time', () => {
  test.each([
    [
      'that the clocks jump over comes once, right after the gap',
      '30 2 * * *',
      '2026-03-28T12:00Z',
      ['03-29T01:00', '03-30T00:30'],
    ],
    ['of a list in the gap, too', '0,30 2 * * *', '2026-03-28T12:00Z', ['03-29T01:00', '03-30T00:00']],
    [
      'that is also the end of the gap comes once',
      '0 2,3 * * *',
      '2026-03-28T12:00Z',
      ['03-29T01:00', '03-30T00:00'],
    ],
    [
      'that the clocks show twice comes once',
      '30 2 * * *',
      '2026-10-24T12:00Z',
      ['10-25T00:30', '10-26T01:30'],
    ],
    ['of a list, too', '0,30 2 * * *', '2026-10-24T12:00Z', ['10-25T00:00', '10-25T00:30', '10-26T01:00']],
    ['does not come again, wherever the search begins', '30 2 * * *', '2026-10-25T00:45Z', ['10-26T01:30']],
  ])('%s', async (_name, at, after, expected) => {
    expect(await occurrences(at, BERLIN, after, expected.length)).toEqual(expected);
  });
});

test('an interval goes on through both changes', async () => {
  const back = await occurrences('*/30 * * * *', BERLIN, '2026-10-25T00:00Z', 4);
  expect(back).toEqual(['10-25T00:30', '10-25T01:00', '10-25T01:30', '10-25T02:00']);
  const forward = await occurrences('*/30 * * * *', BERLIN, '2026-03-29T00:00Z', 4);
  expect(forward).toEqual(['03-29T00:30', '03-29T01:00', '03-29T01:30', '03-29T02:00']);
});

test.each([
  ['0 9 * *', BERLIN, /^repeat.at: expected five fields of a cron expression, .* got 7 characters$/],
  ['* * * * * *', BERLIN, /^repeat.at: /],
  ['@daily', BERLIN, /^repeat.at: /],
  ['2026-12-24T18:00', BERLIN, /^repeat.at: /],
  ['99 * * * *', BERLIN, /^repeat.at: /],
  ['*/0 * * * *', BERLIN, /^repeat.at: /],
  [`${'1,'.repeat(50)}1 * * * *`, BERLIN, /^repeat.at: /],
  [
    '0 9 * * 1',
    'Mars/Olympus',
    /^repeat.zone: expected a time zone such as Europe\/Berlin, got 12 characters$/,
  ],
])('%s in %s is refused', async (at, zone, message) => {
  await expect(openRepeat({ at, zone })).rejects.toThrow(message);
});

test('a time that never occurs has no next one', async () => {
  const repeat = await openRepeat({ at: '0 0 30 2 *', zone: 'UTC' });
  expect(repeat.next(Date.UTC(2026, 0, 1))).toBeNull();
});

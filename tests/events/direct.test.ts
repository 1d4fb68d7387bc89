import { expect, test } from 'vitest';
import { parseEvent } from '../../src/events/parse.ts';
import { refusal } from '../support/events.ts';

test.each([
  [{ announcementId: 42 }, 0],
  [{ announcementId: 42, deviceId: null }, 0],
  [{ announcementId: '42', deviceId: '0' }, 0],
  [{ announcementId: '42', deviceId: '6001' }, 6001],
  [{ announcementId: 42, deviceId: 9007199254740991 }, 9007199254740991],
])('%j starts at device %d', (event, fromId) => {
  const job = { kind: 'broadcast', announcementId: 42, round: 0, fromId };
  expect(parseEvent(event)).toEqual({ entry: 'direct', job });
});

const WHOLE = (min: number) => `a whole number from ${min} to 9007199254740991`;

test.each([
  [{ announcementId: 0 }, 'announcementId', WHOLE(1), '0'],
  [{ announcementId: -1 }, 'announcementId', WHOLE(1), '-1'],
  [{ announcementId: 1.5 }, 'announcementId', WHOLE(1), '1.5'],
  [{ announcementId: 'abc' }, 'announcementId', WHOLE(1), '3 characters'],
  [{ announcementId: '' }, 'announcementId', WHOLE(1), '""'],
  [{ announcementId: null }, 'announcementId', WHOLE(1), 'null'],
  [{ announcementId: [42] }, 'announcementId', WHOLE(1), 'a list of 1'],
  [{ announcementId: 42, deviceId: '-3' }, 'deviceId', WHOLE(0), '2 characters'],
  [{ announcementId: 42, deviceId: '9007199254740993' }, 'deviceId', WHOLE(0), '"9007199254740993"'],
  [{ announcementId: 42, deviceId: {} }, 'deviceId', WHOLE(0), '{}'],
  [{ data: {} }, 'title', 'a title', 'nothing'],
  [{ data: { sync: '1' }, body: 'b' }, 'title', 'a title', 'nothing'],
  [{ data: { sync: '1' }, title: 't' }, 'body', 'a text', 'nothing'],
  [
    { kind: 'brodcast', announcementId: 42 },
    'kind',
    '"broadcast", "scan", "doctor", "radar" or "canary"',
    '8 characters',
  ],
])('%j is refused because of the field %s', (event, field, expected, got) => {
  expect(refusal(() => parseEvent(event)).problems).toContainEqual({ field, expected, got });
});

test('one error names every invalid field', () => {
  const { code, problems, message } = refusal(() => parseEvent({ announcementId: 'x', deviceId: -1 }));
  expect(code).toBe('BAD_EVENT');
  expect(problems.map(({ field }) => field)).toEqual(['announcementId', 'deviceId']);
  expect(message).toBe(
    `announcementId: expected ${WHOLE(1)}, got 1 character; deviceId: expected ${WHOLE(0)}, got -1`,
  );
});

test.each(['android', 'apns', 'webpush'])(
  'content whose %s is nested 8000 levels deep is refused',
  (name) => {
    const deep = JSON.parse('['.repeat(8000) + ']'.repeat(8000)) as unknown;
    const event = { title: 'T', body: 'B', [name]: { a: deep } };
    expect(refusal(() => parseEvent(event)).problems).toEqual([
      { field: name, expected: 'at most 32 levels', got: 'an object with a' },
    ]);
  },
);

test('an event of thousands of unknown fields, each of any length, gets a short error', () => {
  const fields = Array.from({ length: 20_000 }, (_, nth) => [`${nth}${'x'.repeat(200)}`, 1] as const);
  const event = { title: 'T', body: 'B', ...Object.fromEntries(fields) };
  const { message, problems } = refusal(() => parseEvent(event));
  expect(problems).toHaveLength(20);
  expect(message).toContain('and 19980 more problems');
  expect(message.length + JSON.stringify(problems).length).toBeLessThan(64 * 1024);
});

import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { PushError } from '../src/errors.ts';
import { isHttpEvent, parseEvent } from '../src/job.ts';

function fixture(name: string): Record<string, unknown> {
  return JSON.parse(readFileSync(new URL(`fixtures/events/${name}.json`, import.meta.url), 'utf8')) as Record<
    string,
    unknown
  >;
}

const start = { kind: 'broadcast', announcementId: 42, round: 0, fromId: 0 };

test.each([
  ['direct', 'direct', start],
  ['self-invoke', 'direct', { ...start, fromId: 3001 }],
  ['eventbridge-rule', 'direct', { kind: 'scan' }],
  ['eventbridge-scheduler', 'direct', { kind: 'scan' }],
  ['api-gateway-rest', 'http', start],
  ['api-gateway-http', 'http', start],
] as const)('a real event of the shape %s becomes a job', (name, entry, job) => {
  expect(parseEvent(fixture(name))).toEqual({ entry, job });
});

test.each([
  [{ announcementId: 42 }, 0],
  [{ announcementId: 42, deviceId: null }, 0],
  [{ announcementId: '42', deviceId: '0' }, 0],
  [{ announcementId: '42', deviceId: '6001' }, 6001],
  [{ announcementId: 42, deviceId: 9007199254740991 }, 9007199254740991],
])('%j starts at device %d', (event, fromId) => {
  expect(parseEvent(event).job).toEqual({ ...start, fromId });
});

const WHOLE = (min: number) => `a whole number from ${min} to 9007199254740991`;

test.each([
  [{}, 'announcementId', WHOLE(1), 'nothing'],
  [{ announcementId: 0 }, 'announcementId', WHOLE(1), '0'],
  [{ announcementId: -1 }, 'announcementId', WHOLE(1), '-1'],
  [{ announcementId: 1.5 }, 'announcementId', WHOLE(1), '1.5'],
  [{ announcementId: 'abc' }, 'announcementId', WHOLE(1), '"abc"'],
  [{ announcementId: '' }, 'announcementId', WHOLE(1), '""'],
  [{ announcementId: null }, 'announcementId', WHOLE(1), 'null'],
  [{ announcementId: [42] }, 'announcementId', WHOLE(1), '[42]'],
  [{ announcementId: 42, deviceId: '-3' }, 'deviceId', WHOLE(0), '"-3"'],
  [{ announcementId: 42, deviceId: '9007199254740993' }, 'deviceId', WHOLE(0), '"9007199254740993"'],
  [{ announcementId: 42, deviceId: {} }, 'deviceId', WHOLE(0), '{}'],
  [{ kind: 'brodcast', announcementId: 42 }, 'kind', '"broadcast", "scan" or "doctor"', '"brodcast"'],
])('%j is refused by the field %s', (event, field, expected, came) => {
  expect(refusal(event).problems[0]).toEqual({ field, expected, came });
});

test('one error names every field that is wrong', () => {
  const { code, problems, message } = refusal({ announcementId: 'x', deviceId: -1 });
  expect(code).toBe('BAD_EVENT');
  expect(problems.map(({ field }) => field)).toEqual(['announcementId', 'deviceId']);
  expect(message).toBe(
    `announcementId: expected ${WHOLE(1)}, came "x"; deviceId: expected ${WHOLE(0)}, came -1`,
  );
});

test.each([null, undefined, 42, 'text', [], true])('%j is no event', (event) => {
  expect(refusal(event).problems[0]?.field).toBe('event');
});

test.each([
  [{ body: 'not json' }, 'body', '"not json"'],
  [{ body: null }, 'body', 'null'],
  [{ body: '' }, 'body', '""'],
  [{ body: '[1]' }, 'event', '[1]'],
  [{ httpMethod: 'GET' }, 'method', '"GET"'],
])('an HTTP event with %j is refused by the field %s', (change, field, came) => {
  const event = { ...fixture('api-gateway-rest'), ...change };
  expect(isHttpEvent(event)).toBe(true);
  expect(refusal(event).problems[0]).toMatchObject({ field, came });
});

test('whatever comes, it is a job or a PushError', () => {
  fc.assert(
    fc.property(fc.anything(), (event) => {
      try {
        parseEvent(event);
      } catch (error) {
        expect(error).toBeInstanceOf(PushError);
      }
    }),
    { numRuns: 2000 },
  );
});

function refusal(event: unknown): PushError {
  try {
    parseEvent(event);
  } catch (error) {
    if (error instanceof PushError) return error;
  }
  throw new Error('expected a PushError');
}

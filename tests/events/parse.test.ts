import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { PushError } from '../../src/errors.ts';
import { parseEvent, parseMessage } from '../../src/events/parse.ts';
import { arbitraryEvent } from '../support/arbitrary-event.ts';
import { allFixtures, fixture } from '../support/events.ts';

const start = { kind: 'broadcast', announcementId: 42, round: 0, fromId: 0 };

test.each([
  ['direct', start],
  ['self-invoke', { ...start, fromId: 3001 }],
  ['eventbridge-rule', { kind: 'scan' }],
  ['eventbridge-scheduler', { kind: 'scan' }],
  ['eventbridge-scheduler-input', { kind: 'scan' }],
  ['eventbridge-bus', start],
])('an event of the shape %s becomes a job', (name, job) => {
  expect(parseEvent(fixture(name))).toEqual({ entry: 'direct', job });
});

test('the records of SQS are one job, each with its id', () => {
  const body = '{"memberId":"customer-17","title":"Ready","body":"Your order can be picked up."}';
  const job = { kind: 'queue', records: [{ recordId: '059f36b4-87a3-44ab-83d2-661975830a7d', body }] };
  expect(parseEvent(fixture('sqs'))).toEqual({ entry: 'direct', job });
  expect(() => parseEvent({ Records: [{ eventSource: 'aws:sqs', messageId: 'a' }] })).toThrow(
    'Records.0.body: expected text, got nothing',
  );
});

test('a notification of SNS is a job by its message, and keeps its id', () => {
  const parsed = parseEvent(fixture('sns'));
  const text = '{"announcementId": 42, "deviceId": 0}';
  expect(parsed).toEqual({
    entry: 'sns',
    messages: [{ id: '95df01b4-ee98-5cb9-9903-4c221d41eb5e', text }],
  });
  expect(parseMessage(text)).toEqual(start);
});

test.each([
  [{ announcementId: 42 }, 0],
  [{ announcementId: 42, deviceId: null }, 0],
  [{ announcementId: '42', deviceId: '0' }, 0],
  [{ announcementId: '42', deviceId: '6001' }, 6001],
  [{ announcementId: 42, deviceId: 9007199254740991 }, 9007199254740991],
])('%j starts at device %d', (event, fromId) => {
  expect(parseEvent(event)).toEqual({ entry: 'direct', job: { ...start, fromId } });
});

const WHOLE = (min: number) => `a whole number from ${min} to 9007199254740991`;

test.each([
  [{ announcementId: 0 }, 'announcementId', WHOLE(1), '0'],
  [{ announcementId: -1 }, 'announcementId', WHOLE(1), '-1'],
  [{ announcementId: 1.5 }, 'announcementId', WHOLE(1), '1.5'],
  [{ announcementId: 'abc' }, 'announcementId', WHOLE(1), '"abc"'],
  [{ announcementId: '' }, 'announcementId', WHOLE(1), '""'],
  [{ announcementId: null }, 'announcementId', WHOLE(1), 'null'],
  [{ announcementId: [42] }, 'announcementId', WHOLE(1), 'a list of 1'],
  [{ announcementId: 42, deviceId: '-3' }, 'deviceId', WHOLE(0), '"-3"'],
  [{ announcementId: 42, deviceId: '9007199254740993' }, 'deviceId', WHOLE(0), '"9007199254740993"'],
  [{ announcementId: 42, deviceId: {} }, 'deviceId', WHOLE(0), '{}'],
  [{ kind: 'brodcast', announcementId: 42 }, 'kind', '"broadcast", "scan" or "doctor"', '"brodcast"'],
])('%j is refused by the field %s', (event, field, expected, got) => {
  expect(refusal(event).problems[0]).toEqual({ field, expected, got });
});

test('one error names every field that is wrong', () => {
  const { code, problems, message } = refusal({ announcementId: 'x', deviceId: -1 });
  expect(code).toBe('BAD_EVENT');
  expect(problems.map(({ field }) => field)).toEqual(['announcementId', 'deviceId']);
  expect(message).toBe(
    `announcementId: expected ${WHOLE(1)}, got "x"; deviceId: expected ${WHOLE(0)}, got -1`,
  );
});

test.each([
  [null, 'null'],
  [undefined, 'nothing'],
  [42, 'a number'],
  ['text', 'a string'],
  [[], '[]'],
  [{}, '{}'],
  [{ token: 'a secret', Records: [] }, 'an object with token, Records'],
  [{ Records: [{ eventSource: 'aws:s3' }] }, 'an object with Records'],
  [
    { 'detail-type': 'EC2 Instance Launch', source: 'aws.ec2', detail: {} },
    'an object with detail-type, source, detail',
  ],
])('%j is of no known shape, and told without what is in it', (event, got) => {
  const { problems } = refusal(event);
  expect(problems).toMatchObject([{ field: 'event', got }]);
  expect(problems[0]?.expected).toMatch(/announcementId.*EventBridge.*SNS.*HTTP/);
});

test('the record of an event that failed looks like a request, and is none', () => {
  expect(refusal(fixture('lambda-destination')).problems[0]?.field).toBe('event');
});

test('a message of SNS that is no JSON is refused without telling it', () => {
  expect(() => parseMessage('token abc')).toThrow(
    'Sns.Message: expected JSON, got 9 characters of something else',
  );
});

test('whatever comes, it is a job, a request, or a refusal', () => {
  fc.assert(
    fc.property(arbitraryEvent(allFixtures()), (event) => {
      try {
        parseEvent(event);
      } catch (error) {
        expect(error).toMatchObject({ name: 'PushError', code: 'BAD_EVENT' });
      }
    }),
    { numRuns: 10_000 },
  );
});

test('an event nested a hundred thousand levels deep is refused like any other', () => {
  const deep: unknown = JSON.parse('['.repeat(100_000) + ']'.repeat(100_000));
  expect(refusal({ announcementId: deep }).problems).toMatchObject([
    { field: 'announcementId', got: 'a list of 1' },
  ]);
  expect(refusal({ deep }).code).toBe('BAD_EVENT');
});

function refusal(event: unknown): PushError {
  try {
    parseEvent(event);
  } catch (error) {
    if (error instanceof PushError) return error;
  }
  throw new Error('expected a PushError');
}

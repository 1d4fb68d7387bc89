import { expect, test } from 'vitest';
import { parseEvent } from '../../src/events/parse.ts';
import { parseRecord } from '../../src/events/record.ts';
import { RECORD_STARTS } from '../../src/job.ts';
import { fixture, refusal } from '../support/events.ts';

const ID = '95df01b4-ee98-5cb9-9903-4c221d41eb5e';
const message = { memberId: 'customer-17', title: 'Ready', body: 'Come and get it' };
const start = { kind: 'broadcast', announcementId: 42, round: 0, fromId: 0 };

const notification = (value: unknown) => ({
  Type: 'Notification',
  MessageId: ID,
  Message: JSON.stringify(value),
});
const busEvent = (detail: unknown) => ({ ...fixture('eventbridge-bus'), detail });

const fromTopic = (value: unknown) => ({ origin: 'sns', id: ID, text: JSON.stringify(value) }) as const;
const fromBus = (detail: unknown) => ({ origin: 'bus', id: ID, detail }) as const;

test('an event of a bus keeps the id that EventBridge gave it', () => {
  expect(parseEvent(fixture('eventbridge-bus'))).toEqual({
    entry: 'records',
    records: [{ origin: 'bus', id: '6a7e8feb-b491-4cf7-a9f1-bf3703467718', detail: { announcementId: 42 } }],
  });
});

test('without that id, an event of a bus is no event: its detail starts nothing', () => {
  for (const id of [undefined, 7, 'x'.repeat(1000)]) {
    const event = { ...fixture('eventbridge-bus'), id };
    expect(refusal(() => parseEvent(event)).problems).toMatchObject([{ field: 'event' }]);
  }
});

test.each([
  ['a message', message],
  ['several messages', { messages: [message, message] }],
  ['a message to a device', { ...message, memberId: null, deviceId: 7 }],
])('%s is sent for a topic or a bus without any configuration', (_case, body) => {
  expect(parseRecord(fromTopic(body), [])).toEqual({ kind: 'messages', recordKey: `sns:${ID}`, body });
  expect(parseRecord(fromBus(body), [])).toEqual({ kind: 'messages', recordKey: `bus:${ID}`, body });
});

test.each([
  ['of SNS', notification(message)],
  ['of a bus', busEvent(message)],
  ['of a bus and of SNS', notification(busEvent(message))],
])('a message in an envelope %s is the same message', (_case, value) => {
  expect(parseRecord(fromTopic(value), [])).toMatchObject({ kind: 'messages', body: message });
});

test.each([
  ['nobody', { memberId: null }],
  ['an empty device', { deviceId: null }],
  ['messages that are no list', { messages: null }],
  ['no topic', { topic: null }],
  ['a condition', { condition: 'news' }],
])('content for %s is a message that will be refused, and no broadcast', (_case, recipient) => {
  const body = { title: 'T', body: 'B', ...recipient };
  expect(parseRecord(fromTopic(body), RECORD_STARTS)).toMatchObject({ kind: 'messages' });
});

test.each([
  ['an announcement', { title: 'T', body: 'B' }, 'announcements', 'announce'],
  ['a start', { announcementId: 42 }, 'announcements', 'broadcast'],
  ['a start at a device', { announcementId: 42, deviceId: 0 }, 'announcements', 'broadcast'],
  ['the next hop', { ...start, fromId: 5 }, 'announcements', 'broadcast'],
  ['a hop with a recipient', { ...start, memberId: 'x' }, 'announcements', 'broadcast'],
  ['a scan', { kind: 'scan' }, 'scan', 'scan'],
  ['a call of the doctor', { kind: 'doctor' }, 'doctor', 'doctor'],
] as const)('%s needs RECORDS_MAY_START', (_case, body, needed, kind) => {
  const others = RECORD_STARTS.filter((each) => each !== needed);
  for (const [record, field] of [
    [fromTopic(body), 'Sns.Message'],
    [fromTopic(busEvent(body)), 'Sns.Message'],
    [fromBus(body), 'detail'],
  ] as const) {
    for (const mayStart of [[], others]) {
      const { code, problems } = refusal(() => parseRecord(record, mayStart));
      expect([code, problems]).toMatchObject(['FORBIDDEN', [{ field, got: needed }]]);
    }
    expect(parseRecord(record, [needed]).kind).toBe(kind);
  }
});

test('a tick that somebody publishes to a topic needs RECORDS_MAY_START too', () => {
  const tick = fixture('eventbridge-rule');
  expect(refusal(() => parseRecord(fromTopic(tick), [])).code).toBe('FORBIDDEN');
  expect(parseRecord(fromTopic(tick), ['scan'])).toEqual({ kind: 'scan' });
});

test('text that is not JSON is refused, and the error does not quote it', () => {
  const record = { origin: 'sns', id: ID, text: 'token abc' } as const;
  expect(() => parseRecord(record, [])).toThrow(
    'Sns.Message: expected JSON, got 9 characters of something else',
  );
  const deep = { ...record, text: '['.repeat(8000) + ']'.repeat(8000) };
  expect(() => parseRecord(deep, [])).toThrow('Sns.Message: expected JSON of at most 64 levels, got more');
});

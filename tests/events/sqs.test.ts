import { expect, test } from 'vitest';
import { parseEvent } from '../../src/events/parse.ts';
import { fixture } from '../support/events.ts';

const body = '{"memberId":"customer-17","title":"Ready","body":"Your order can be picked up."}';
const recordId = '059f36b4-87a3-44ab-83d2-661975830a7d';

test('the records of SQS are one job, each with its id', () => {
  const job = { kind: 'queue', records: [{ recordId, body, group: null, isOrdered: false }] };
  expect(parseEvent(fixture('sqs'))).toEqual({ entry: 'direct', job });
});

test('the records of a FIFO queue are in order by group, and the groups of a fair queue have no order', () => {
  const [record = {}] = fixture('sqs')['Records'] as Record<string, unknown>[];
  const attributes = { MessageGroupId: 'customer-17', SequenceNumber: '18849496460467696128' };
  const fifo = { ...record, attributes, eventSourceARN: 'arn:aws:sqs:us-east-2:123456789012:push.fifo' };
  expect(parseEvent({ Records: [fifo, { ...record, attributes }] })).toMatchObject({
    job: {
      records: [
        { group: 'customer-17', isOrdered: true },
        { group: 'customer-17', isOrdered: false },
      ],
    },
  });
});

test('EventBridge Pipes sends the records as a list', () => {
  const { Records } = fixture('sqs');
  expect(parseEvent(Records)).toEqual(parseEvent({ Records }));
  expect(() => parseEvent([{ deviceId: 1 }])).toThrow('event: expected {"announcementId": 42');
});

test('a record without a body does not fail its batch, and one without an id is refused by its field', () => {
  const record = { eventSource: 'aws:sqs', messageId: 'a' };
  expect(parseEvent({ Records: [record] })).toMatchObject({
    job: { records: [{ recordId: 'a', body: '' }] },
  });
  expect(() => parseEvent({ Records: [{ ...record, messageId: 7 }] })).toThrow(
    'Records.0.messageId: expected the id of a record, got a number',
  );
});

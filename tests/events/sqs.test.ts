import { expect, test } from 'vitest';
import { parseEvent } from '../../src/events/parse.ts';
import { fixture } from '../support/events.ts';

test('the records of SQS are one job, each with its id', () => {
  const body = '{"memberId":"customer-17","title":"Ready","body":"Your order can be picked up."}';
  const job = { kind: 'queue', records: [{ recordId: '059f36b4-87a3-44ab-83d2-661975830a7d', body }] };
  expect(parseEvent(fixture('sqs'))).toEqual({ entry: 'direct', job });
});

test('a record without a body is refused by its field', () => {
  expect(() => parseEvent({ Records: [{ eventSource: 'aws:sqs', messageId: 'a' }] })).toThrow(
    'Records.0.body: expected text, got nothing',
  );
});

import { expect, test } from 'vitest';
import { parseEvent } from '../../src/events/parse.ts';
import { fixture } from '../support/events.ts';

test('a notification of SNS keeps its id', () => {
  const text = '{"announcementId": 42, "deviceId": 0}';
  expect(parseEvent(fixture('sns'))).toEqual({
    entry: 'records',
    records: [{ origin: 'sns', id: '95df01b4-ee98-5cb9-9903-4c221d41eb5e', text }],
  });
});

test('a notification without a message is refused by its field', () => {
  expect(() => parseEvent({ Records: [{ EventSource: 'aws:sns', Sns: { MessageId: 'x' } }] })).toThrow(
    'Records.0.Sns.MessageId: expected the id of a message, got 1 character; ' +
      'Records.0.Sns.Message: expected text, got nothing',
  );
});

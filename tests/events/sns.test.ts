import { expect, test } from 'vitest';
import { parseEvent } from '../../src/events/parse.ts';
import { parseSnsMessage } from '../../src/events/sns.ts';
import { fixture } from '../support/events.ts';

test('a notification of SNS keeps its id, and its text is a job', () => {
  const text = '{"announcementId": 42, "deviceId": 0}';
  expect(parseEvent(fixture('sns'))).toEqual({
    entry: 'sns',
    messages: [{ id: '95df01b4-ee98-5cb9-9903-4c221d41eb5e', text }],
  });
  expect(parseSnsMessage(text)).toEqual({ kind: 'broadcast', announcementId: 42, round: 0, fromId: 0 });
});

test('a notification without a message is refused by its field', () => {
  expect(() => parseEvent({ Records: [{ EventSource: 'aws:sns', Sns: { MessageId: 'x' } }] })).toThrow(
    'Records.0.Sns.MessageId: expected the id of a message, got 1 character; ' +
      'Records.0.Sns.Message: expected text, got nothing',
  );
});

test('a message that is not JSON is refused, and the error does not quote it', () => {
  expect(() => parseSnsMessage('token abc')).toThrow(
    'Sns.Message: expected JSON, got 9 characters of something else',
  );
});

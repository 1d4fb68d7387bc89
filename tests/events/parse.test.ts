import { expect, test } from 'vitest';
import { parseEvent } from '../../src/events/parse.ts';
import { fixture, refusal } from '../support/events.ts';

const start = { kind: 'broadcast', announcementId: 42, round: 0, fromId: 0 };

test.each([
  ['direct', start],
  ['self-invoke', { ...start, fromId: 3001 }],
  ['eventbridge-rule', { kind: 'scan' }],
  ['eventbridge-scheduler', { kind: 'scan' }],
  ['eventbridge-scheduler-input', { kind: 'scan' }],
])('an event of the shape %s becomes a job', (name, job) => {
  expect(parseEvent(fixture(name))).toEqual({ entry: 'direct', job });
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
])('%j has no known shape, and is reported without its values', (event, got) => {
  const { problems } = refusal(() => parseEvent(event));
  expect(problems).toMatchObject([{ field: 'event', got }]);
  expect(problems[0]?.expected).toMatch(/announcementId.*EventBridge.*SNS.*HTTP/);
});

test('the record of a failed event looks like a request, but is not one', () => {
  expect(refusal(() => parseEvent(fixture('lambda-destination'))).problems[0]?.field).toBe('event');
});

test('an event nested a hundred thousand levels deep is refused like any other', () => {
  const deep: unknown = JSON.parse('['.repeat(100_000) + ']'.repeat(100_000));
  expect(refusal(() => parseEvent({ announcementId: deep })).problems).toMatchObject([
    { field: 'announcementId', got: 'a list of 1' },
  ]);
  expect(refusal(() => parseEvent({ deep })).code).toBe('BAD_EVENT');
});

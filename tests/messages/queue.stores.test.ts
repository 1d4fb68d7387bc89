import type { LogFields } from '../../src/context.ts';
import type { Store } from '../../src/store.ts';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { openStore } from '../../src/db/open.ts';
import { PushError } from '../../src/errors.ts';
import { parseEvent } from '../../src/events/parse.ts';
import { runQueue } from '../../src/messages/queue.ts';
import {
  delivered,
  draft,
  madeUpDevices,
  makeContext,
  outcome,
  type TestContext,
} from '../support/context.ts';
import { databaseKinds, makeDatabase, type TestDatabase } from '../support/database.ts';
import { fixture } from '../support/events.ts';

/** An SQS event as AWS documents it. https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html */
function sqsRecord(messageId: string, body: string, { group = '', queue = 'my-queue' } = {}) {
  return {
    messageId,
    receiptHandle: 'AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a...',
    body,
    attributes: {
      ApproximateReceiveCount: '1',
      SentTimestamp: '1545082649183',
      SenderId: 'AIDAIENQZJOLO23YVJ4VO',
      ApproximateFirstReceiveTimestamp: '1545082649185',
      ...(group === '' ? {} : { MessageGroupId: group }),
    },
    messageAttributes: {},
    md5OfBody: 'e4e68fb7bd0e697a0ae8f1bb342846b3',
    eventSource: 'aws:sqs',
    eventSourceARN: `arn:aws:sqs:us-east-2:123456789012:${queue}`,
    awsRegion: 'us-east-2',
  };
}

function textOf(deviceId: number, fields: object = {}): string {
  return JSON.stringify({ deviceId, title: 'Ready', body: 'Come and get it', ...fields });
}

describe.each(databaseKinds())('the queue, on %s', (kind) => {
  let database: TestDatabase;
  let store: Store;

  beforeEach(async () => {
    database = await makeDatabase(kind);
    store = await openStore(database.config, systemClock);
    await store.addDevices(madeUpDevices(4));
  });
  afterEach(async () => {
    await store.close();
    await database.drop();
  });

  async function deliver(ctx: TestContext, ...records: ReturnType<typeof sqsRecord>[]): Promise<string[]> {
    const parsed = parseEvent({ Records: records });
    if (parsed.entry !== 'direct' || parsed.job.kind !== 'queue') throw new Error('no queue job');
    const { batchItemFailures } = await runQueue(ctx, parsed.job);
    return batchItemFailures.map(({ itemIdentifier }) => itemIdentifier);
  }

  test('a record is one message, or several, or an SNS envelope around them, and all go out together', async () => {
    const ctx = makeContext(store, { env: { BATCH_SIZE: '100' } });
    const envelope = JSON.stringify({
      Type: 'Notification',
      MessageId: '22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324',
      TopicArn: 'arn:aws:sns:us-west-2:123456789012:MyTopic',
      Message: textOf(4),
      Timestamp: '2012-05-02T00:54:06.655Z',
    });
    const failed = await deliver(
      ctx,
      sqsRecord('r-1', textOf(1)),
      sqsRecord('r-2', JSON.stringify({ messages: [2, 3].map((id) => JSON.parse(textOf(id)) as object) })),
      sqsRecord('r-3', envelope),
    );
    expect(failed).toEqual([]);
    expect(ctx.sent).toEqual(['target-1', 'target-2', 'target-3', 'target-4']);
    expect(ctx.story).toEqual(['send 4']);
  });

  test('a record that is delivered twice is sent once, in one batch or in two', async () => {
    const ctx = makeContext(store);
    const record = sqsRecord('r-1', textOf(1));
    expect(await deliver(ctx, record, record, sqsRecord('r-2', textOf(1)))).toEqual([]);
    expect(await deliver(ctx, record)).toEqual([]);
    expect(ctx.sent).toEqual(['target-1', 'target-1']);
  });

  test('records that may be sent again go back, each once, and are then sent without what had arrived', async () => {
    const answers = [
      delivered,
      outcome('retryable', 'UNAVAILABLE'),
      outcome('unknown', 'TIMEOUT'),
      delivered,
    ];
    const ctx = makeContext(store, { answer: () => answers.shift() ?? delivered });
    const several = JSON.stringify({ messages: [1, 2, 3].map((id) => JSON.parse(textOf(id)) as object) });
    const records = [sqsRecord('r-1', several), sqsRecord('r-2', textOf(4))];
    expect(await deliver(ctx, ...records)).toEqual(['r-1']);
    expect(await deliver(ctx, ...records.slice(0, 1))).toEqual([]);
    expect(ctx.sent).toEqual(['target-1', 'target-2', 'target-3', 'target-4', 'target-2', 'target-3']);
  });

  const refusable = () => [
    sqsRecord('r-1', '{"deviceId": 1'),
    sqsRecord('r-2', JSON.stringify({ deviceId: 1, title: 'no body' })),
    sqsRecord('r-3', JSON.stringify({ messages: [{ title: 'to nobody' }, JSON.parse(textOf(2)) as object] })),
    sqsRecord('r-4', textOf(3, { source: 'nowhere' })),
    sqsRecord('r-5', textOf(77)),
    sqsRecord('r-6', '"just a text"'),
  ];

  test('a record that is refused is logged and goes back, so that it reaches the dead-letter queue', async () => {
    const ctx = makeContext(store);
    expect(await deliver(ctx, ...refusable())).toEqual(['r-1', 'r-2', 'r-3', 'r-4', 'r-6']);
    expect(await deliver(ctx, ...refusable())).toEqual(['r-1', 'r-2', 'r-3', 'r-4', 'r-6']);
    expect(ctx.sent).toEqual(['target-2']);
    expect(ctx.logged.filter((event) => event === 'message refused')).toHaveLength(10);
    expect(ctx.logged).toContain('message not delivered');
    expect(await store.countDeliveries(0)).toMatchObject({ delivered: 1, rejected: 1 });
  });

  test('a record never starts anything, whatever RECORDS_MAY_START says: what a direct invoke may ask for is no message', async () => {
    const ctx = makeContext(store, { env: { RECORDS_MAY_START: 'announcements, scan, doctor' } });
    const announcementId = await store.createAnnouncement(draft);
    const asks = [{ announcementId }, { title: 'T', body: 'B' }, { kind: 'scan' }, { kind: 'doctor' }];
    const records = asks.map((ask, nth) => sqsRecord(`r-${nth}`, JSON.stringify(ask)));
    expect(await deliver(ctx, ...records)).toEqual(['r-0', 'r-1', 'r-2', 'r-3']);
    expect([ctx.sent, ctx.invoked]).toEqual([[], []]);
    expect(await store.fetchAnnouncement(announcementId)).toMatchObject({ status: 'draft' });
    expect(await store.fetchAnnouncement(announcementId + 1)).toBeNull();
  });

  test('a message in an event of a bus, with an envelope of SNS or without, is the same message', async () => {
    const ctx = makeContext(store);
    const event = (id: number) => ({
      ...fixture('eventbridge-bus'),
      detail: JSON.parse(textOf(id)) as object,
    });
    const envelope = { Type: 'Notification', Message: JSON.stringify(event(2)) };
    const records = [event(1), envelope].map((body, nth) => sqsRecord(`r-${nth}`, JSON.stringify(body)));
    expect(await deliver(ctx, ...records)).toEqual([]);
    expect(ctx.sent).toEqual(['target-1', 'target-2']);
  });

  test('a record whose message the database refuses goes back alone', async () => {
    const claimMessages: Store['claimMessages'] = (messages, ...rest) =>
      messages.some(({ messageKey }) => messageKey === 'odd')
        ? Promise.reject(PushError.of('BAD_INPUT', [{ field: 'title', expected: 'x', got: 'y' }]))
        : store.claimMessages(messages, ...rest);
    const ctx = makeContext({ ...store, claimMessages });
    const odd = sqsRecord('r-1', textOf(1, { idempotencyKey: 'odd' }));
    expect(await deliver(ctx, odd, sqsRecord('r-2', textOf(2)))).toEqual(['r-1']);
    expect(ctx.sent).toEqual(['target-2']);
  });

  test('with QUEUE_REFUSED=drop, a record that is refused is logged with its id and dropped', async () => {
    const ctx = makeContext(store, { env: { QUEUE_REFUSED: 'drop' } });
    expect(await deliver(ctx, ...refusable())).toEqual([]);
    expect(ctx.sent).toEqual(['target-2']);
    expect(ctx.logged.filter((event) => event === 'message refused')).toHaveLength(5);
    expect(ctx.logged).toContain('message not delivered');
    expect(await store.countDeliveries(0)).toMatchObject({ delivered: 1, rejected: 1 });
  });

  test('a record that is nested thousands of levels deep does not fail its batch', async () => {
    const deep = `${'['.repeat(20_000)}${']'.repeat(20_000)}`;
    const ctx = makeContext(store);
    const nested = `{"deviceId":1,"title":"t","body":"b","apns":{"a":${deep}}}`;
    const failed = await deliver(
      ctx,
      sqsRecord('r-1', nested),
      sqsRecord('r-2', textOf(2)),
      sqsRecord('r-3', deep),
    );
    expect(failed).toEqual(['r-1', 'r-3']);
    expect(ctx.sent).toEqual(['target-2']);
  });

  test('of a FIFO queue, the rest of a group goes back unsent after a record that goes back', async () => {
    const fifo = (id: string, group: string, body: string) =>
      sqsRecord(id, body, { group, queue: 'push.fifo' });
    const failing = makeContext(store, {
      answer: ({ deviceId }) => (deviceId === 1 ? outcome('retryable', 'UNAVAILABLE') : delivered),
    });
    const records = [
      fifo('a-1', 'a', textOf(3)),
      fifo('a-2', 'a', textOf(1)),
      fifo('a-3', 'a', textOf(2)),
      fifo('b-1', 'b', textOf(4)),
      fifo('b-2', 'b', '{'),
      fifo('b-3', 'b', textOf(2)),
      fifo('b-4', 'b', textOf(2)),
      fifo('c-1', 'c', textOf(2)),
      fifo('c-2', 'c', textOf(3)),
    ];
    expect((await deliver(failing, ...records)).toSorted()).toEqual(['a-2', 'a-3', 'b-2', 'b-3', 'b-4']);
    expect(failing.story).toEqual(['send 3', 'send 2']);
    expect(failing.sent).toEqual(['target-3', 'target-4', 'target-2', 'target-1', 'target-3']);

    const ctx = makeContext(store, { env: { QUEUE_REFUSED: 'drop' } });
    expect(await deliver(ctx, ...records)).toEqual([]);
    expect(ctx.sent).toEqual(['target-1', 'target-2', 'target-2', 'target-2']);
  });

  test('the group of a fair queue is in the log, and has no order', async () => {
    const lines: LogFields[] = [];
    const ctx = makeContext(store);
    const log = { ...ctx.log, error: (_: string, fields: LogFields = {}) => lines.push(fields) };
    const fair = { group: 'tenant-7' };
    const records = [sqsRecord('r-1', '{', fair), sqsRecord('r-2', textOf(2), fair)];
    expect(await deliver({ ...ctx, log }, ...records)).toEqual(['r-1']);
    expect(ctx.sent).toEqual(['target-2']);
    expect(lines).toMatchObject([{ recordId: 'r-1', group: 'tenant-7', code: 'BAD_EVENT' }]);
  });

  test('a record that there is no time for goes back', async () => {
    const ctx = makeContext(store, { remainingMs: () => 15_000 });
    expect(await deliver(ctx, sqsRecord('r-1', textOf(1)), sqsRecord('r-2', textOf(2)))).toEqual([
      'r-1',
      'r-2',
    ]);
    expect(ctx.sent).toEqual([]);
  });

  test("a key of the sender's own holds across records", async () => {
    const ctx = makeContext(store);
    const own = textOf(1, { idempotencyKey: 'order-17' });
    await deliver(ctx, sqsRecord('r-1', own), sqsRecord('r-2', own));
    await deliver(ctx, sqsRecord('r-3', own));
    expect(ctx.sent).toEqual(['target-1']);
  });
});

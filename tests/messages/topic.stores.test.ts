import type { NewMessage } from '../../src/model/message.ts';
import type { TopicName } from '../../src/model/topic.ts';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { runHop } from '../../src/broadcast/hop.ts';
import { scan } from '../../src/broadcast/scan.ts';
import { systemClock } from '../../src/clock.ts';
import { openDriver, openStore } from '../../src/db/open.ts';
import { sendMessages } from '../../src/messages/send.ts';
import type { Store } from '../../src/store.ts';
import { delivered, devicesOf, draft, makeContext, outcome, toDevice } from '../support/context.ts';
import { databaseKinds, makeDatabase, type TestDatabase } from '../support/database.ts';

const NEWS = { kind: 'topic', name: 'news' } as const;
const BOTH = { kind: 'condition', name: "'news' in topics && 'sport' in topics" } as const;

const toTopic = (messageKey: string, topic: TopicName): NewMessage => ({
  ...{ messageKey, source: 'default', ttlSeconds: null, content: draft.content },
  recipient: { deviceId: 0, memberId: null, topic },
});

describe.each(databaseKinds())('messages to topics, on %s', (kind) => {
  let database: TestDatabase;
  let store: Store;

  beforeEach(async () => {
    database = await makeDatabase(kind);
    store = await openStore(database.config, systemClock);
    await store.addDevices(devicesOf('ada'));
  });
  afterEach(async () => {
    await store.close();
    await database.drop();
  });

  test('a topic and a condition get one push each, which is device 0 in the ledger', async () => {
    const sent: string[] = [];
    const ctx = makeContext(store, {
      answer: ({ targetKind, target }) => {
        sent.push(`${targetKind} ${target}`);
        return { verdict: 'delivered', reason: null, messageName: target, retryAfterMs: null };
      },
    });
    const messages = [toTopic('a', NEWS), toTopic('b', BOTH)];
    const reports = await sendMessages(ctx, messages);
    expect(sent).toEqual(['topic news', `condition ${BOTH.name}`]);
    expect(reports).toMatchObject([
      { verdict: 'delivered', retryInMs: null, deliveries: [{ deviceId: 0, messageName: 'news' }] },
      { verdict: 'delivered', deliveries: [{ deviceId: 0 }] },
    ]);
    expect(await sendMessages(ctx, messages)).toEqual(reports);
    expect(sent).toHaveLength(2);
    expect(await store.countDeliveries(0)).toMatchObject({ delivered: 2 });
  });

  test('the key of a message to another topic, to a condition or to a device is not sent again', async () => {
    const ctx = makeContext(store);
    await sendMessages(ctx, [toTopic('a', NEWS)]);
    const others: NewMessage[] = [
      toTopic('a', { kind: 'topic', name: 'News' }),
      toTopic('a', { kind: 'condition', name: NEWS.name }),
      { ...toTopic('a', NEWS), recipient: toDevice(1) },
    ];
    for (const other of others) {
      expect(await sendMessages(ctx, [other])).toMatchObject([{ verdict: 'rejected', reason: 'KEY_REUSED' }]);
    }
    expect(ctx.sent).toEqual(['news']);
  });

  test('what FCM answers about a topic marks no device as gone, and a refused condition is that message alone', async () => {
    const ctx = makeContext(store, {
      answer: ({ targetKind }) =>
        targetKind === 'topic'
          ? outcome('unregistered', 'UNREGISTERED')
          : outcome('misconfigured', 'INVALID_ARGUMENT'),
    });
    expect(await sendMessages(ctx, [toTopic('a', NEWS), toTopic('b', BOTH)])).toMatchObject([
      { verdict: 'unregistered', retryInMs: null },
      { verdict: 'rejected', reason: 'INVALID_ARGUMENT', retryInMs: null },
    ]);
    expect(await store.countDevices()).toBe(1);
  });

  test('rows of a mailing go to topics, also in a retry round; what cannot be one is refused in words', async () => {
    const driver = openDriver(database.config, systemClock);
    const add = (columns: string, ...values: (string | number)[]) =>
      driver.run({
        sql: `INSERT INTO push_message (title, body, ${columns}) VALUES ('T', 'B', ${values.map(() => '?').join(', ')})`,
        values,
      });
    await add('device_id, topic', 0, '/topics/news');
    await add('device_id, topic_condition', 0, BOTH.name);
    await add('device_id, topic', 0, 'two words');
    await add('device_id, topic', 1, 'news');
    await add('member_id, topic', 'ada', 'news');
    await add('device_id, topic, topic_condition', 0, 'news', BOTH.name);
    await driver.close();

    let answers = 0;
    const ctx = makeContext(store, {
      answer: () => (answers++ === 0 ? outcome('retryable', 'UNAVAILABLE') : delivered),
    });
    await scan(ctx);
    await runHop(ctx, { kind: 'broadcast', announcementId: 1, round: 0, fromId: 0 });
    await runHop(ctx, { kind: 'broadcast', announcementId: 1, round: 1, fromId: 0 });
    expect(ctx.sent).toEqual(['news', BOTH.name, 'news']);
    const page = { announcementId: 1, round: 0, fromId: 0 };
    const ledger = await store.fetchLedger(page, 10);
    expect(
      [...ledger].map(([id, rows]) => [
        id,
        ...[...rows].map(([device, { reason }]) => `${device} ${reason}`),
      ]),
    ).toEqual([
      [1, '0 null'],
      [2, '0 null'],
      [3, '0 BAD_CONTENT'],
      [4, '0 BAD_CONTENT'],
      [5, '0 BAD_CONTENT'],
      [6, '0 BAD_CONTENT'],
    ]);
    const problems = (await store.fetchMessages(page, 10)).map(({ problem }) => problem);
    expect(problems).toEqual([
      null,
      null,
      expect.stringContaining('topic: expected the name of a topic'),
      'device_id: expected 0 beside a topic, got 1',
      'device_id: expected 0 beside a topic, got null',
      'topic: expected NULL beside a topic_condition, got a topic',
    ]);
    expect(await store.countAudience({ announcementId: 1, audience: 'messages' }, 0)).toMatchObject({
      devices: 6,
    });
  });
});

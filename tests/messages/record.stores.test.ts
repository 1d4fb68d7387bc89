import { createConnection } from 'mysql2/promise';
import { afterEach, beforeEach, describe, expect, inject, onTestFinished, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import type { DatabaseConfig } from '../../src/config/config.ts';
import type { Driver } from '../../src/db/driver.ts';
import { openDriver, openStore } from '../../src/db/open.ts';
import { makeStore } from '../../src/db/store.ts';
import { runQueue } from '../../src/messages/queue.ts';
import { sendMessages } from '../../src/messages/send.ts';
import type { NewMessage } from '../../src/model/message.ts';
import type { Store } from '../../src/store.ts';
import { delivered, draft, madeUpDevices, makeContext, outcome, toDevice } from '../support/context.ts';
import { databaseKinds, makeDatabase, passTime, type TestDatabase } from '../support/database.ts';

/** A trigger that refuses each delivery, as a full tablespace or a rule of a team's own does. */
const REFUSE = {
  sqlite: "CREATE TRIGGER refuse BEFORE INSERT ON push_delivery BEGIN SELECT RAISE(ABORT, 'no'); END",
  mysql: "CREATE TRIGGER refuse BEFORE INSERT ON push_delivery FOR EACH ROW SIGNAL SQLSTATE '45000'",
};

const make = (nth: number): NewMessage => ({
  ...{ messageKey: `key-${nth}`, source: 'default', recipient: toDevice(nth), ttlSeconds: null },
  content: draft.content,
});
const many = Array.from({ length: 40 }, (_, nth) => make(nth + 1));

describe.each(databaseKinds())('messages and a ledger that takes no answers, on %s', (kind) => {
  let database: TestDatabase;
  let driver: Driver;
  let store: Store;

  beforeEach(async () => {
    database = await makeDatabase(kind);
    driver = openDriver(database.config, systemClock);
    store = makeStore(driver);
    await store.addDevices(madeUpDevices(40));
  });
  afterEach(async () => {
    await store.close();
    await database.drop();
  });

  const run = (text: string) => driver.run({ sql: text, values: [] });

  test('nothing is sent, and as soon as it takes them each message goes out once', async () => {
    await run(REFUSE[kind]);
    const ctx = makeContext(store);
    const refused = { messageId: null, verdict: 'retryable', reason: 'NOT_RECORDED', retryInMs: 30_000 };
    for (let times = 0; times < 3; times++) {
      const one = await sendMessages(ctx, many.slice(0, 3));
      const together = await Promise.all(many.slice(3).map((message) => sendMessages(ctx, [message])));
      expect([...one, ...together.flat()]).toMatchObject(many.map(() => refused));
    }
    expect(ctx.sent).toEqual([]);
    expect(ctx.logged).toContain('message not claimed');
    await run('DROP TRIGGER refuse');
    const reports = await Promise.all(many.map((message) => sendMessages(ctx, [message])));
    expect(reports.flat().map(({ verdict }) => verdict)).toEqual(many.map(() => 'delivered'));
    expect(ctx.sent.toSorted()).toEqual(
      madeUpDevices(40)
        .map(({ target }) => target)
        .toSorted(),
    );
  });

  test("a queue's records go back, and none is sent", async () => {
    await run(REFUSE[kind]);
    const ctx = makeContext(store);
    const body = JSON.stringify({ title: 't', body: 'b', deviceId: 1 });
    const record = { recordId: 'r', body, group: null, isOrdered: false };
    expect(await runQueue(ctx, { kind: 'queue', records: [record] })).toEqual({
      batchItemFailures: [{ itemIdentifier: 'r' }],
    });
    expect(ctx.sent).toEqual([]);
  });

  test('whoever asks for a message that is in the ledger already is told what became of it', async () => {
    const ctx = makeContext(store, { env: { LEASE_MS: '13000' } });
    const first = await sendMessages(ctx, [make(1)]);
    await run(REFUSE[kind]);
    expect(await sendMessages(ctx, [make(1)])).toEqual(first);
    expect(await sendMessages(ctx, [make(1), make(2)])).toMatchObject([
      { verdict: 'delivered' },
      { verdict: 'retryable', reason: 'NOT_RECORDED' },
    ]);
  });

  test('while the answers of one caller wait to be recorded, another caller sends nothing', async () => {
    const answers = [delivered, outcome('retryable', 'UNAVAILABLE')];
    let isFirst = true;
    const ctx = makeContext(store, {
      answer: ({ deviceId }) => answers[deviceId - 1] ?? delivered,
      async beforeSend() {
        if (isFirst) await run(REFUSE[kind]);
        isFirst = false;
      },
      clock: {
        ...systemClock,
        // The ledger takes answers again after some tries, and after the other callers have asked.
        async sleep() {
          const others = await Promise.all(many.slice(2).map((message) => sendMessages(ctx, [message])));
          expect(others.flat().every(({ reason }) => reason === 'NOT_RECORDED')).toBe(true);
          expect(ctx.sent).toEqual(['target-1', 'target-2']);
          await run('DROP TRIGGER refuse');
        },
      },
    });
    expect(await sendMessages(ctx, many.slice(0, 2))).toMatchObject([
      { verdict: 'delivered' },
      { verdict: 'retryable', reason: 'UNAVAILABLE' },
    ]);
    expect(ctx.sent).toEqual(['target-1', 'target-2']);
    expect(await store.countDeliveries(0)).toMatchObject({ delivered: 1, retryable: 1 });
  });

  test('a message keeps its lease while its answer waits to be recorded', async () => {
    let tries = 0;
    const ctx = makeContext(store, {
      env: { LEASE_MS: '13000' },
      beforeSend: () => run(REFUSE[kind]).then(() => {}),
      clock: {
        ...systemClock,
        async sleep() {
          await passTime(database, 6000);
          expect(await store.claimMessages([make(1)], 'another', 60_000)).toMatchObject([{ isMine: false }]);
          if (++tries === 4) await run('DROP TRIGGER refuse');
        },
      },
    });
    expect(await sendMessages(ctx, [make(1)])).toMatchObject([{ verdict: 'delivered' }]);
    expect(tries).toBe(4);
    expect(ctx.sent).toEqual(['target-1']);
  });

  test('whoever takes a message over waits for what the invocation before may still record', async () => {
    const [claim] = await store.claimMessages([make(1), make(2)], 'stuck', 60_000);
    await passTime(database, 61_000);
    const waits: number[] = [];
    const ctx = makeContext(store, {
      clock: {
        ...systemClock,
        async sleep(ms) {
          waits.push(ms);
          const answer = { verdict: 'delivered', reason: null, messageName: 'm', retryInMs: null } as const;
          await store.recordMessages([{ ...answer, deviceId: 1, messageId: claim?.messageId ?? 0 }], []);
        },
      },
    });
    const reports = await sendMessages(ctx, [make(3), make(1), make(2)]);
    expect(reports.map(({ verdict }) => verdict)).toEqual(['delivered', 'delivered', 'delivered']);
    // The first of the two is in the ledger by then; the invocation was killed before it had sent the second.
    expect(ctx.sent).toEqual(['target-3', 'target-2']);
    expect(waits).toEqual([2000]);
  });

  test('a word of FCM that is longer than its column is cut, and the message is sent once', async () => {
    const ctx = makeContext(store, { answer: () => outcome('rejected', 'X'.repeat(150)) });
    const first = await sendMessages(ctx, [make(1)]);
    expect(first).toMatchObject([{ verdict: 'rejected', retryInMs: null }]);
    expect(await sendMessages(ctx, [make(1)])).toMatchObject([{ reason: 'X'.repeat(100) }]);
    expect(ctx.sent).toEqual(['target-1']);
  });

  test('many requests at the same time prove it together, and a request that sends nothing does not', async () => {
    let proofs = 0;
    const ctx = makeContext({
      ...store,
      proveRecordingMessages: (...asked) => {
        proofs++;
        return store.proveRecordingMessages(...asked);
      },
    });
    await Promise.all(many.map((message) => sendMessages(ctx, [message])));
    expect(ctx.sent).toHaveLength(40);
    // The first request goes alone, the others wait for it.
    expect(proofs).toBe(2);
    await Promise.all(many.map((message) => sendMessages(ctx, [message])));
    expect(proofs).toBe(2);
    expect(await driver.all({ sql: 'SELECT message_id FROM push_delivery', values: [] })).toHaveLength(40);
  });
});

test.runIf(databaseKinds().includes('mysql'))('without the INSERT privilege nothing is sent', async () => {
  const database = await makeDatabase('mysql');
  const url = new URL(database.url);
  const name = url.pathname.slice(1);
  const administrator = await createConnection(inject('mysqlUrl') ?? '');
  const username = `app_${name.slice(-20)}`;
  const user = `${username}@'127.0.0.1'`;
  onTestFinished(async () => {
    await administrator.query(`DROP USER ${user}`);
    await administrator.end();
    await database.drop();
  });
  await administrator.query(`CREATE USER ${user}`);
  for (const table of ['push_migration', 'push_device', 'push_message', 'push_budget', 'push_announcement']) {
    await administrator.query(`GRANT ALL ON ${name}.${table} TO ${user}`);
  }
  for (const table of ['push_delivery', 'push_snapshot', 'push_turn']) {
    await administrator.query(`GRANT SELECT, UPDATE, DELETE ON ${name}.${table} TO ${user}`);
  }
  Object.assign(url, { username });
  const config: DatabaseConfig = { kind: 'mysql', url: url.href, tls: { kind: 'off' } };
  const store = await openStore(config, systemClock);
  onTestFinished(() => store.close());
  await store.addDevices(madeUpDevices(1));
  const ctx = makeContext(store);
  expect(await sendMessages(ctx, [make(1)])).toMatchObject([
    { verdict: 'retryable', reason: 'NOT_RECORDED' },
  ]);
  expect(ctx.sent).toEqual([]);
});

import { createConnection } from 'mysql2/promise';
import { afterEach, beforeEach, describe, expect, inject, test } from 'vitest';
import type { BroadcastJob } from '../../src/job.ts';
import type { Store } from '../../src/store.ts';
import { makeTestClock, type TestClock } from '../support/clock.ts';
import { draft, madeUpDevices, outcome } from '../support/context.ts';
import { databaseKinds, makeDatabase, type TestDatabase } from '../support/database.ts';
import { makeTestLambda } from '../support/test-lambda.ts';
import { openTimedStore } from '../support/timed-store.ts';

let clock: TestClock;
let database: TestDatabase;

beforeEach(() => {
  clock = makeTestClock({ isEager: true });
});
afterEach(() => database.drop());

async function announce(store: Store, devices: number): Promise<BroadcastJob> {
  await store.addDevices(madeUpDevices(devices));
  const announcementId = await store.createAnnouncement(draft);
  return { kind: 'broadcast', announcementId, round: 0, fromId: 0 };
}

describe.each(databaseKinds())('on %s', (kind) => {
  test('an answer of FCM that is longer than its column is cut, and nobody gets the push twice for it', async () => {
    database = await makeDatabase(kind);
    const store = openTimedStore(database.config, clock);
    const job = await announce(store, 24);
    const long = [
      outcome('unregistered', 'U'.repeat(150)),
      outcome('rejected', '🎉'.repeat(150)),
      // Half of a surrogate pair.
      outcome('unknown', `${'x'.repeat(99)}\ud83c\udf89\ud83c`),
      { ...outcome('delivered', ''), reason: null, messageName: 'm'.repeat(300) },
    ];
    const lambda = makeTestLambda(store, clock, {
      env: { MAX_ATTEMPTS: '1' },
      answer: ({ deviceId }) => long[deviceId % 4]!,
    });
    await lambda.run(job, 3);
    expect([...lambda.pushes.values()]).toEqual(madeUpDevices(24).map(() => 1));
    const { announcementId } = job;
    expect(await store.fetchAnnouncement(announcementId)).toMatchObject({ status: 'done' });
    expect(await store.countDeliveries(announcementId)).toMatchObject({
      ...{ delivered: 6, unregistered: 6, rejected: 6, unknown: 6 },
    });
    const after = { messageId: 0, deviceId: 0 };
    const [rejected] = await store.fetchDeliveries(announcementId, 'rejected', after, 1);
    expect(rejected?.reason).toBe('🎉'.repeat(100));
    const [unknown] = await store.fetchDeliveries(announcementId, 'unknown', after, 1);
    expect(unknown?.reason).toBe(`${'x'.repeat(99)}🎉`);
    await store.close();
  });
});

describe.skipIf(!databaseKinds().includes('mysql'))('on mysql only', () => {
  const TABLES = [
    'announcement',
    'snapshot',
    'audience',
    'audit',
    'retry',
    'device',
    'hop',
    'budget',
    'turn',
    'delivery',
    'message',
    'tick',
  ];
  let user: string;
  let store: Store;

  const ask = async (statement: string): Promise<void> => {
    const connection = await createConnection(inject('mysqlUrl')!);
    await connection.query(statement);
    await connection.end();
  };
  const allowInsert = (isAllowed: boolean): Promise<void> => {
    const [verb, word] = isAllowed ? ['GRANT', 'TO'] : ['REVOKE', 'FROM'];
    return ask(`${verb} INSERT ON ${databaseName()}.push_delivery ${word} ${user}`);
  };
  const databaseName = (): string => new URL(database.url).pathname.slice(1);

  beforeEach(async () => {
    database = await makeDatabase('mysql');
    user = `user_${databaseName().slice(-20)}`;
    await ask(`CREATE USER ${user} IDENTIFIED BY 'a'`);
    await ask(`GRANT SELECT, UPDATE, DELETE ON ${databaseName()}.* TO ${user}`);
    for (const table of TABLES) await ask(`GRANT INSERT ON ${databaseName()}.push_${table} TO ${user}`);
    const url = Object.assign(new URL(database.url), { username: user, password: 'a' }).href;
    store = openTimedStore({ kind: 'mysql', url, tls: { kind: 'off' } }, clock);
  });
  afterEach(async () => {
    await store.close();
    await ask(`DROP USER ${user}`);
  });

  test('without INSERT on the ledger nothing is sent, and all is sent once it is allowed', async () => {
    const job = await announce(store, 24);
    await allowInsert(false);
    const lambda = makeTestLambda(store, clock);
    await lambda.run(job, 1);
    expect(lambda.invocations()).toBeGreaterThan(1);
    expect(lambda.pushes.size).toBe(0);
    await allowInsert(true);
    await lambda.run(job, 3);
    expect([...lambda.pushes.values()]).toEqual(madeUpDevices(24).map(() => 1));
  });

  test('INSERT refused for 45 s in the middle of 20,000 devices: no device is lost, and none gets the push twice', async () => {
    const job = await announce(store, 20_000);
    let refusedAt: number | null = null;
    let isRefusing = false;
    const watched: TestClock = {
      ...clock,
      async sleep(ms, signal) {
        if (isRefusing && refusedAt !== null && clock.now() >= refusedAt + 45_000) {
          isRefusing = false;
          await allowInsert(true);
        }
        return clock.sleep(ms, signal);
      },
    };
    const lambda = makeTestLambda(store, watched, {
      env: { PAGE_SIZE: '3000', BATCH_SIZE: '500', WINDOW: '1000' },
      async beforeSend() {
        if (lambda.pushes.size < 8000 || refusedAt !== null) return;
        refusedAt = clock.now();
        isRefusing = true;
        await allowInsert(false);
      },
    });
    await lambda.run(job, 10);
    expect(refusedAt).not.toBeNull();
    expect(isRefusing).toBe(false);
    expect(await store.fetchAnnouncement(job.announcementId)).toMatchObject({ status: 'done' });
    expect(await store.countDeliveries(job.announcementId)).toMatchObject({ delivered: 20_000 });
    const counts = [...lambda.pushes.values()];
    expect(counts).toHaveLength(20_000);
    expect(counts.reduce((sum, count) => sum + count - 1, 0)).toBe(0);
  });
});

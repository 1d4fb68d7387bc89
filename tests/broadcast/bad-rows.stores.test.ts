import type { Driver } from '../../src/db/driver.ts';
import type { Store } from '../../src/store.ts';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { moveAnnouncement } from '../../src/broadcast/announcement.ts';
import { runHop } from '../../src/broadcast/hop.ts';
import { scan } from '../../src/broadcast/scan.ts';
import { systemClock } from '../../src/clock.ts';
import { openDriver, openStore } from '../../src/db/open.ts';
import { sql, type Value } from '../../src/db/sql.ts';
import { checkIds } from '../../src/doctor/database-tables.ts';
import { PushError } from '../../src/errors.ts';
import { firstJob } from '../../src/job.ts';
import { devicesOf, draft, makeContext, type TestContext, toDevice, toMember } from '../support/context.ts';
import { databaseKinds, makeDatabase, passTime, type TestDatabase } from '../support/database.ts';

/** What other hands wrote into a row that Baton cannot send, and what the announcement's status then says. */
const BAD_COLUMNS: readonly (readonly [string, Value, string])[] = [
  ['data', '{"a": 1', 'data: expected JSON, got 7 characters of something else'],
  ['data', '["a"]', 'data: expected a JSON object, got a list of 1'],
  ['data', '{"id": 12345678901234567890}', 'data.id: expected text, a boolean or a number up to'],
  ['data', '{"nothing": null}', 'data.nothing: expected text, a boolean or a number'],
  [
    'options',
    `${'['.repeat(5000)}${']'.repeat(5000)}`,
    'options: expected JSON of at most 64 levels, got more',
  ],
  ['options', '{"colour": "red"}', 'colour: expected no such field'],
  ['guarantee', 'sometimes', 'guarantee: expected one of at-least-once, at-most-once, got 9 characters'],
  ['audience', 'everybody', 'audience: expected one of devices, messages, got 9 characters'],
];

describe.each(databaseKinds())('rows that others wrote, on %s', (kind) => {
  let database: TestDatabase;
  let driver: Driver;
  let store: Store;

  beforeEach(async () => {
    database = await makeDatabase(kind);
    driver = openDriver(database.config, systemClock);
    store = await openStore(database.config, systemClock);
    await store.addDevices(devicesOf('ada', 'ada', 'bob', null));
  });
  afterEach(async () => {
    await driver.close();
    await store.close();
    await database.drop();
  });

  /** Inserts an announcement that is due, as a back end does. */
  async function insert(columns: Readonly<Record<string, Value>> = {}): Promise<number> {
    const { now } = driver.dialect;
    const cells = { title: 't', body: 'b', status: 'scheduled', ...columns };
    const names = { sql: Object.keys(cells).join(', '), values: [] };
    const { insertId } = await driver.run(
      sql`INSERT INTO push_announcement (${names}, publish_at, created_at)
          VALUES (${Object.values(cells)}, ${now}, ${now})`,
    );
    return insertId;
  }

  async function tick(): Promise<TestContext> {
    const ctx = makeContext(store);
    await scan(ctx);
    for (let nth = 0; nth < ctx.invoked.length; nth++) {
      const job = ctx.invoked[nth];
      if (job?.kind === 'broadcast') await runHop(ctx, job);
    }
    return ctx;
  }

  test('numbers and booleans in the data become texts, and an empty array of PHP is empty data', async () => {
    const number = await insert({ data: '{"orderId": 42, "price": 19.9, "isNew": true, "text": "x"}' });
    const empty = await insert({ data: '[]', options: '[]', image: '' });
    await tick();
    expect(await store.fetchAnnouncement(number)).toMatchObject({
      status: 'done',
      content: { data: { orderId: '42', price: '19.9', isNew: 'true', text: 'x' } },
    });
    expect(await store.fetchAnnouncement(empty)).toMatchObject({
      ...{ status: 'done', content: { image: null, data: {}, options: {} } },
    });
  });

  test('a bad announcement fails with the reason, and the others start', async () => {
    const bad: number[] = [];
    for (const [column, value] of BAD_COLUMNS) bad.push(await insert({ [column]: value }));
    const good = await insert();
    const ctx = await tick();
    expect(ctx.invoked).toEqual([firstJob(good)]);
    expect(await store.fetchAnnouncement(good)).toMatchObject({ status: 'done' });
    for (const [nth, [, , reason]] of BAD_COLUMNS.entries()) {
      expect(await store.fetchAnnouncement(bad[nth] ?? 0)).toMatchObject({
        ...{ status: 'failed', content: null, problem: expect.stringContaining(reason) as string },
        ...{ statusReason: expect.stringContaining(reason) as string },
      });
    }
    expect(await store.fetchTickAgeMs()).not.toBeNull();
    expect(await store.fetchDue(100)).toEqual([]);
    expect(await store.fetchLatest(100)).toHaveLength(BAD_COLUMNS.length + 1);
    expect(await store.fetchUnfinished(100)).toHaveLength(BAD_COLUMNS.length);
  });

  test('the text of a bad row is in no reason', async () => {
    const id = await insert({ data: '{"code": "4711-secret"', options: '["a secret"]' });
    const { problem } = (await store.fetchAnnouncement(id)) ?? {};
    expect(problem).toContain('data: expected JSON');
    expect(problem).not.toContain('secret');
  });

  test('a bad announcement that a person starts fails too, and can be cancelled', async () => {
    const id = await insert({ data: 'x', status: 'draft' });
    const ctx = makeContext(store);
    expect(await runHop(ctx, firstJob(id))).toMatchObject({ end: 'idle', sent: 0 });
    expect(await store.fetchAnnouncement(id)).toMatchObject({ status: 'failed' });
    expect(await moveAnnouncement({ store, actor: 'baton' }, id, 'cancel')).toMatchObject({
      status: 'cancelled',
    });
  });

  test('an announcement that failed before it started is due again after a resume, once its row is fixed', async () => {
    const id = await insert({ data: 'x' });
    await tick();
    await driver.run(sql`UPDATE push_announcement SET data = '{}' WHERE announcement_id = ${id}`);
    expect(await moveAnnouncement({ store, actor: 'baton' }, id, 'resume')).toMatchObject({
      status: 'scheduled',
    });
    expect((await tick()).sent).toHaveLength(4);
    expect(await store.fetchAnnouncement(id)).toMatchObject({ status: 'done', statusReason: null });
  });

  test('a status that does not exist is a draft with a problem: it is listed, and can be cancelled', async () => {
    const id = await insert({ status: 'published' });
    expect((await tick()).sent).toEqual([]);
    const problem = expect.stringContaining('status: expected one of draft, scheduled') as string;
    expect(await store.fetchAnnouncement(id)).toMatchObject({ status: 'draft', problem });
    expect(await store.fetchLatest(10)).toMatchObject([{ status: 'draft', statusReason: problem }]);
    expect(await moveAnnouncement({ store, actor: 'baton' }, id, 'cancel')).toMatchObject({
      status: 'cancelled',
    });
  });

  test('a device with a bad target is rejected, and the others get the push', async () => {
    await driver.run(sql`UPDATE push_device SET target_kind = 'WEB' WHERE device_id = 2`);
    await driver.run(sql`UPDATE push_device SET target = '' WHERE device_id = 3`);
    const id = await insert();
    const ctx = await tick();
    expect(ctx.sent).toEqual(['target-1', 'target-4']);
    expect(ctx.logged.filter((event) => event === 'device refused')).toHaveLength(2);
    expect(await store.fetchDeliveries(id, 'rejected', { messageId: -1, deviceId: 0 }, 10)).toMatchObject([
      { deviceId: 2, reason: 'BAD_DEVICE' },
      { deviceId: 3, reason: 'BAD_DEVICE' },
    ]);
    expect(await store.fetchAnnouncement(id)).toMatchObject({ status: 'done' });
  });

  test('in a mailing a bad message or a bad device is rejected, and the others get theirs', async () => {
    await driver.run(sql`UPDATE push_device SET target_kind = 'WEB' WHERE device_id = 2`);
    const message = { source: 'default', content: draft.content, ttlSeconds: null };
    await store.addMessages(
      [toMember('ada'), toDevice(3), toDevice(4)].map((recipient, nth) => ({
        ...{ ...message, recipient, messageKey: `key-${nth}` },
      })),
      0,
    );
    await driver.run(sql`UPDATE push_message SET options = '{"x":1}' WHERE message_id = 2`);
    const ctx = await tick();
    expect(ctx.sent).toEqual(['target-1', 'target-4']);
    const ledger = await store.fetchLedger({ announcementId: 1, round: 0, fromId: 0 }, 10);
    expect(ledger.get(1)?.get(2)).toMatchObject({ verdict: 'rejected', reason: 'BAD_DEVICE' });
    expect(ledger.get(2)?.get(0)).toMatchObject({ verdict: 'rejected', reason: 'BAD_CONTENT' });
    expect(await store.fetchAnnouncement(1)).toMatchObject({ status: 'done' });
  });

  test('an id above 2^53 fails the announcement at once, with the row named', async () => {
    await driver.run(
      sql`INSERT INTO push_device (device_id, target, created_at)
          VALUES (${'9007199254740993'}, 'far', ${driver.dialect.now})`,
    );
    const id = await insert();
    const other = await insert({ lanes: 2 });
    await tick();
    for (const each of [id, other]) {
      expect(await store.fetchAnnouncement(each)).toMatchObject({
        status: 'failed',
        statusReason: expect.stringContaining('up to 9007199254740991, got 9007199254740993') as string,
      });
    }
  });

  test('an announcement with an id above 2^53 fails, and the others start', async () => {
    const good = await insert();
    await insert({ announcement_id: '9007199254740993' });
    const ctx = await tick();
    expect(ctx.invoked).toEqual([firstJob(good)]);
    expect(ctx.logged).toContain('announcements failed');
    const [bad] = await driver.all(
      sql`SELECT status, status_reason FROM push_announcement WHERE announcement_id > ${Number.MAX_SAFE_INTEGER}`,
    );
    expect(bad).toMatchObject({
      ...{
        status: 'failed',
        status_reason: 'announcement_id: expected a whole number up to 9007199254740991',
      },
    });
  });

  test('a message with an id above 2^53 stops nobody', async () => {
    const message = { source: 'default', content: draft.content, ttlSeconds: null, recipient: toDevice(4) };
    await store.addMessages([{ ...message, messageKey: 'a' }], 0);
    const { now } = driver.dialect;
    await driver.run(
      sql`INSERT INTO push_message (message_id, device_id, title, body, publish_at)
          VALUES (${'9007199254740993'}, 3, 't', 'b', ${now})`,
    );
    const ctx = await tick();
    expect(ctx.sent).toEqual(['target-4']);
    expect(await store.fetchTickAgeMs()).not.toBeNull();
    // It is a mailing of its own, which fails with the reason, each time that it is resumed, and is never sent.
    expect(await store.fetchAnnouncement(1)).toMatchObject({ status: 'done' });
    const failed = {
      status: 'failed',
      statusReason: expect.stringContaining('up to 9007199254740991, got 9007199254740993') as string,
    };
    expect(await store.fetchAnnouncement(2)).toMatchObject(failed);
    expect(ctx.logged).toContain('announcement failed');
    expect(await checkIds(driver)).toMatchObject({
      ...{ ok: false, says: expect.stringContaining('1 rows of push_message') as string },
    });
    await moveAnnouncement(ctx, 2, 'resume');
    await passTime(database, 60_000);
    expect((await tick()).sent).toEqual([]);
    expect(await store.fetchAnnouncement(2)).toMatchObject(failed);
    expect(await store.fetchPendingSources()).toEqual([]);
    expect(await store.fetchAnnouncement(3)).toBeNull();
  });

  test('a tick that cannot do its work does the rest, is an error, and does not count as a tick', async () => {
    const first = await insert();
    const second = await insert();
    const invoke = async (job: object): Promise<void> => {
      if ('announcementId' in job && job.announcementId === first)
        throw new PushError('INVOKE_FAILED', 'throttled');
    };
    const ctx = makeContext(store, { invoke });
    await expect(scan(ctx)).rejects.toThrow('throttled');
    expect(ctx.invoked).toEqual([firstJob(second)]);
    expect(await store.fetchTickAgeMs()).toBeNull();
    expect(ctx.logged).toContain('part of the tick failed');
    await scan(makeContext(store));
    expect(await store.fetchTickAgeMs()).not.toBeNull();
  });

  test('a step of the tick that a bad row ends does not count, and the other steps are done', async () => {
    const id = await insert();
    const fetchStalled = () =>
      Promise.reject(PushError.of('DATABASE', [{ field: 'from_id', expected: 'x', got: 'y' }]));
    const ctx = makeContext({ ...store, fetchStalled });
    await expect(scan(ctx)).rejects.toThrow('from_id: expected x, got y');
    expect(ctx.invoked).toEqual([firstJob(id)]);
    expect(await store.fetchTickAgeMs()).toBeNull();
  });

  test('while the database does not answer, a tick soon gives up', async () => {
    for (let nth = 0; nth < 30; nth++) await insert();
    let calls = 0;
    const down = () => {
      calls++;
      return Promise.reject(new PushError('DATABASE', 'database: ECONNRESET'));
    };
    await expect(scan(makeContext({ ...store, fetchVersioned: down }))).rejects.toThrow('ECONNRESET');
    expect(calls).toBe(10);
  });

  test('a verdict that another hand wrote into the ledger is counted as unknown', async () => {
    const id = await insert();
    await tick();
    await driver.run(sql`UPDATE push_delivery SET verdict = 'sent?' WHERE device_id = 2`);
    expect(await store.countDeliveries(id)).toMatchObject({ delivered: 3, unknown: 1 });
  });
});

import type { Store } from '../../src/store.ts';
import { createConnection, type RowDataPacket } from 'mysql2/promise';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { selectPage } from '../../src/db/devices.ts';
import { openStore } from '../../src/db/open.ts';
import { databaseKinds, makeDatabase, type TestDatabase } from '../support/database.ts';
import { explain } from './plan.ts';

describe.skipIf(!databaseKinds().includes('mysql'))('on MySQL', () => {
  let database: TestDatabase;

  beforeAll(async () => {
    database = await makeDatabase('mysql');
  });
  afterAll(() => database.drop());

  async function ask(sql: string, values: unknown[] = []): Promise<RowDataPacket[]> {
    const connection = await createConnection(database.url);
    const [rows] = await connection.query<RowDataPacket[]>(sql, values);
    await connection.end();
    return rows;
  }

  test('a page at device 1,900,000 of 2,000,000 is read like the first: a range of the primary key, nothing sorted', async () => {
    await ask(
      `INSERT INTO push_device (device_id, target) SELECT seq, CONCAT('seeded-', seq) FROM seq_1_to_2000000_step_10`,
    );
    await ask('ANALYZE TABLE push_device');
    for (const fromId of [1, 1_900_000]) {
      const [plan] = await explain(database.config, (store) => store.fetchPage(fromId, null, 3001));
      expect(plan).toMatchObject({ type: 'range', key: 'PRIMARY' });
      expect(String(plan?.['Extra'])).not.toMatch(/filesort|temporary/);
      expect(await countRowsRead(fromId)).toBeLessThanOrEqual(3001);
    }
  });

  /** Rows that the storage engine hands over for a page. */
  async function countRowsRead(fromId: number): Promise<number> {
    const page = selectPage(fromId, null, 3001);
    const connection = await createConnection(database.url);
    await connection.query('FLUSH STATUS');
    await connection.query(page.sql, [...page.values]);
    const [rows] = await connection.query<RowDataPacket[]>(
      "SHOW SESSION STATUS WHERE Variable_name IN ('Handler_read_key', 'Handler_read_next', 'Handler_read_rnd_next')",
    );
    await connection.end();
    return rows.reduce((sum, row) => sum + Number(row['Value']), 0);
  }

  test('a page of messages is a range of an index, its devices are looked up by theirs, and nothing is sorted', async () => {
    await ask(
      `INSERT INTO push_message (announcement_id, member_id, title, body)
       SELECT 1 + seq DIV 50000, CONCAT('m-', seq), 't', 'b' FROM seq_1_to_100000`,
    );
    await ask(
      `INSERT INTO push_delivery (announcement_id, message_id, device_id, verdict, round, recorded_at)
       SELECT 2, seq, seq, 'delivered', 0, UTC_TIMESTAMP(3) FROM seq_50000_to_100000`,
    );
    await ask('ANALYZE TABLE push_message, push_delivery');
    const key = { announcementId: 2, round: 0, fromId: 90_000 };
    const retry = { ...key, round: 1 };
    const calls: readonly ((store: Store) => Promise<unknown>)[] = [
      (store) => store.fetchMessageIds(key, null, 3001),
      (store) => store.fetchMessageIds(retry, null, 3001),
      (store) => store.fetchMessages(key, 93_000),
      (store) => store.fetchLedger(key, 93_000),
    ];
    for (const call of calls) {
      const plan = await explain(database.config, call);
      expect(plan.length).toBeGreaterThan(0);
      for (const step of plan) {
        expect(step).toMatchObject({ type: expect.stringMatching(/^(range|ref|eq_ref)$/) as string });
        expect(String(step['Extra'])).not.toMatch(/filesort|temporary/);
      }
    }
    await ask('DELETE FROM push_message');
    await ask('DELETE FROM push_delivery');
  });

  test('an id beyond 2^53 is refused, not rounded', async () => {
    const store = await openStore(database.config, systemClock);
    await ask("INSERT INTO push_device (device_id, target) VALUES (9007199254740993, 'far')");
    await expect(store.fetchPage(9_000_000_000_000_000, null, 10)).rejects.toThrow(
      'device_id: expected a whole number up to 9007199254740991, got 9007199254740993',
    );
    await ask('DELETE FROM push_device WHERE device_id = 9007199254740993');
    await store.close();
  });

  test('the error about a status that does not exist names its column', async () => {
    const store = await openStore(database.config, systemClock);
    await ask(
      "INSERT INTO push_announcement (announcement_id, title, body, status) VALUES (77, 't', 'b', 'sent')",
    );
    expect((await store.fetchAnnouncement(77))?.problem).toMatch('status: expected one of draft, scheduled');
    await store.close();
  });

  test('an announcement that a back end inserts with title and body alone can be pushed', async () => {
    const store = await openStore(database.config, systemClock);
    await ask("INSERT INTO push_announcement (announcement_id, title, body) VALUES (78, 't', 'b')");
    expect(await store.fetchAnnouncement(78)).toMatchObject({
      status: 'draft',
      source: 'default',
      content: { data: {} },
    });
    await store.close();
  });

  test('the error about a wrong password has host and port, but neither the user nor the password', async () => {
    const url = Object.assign(new URL(database.url), { username: 'nobody', password: 'hunter2' });
    const opening = openStore({ kind: 'mysql', url: url.href, tls: { kind: 'off' } }, systemClock);
    await expect(opening).rejects.toThrow(`no connection to 127.0.0.1:${url.port}, database `);
    await expect(opening).rejects.not.toThrow(/hunter2|nobody/);
  });
});

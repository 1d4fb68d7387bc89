import type { DatabaseTls } from '../../src/config/config.ts';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createConnection, type RowDataPacket } from 'mysql2/promise';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { migrateDatabase, openStore } from '../../src/db/open.ts';
import { makeCertificate } from '../support/certificate.ts';
import { databaseKinds, makeDatabase, type TestDatabase } from '../support/database.ts';
import { startMariaDb } from '../support/mariadb.ts';
import { startProxy } from '../support/proxy.ts';

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

  test('a page at device 1,900,000 of 2,000,000 is read as the first is: a range of the primary key, nothing sorted', async () => {
    await ask(
      `INSERT INTO push_device (device_id, target) SELECT seq, CONCAT('seeded-', seq) FROM seq_1_to_2000000_step_10`,
    );
    await ask('ANALYZE TABLE push_device');
    for (const from of [1, 1_900_000]) {
      const [plan] = await ask(
        `EXPLAIN SELECT device_id, target, target_kind FROM push_device
         WHERE device_id >= ? AND unregistered_at IS NULL ORDER BY device_id LIMIT ?`,
        [from, 3001],
      );
      expect(plan).toMatchObject({ type: 'range', key: 'PRIMARY' });
      expect(String(plan?.['Extra'])).not.toMatch(/filesort|temporary/);
      const counters = await rowsReadBy(from);
      expect(counters).toBeLessThanOrEqual(3001);
    }
  });

  /** Rows that the storage engine handed over for a page. */
  async function rowsReadBy(from: number): Promise<number> {
    const connection = await createConnection(database.url);
    await connection.query('FLUSH STATUS');
    await connection.query(
      `SELECT device_id, target FROM push_device
       WHERE device_id >= ? AND unregistered_at IS NULL ORDER BY device_id LIMIT 3001`,
      [from],
    );
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
    const inRun = 'push_message.announcement_id = 2 AND push_message.message_id BETWEEN 90000 AND 93000';
    const plans = [
      await ask(`EXPLAIN SELECT DISTINCT message_id FROM push_message
                 WHERE announcement_id = 2 AND message_id >= 90000 ORDER BY message_id LIMIT 3001`),
      await ask(`EXPLAIN SELECT DISTINCT message_id FROM push_delivery
                 WHERE announcement_id = 2 AND message_id >= 90000
                   AND (retry_at IS NOT NULL AND round < 1 OR verdict = 'misconfigured' AND round = 1)
                 ORDER BY message_id LIMIT 3001`),
      await ask(`EXPLAIN SELECT title, target FROM push_message LEFT JOIN push_device
                 ON push_device.member_id = push_message.member_id
                 WHERE ${inRun} AND push_message.device_id IS NULL`),
      await ask(`EXPLAIN SELECT verdict FROM push_message JOIN push_delivery
                 ON push_delivery.announcement_id = push_message.announcement_id
                   AND push_delivery.message_id = push_message.message_id WHERE ${inRun}`),
    ];
    for (const plan of plans.flat()) {
      expect(plan).toMatchObject({ type: expect.stringMatching(/^(range|ref|eq_ref)$/) as string });
      expect(String(plan['Extra'])).not.toMatch(/filesort|temporary/);
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

  test('a status that is none is named by its column', async () => {
    const store = await openStore(database.config, systemClock);
    await ask(
      "INSERT INTO push_announcement (announcement_id, title, body, status) VALUES (77, 't', 'b', 'sent')",
    );
    await expect(store.fetchAnnouncement(77)).rejects.toThrow('status: expected one of draft, scheduled');
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

  test.each(['reset', 'swallow'] as const)(
    'a connection that was lost while the function was frozen (%s) is replaced',
    async (fault) => {
      const proxy = await startProxy(Number(new URL(database.url).port));
      const url = Object.assign(new URL(database.url), { port: String(proxy.port) }).href;
      const store = await openStore({ kind: 'mysql', url, tls: { kind: 'off' } }, systemClock);
      expect(await store.fetchPage(1, 1, 1)).toHaveLength(1);
      await sleep(1100);
      proxy[fault]();
      expect(await store.fetchPage(1, 1, 1)).toHaveLength(1);
      await store.close();
      await proxy.close();
    },
  );

  test('TLS: the server is believed only with a certificate of the given authority', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'baton-tls-'));
    const pem = await makeCertificate();
    const other = await makeCertificate();
    const files = { key: pem.private, cert: pem.cert, ca: pem.cert, 'another-ca': other.cert };
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, `${name}.pem`), text);
    chmodSync(folder, 0o755);
    const server = await startMariaDb([
      `--ssl-key=${join(folder, 'key.pem')}`,
      `--ssl-cert=${join(folder, 'cert.pem')}`,
    ]);
    if (!server) return;
    const url = Object.assign(new URL(`${server.url}/mysql`), { hostname: 'localhost' }).href;
    const open = (tls: DatabaseTls) => migrateDatabase({ kind: 'mysql', url, tls }, systemClock);
    onTestFinished(async () => {
      await server.stop();
      rmSync(folder, { recursive: true });
    });
    expect(await open({ kind: 'verify', ca: join(folder, 'ca.pem') })).toEqual([
      '001-broadcast',
      '002-guarantee',
    ]);
    await expect(open({ kind: 'verify', ca: join(folder, 'another-ca.pem') })).rejects.toThrow(
      /certificate/i,
    );
    await expect(open({ kind: 'rds' })).rejects.toThrow(/certificate/i);
  });

  test('a wrong password is told without it, with host, port and user', async () => {
    const url = Object.assign(new URL(database.url), { username: 'nobody', password: 'hunter2' });
    const opening = openStore({ kind: 'mysql', url: url.href, tls: { kind: 'off' } }, systemClock);
    await expect(opening).rejects.toThrow(`no connection to 127.0.0.1:${url.port} as nobody`);
    await expect(opening).rejects.not.toThrow('hunter2');
  });
});

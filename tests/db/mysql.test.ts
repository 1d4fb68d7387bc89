import { createServer, connect as dial, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { createConnection, type RowDataPacket } from 'mysql2/promise';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import type { DatabaseConfig } from '../../src/context.ts';
import { openStore } from '../../src/db/open.ts';
import { databaseKinds, makeDatabase, type TestDatabase } from '../support/database.ts';

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

  test('the last page of 200,000 devices is read as the first is: a range of the primary key, nothing sorted', async () => {
    await ask(
      `INSERT INTO push_device (device_id, target) SELECT seq, CONCAT('seeded-', seq) FROM seq_1_to_200000`,
    );
    await ask('ANALYZE TABLE push_device');
    for (const from of [1, 190_000]) {
      const [plan] = await ask(
        'EXPLAIN SELECT device_id, target, target_kind FROM push_device WHERE device_id >= ? ORDER BY device_id LIMIT ?',
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
      'SELECT device_id, target FROM push_device WHERE device_id >= ? ORDER BY device_id LIMIT 3001',
      [from],
    );
    const [rows] = await connection.query<RowDataPacket[]>(
      "SHOW SESSION STATUS WHERE Variable_name IN ('Handler_read_key', 'Handler_read_next', 'Handler_read_rnd_next')",
    );
    await connection.end();
    return rows.reduce((sum, row) => sum + Number(row['Value']), 0);
  }

  test('an id beyond 2^53 is refused, not rounded', async () => {
    const store = await openStore(database.config, systemClock);
    await ask("INSERT INTO push_device (device_id, target) VALUES (9007199254740993, 'far')");
    await expect(store.fetchPage(9_000_000_000_000_000, null, 10)).rejects.toThrow(
      'device_id: expected a whole number up to 9007199254740991, came 9007199254740993',
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

  test.each([
    ['cut', (sockets: Set<Socket>) => sockets.forEach((socket) => socket.destroy())],
    ['black-holed', (sockets: Set<Socket>) => sockets.forEach((socket) => socket.pause().unpipe())],
  ])('a connection that was %s while the function was frozen is replaced', async (_, damage) => {
    const sockets = new Set<Socket>();
    const { port: serverPort } = new URL(database.url);
    const proxy = createServer((client) => {
      const server = dial(Number(serverPort), '127.0.0.1');
      for (const socket of [client, server]) {
        sockets.add(socket);
        socket.on('error', () => {});
      }
      client.pipe(server).pipe(client);
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    const address = proxy.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    const config: DatabaseConfig = {
      kind: 'mysql',
      tls: { kind: 'off' },
      url: Object.assign(new URL(database.url), { port: String(port) }).href,
    };
    const store = await openStore(config, systemClock);
    expect(await store.fetchPage(1, 1, 1)).toHaveLength(1);
    await sleep(1100);
    damage(sockets);
    expect(await store.fetchPage(1, 1, 1)).toHaveLength(1);
    await store.close();
    sockets.forEach((socket) => socket.destroy());
    proxy.close();
  });

  test('a wrong password is told without it, with host, port and user', async () => {
    const url = Object.assign(new URL(database.url), { username: 'nobody', password: 'hunter2' });
    const opening = openStore({ kind: 'mysql', url: url.href, tls: { kind: 'off' } }, systemClock);
    await expect(opening).rejects.toThrow(`no connection to 127.0.0.1:${url.port} as nobody`);
    await expect(opening).rejects.not.toThrow('hunter2');
  });
});

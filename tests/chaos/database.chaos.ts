import { setTimeout as sleep } from 'node:timers/promises';
import { type Connection, createConnection, type RowDataPacket } from 'mysql2/promise';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { COMPLETE, rehearseThrough, WORKERS } from '../support/faulty-rehearsal.ts';
import { type MariaDb, startMariaDb } from '../support/mariadb.ts';

/*
 * The database server fails in the middle of a broadcast, for longer than a statement is repeated and longer than a lease.
 * Nobody may be lost, and nobody pushed twice.
 */

const LONG = 180_000;
const CHUNK = 500;

describe.skipIf(inject('mysqlUrl') === null)('on a MariaDB server of its own', () => {
  let server: MariaDb;

  beforeAll(async () => {
    const started = await startMariaDb([
      // What is committed survives a kill -9.
      '--innodb-flush-log-at-trx-commit=2',
      '--max-connections=24',
    ]);
    if (started === null) throw new Error('no MariaDB server to test with');
    server = started;
  });
  afterAll(() => server.stop());

  const asRoot = async <T>(work: (root: Connection) => Promise<T>): Promise<T> => {
    const root = await createConnection(server.url);
    try {
      return await work(root);
    } finally {
      await root.end();
    }
  };

  /** A user without rights over the server: `read_only` holds for it. */
  async function makeDatabase(name: string): Promise<string> {
    await asRoot(async (root) => {
      await root.query(`CREATE DATABASE ${name} CHARACTER SET utf8mb4`);
      await root.query(`CREATE USER IF NOT EXISTS baton, hoarder`);
      await root.query(`GRANT ALL ON ${name}.* TO baton`);
    });
    return Object.assign(new URL(server.url), { username: 'baton', pathname: `/${name}` }).href;
  }

  test(
    'kill -9 and a restart: nobody is lost, and only what was in flight is sent twice',
    { timeout: LONG },
    async () => {
      const { summary } = await rehearseThrough(await makeDatabase('killed'), async () => {
        await server.kill();
        await sleep(2000);
        await server.start();
      });
      expect(summary).toMatchObject(COMPLETE);
      expect(summary.duplicated).toBeLessThanOrEqual(WORKERS * CHUNK);
    },
  );

  test(
    'read-only for 20 s, as in a failover: nobody is lost, and nobody pushed twice',
    { timeout: LONG },
    async () => {
      const { summary, errors } = await rehearseThrough(await makeDatabase('read_only'), () =>
        asRoot(async (root) => {
          await root.query('SET GLOBAL read_only = 1');
          await sleep(20_000);
          await root.query('SET GLOBAL read_only = 0');
        }),
      );
      expect(errors).toContain('read-only');
      expect(summary).toMatchObject({ ...COMPLETE, duplicated: 0 });
      expect(summary.seconds).toBeGreaterThan(20);
    },
  );

  test(
    'the ledger and the hops locked for 20 s: nobody is lost, and nobody pushed twice',
    { timeout: LONG },
    async () => {
      const { summary } = await rehearseThrough(await makeDatabase('locked'), () =>
        asRoot(async (root) => {
          await root.query('LOCK TABLES locked.push_delivery WRITE, locked.push_hop WRITE');
          await sleep(20_000);
        }),
      );
      expect(summary).toMatchObject({ ...COMPLETE, duplicated: 0 });
      expect(summary.seconds).toBeGreaterThan(20);
    },
  );

  test(
    'all connections used up for 10 s: nobody is lost, and nobody pushed twice',
    { timeout: LONG },
    async () => {
      const { summary, errors } = await rehearseThrough(await makeDatabase('crowded'), () =>
        asRoot(useUpConnections),
      );
      expect(errors).toContain('ER_CON_COUNT_ERROR');
      expect(summary).toMatchObject({ ...COMPLETE, duplicated: 0 });
    },
  );

  /** Takes every free connection, and those of Baton as soon as they have been cut. */
  async function useUpConnections(root: Connection): Promise<void> {
    const url = Object.assign(new URL(server.url), { username: 'hoarder' }).href;
    const hoard: Connection[] = [];
    for (const startedAt = performance.now(); performance.now() - startedAt < 10_000; await sleep(20)) {
      try {
        for (;;) hoard.push(await createConnection(url));
      } catch {
        const [rows] = await root.query<RowDataPacket[]>(
          "SELECT id FROM information_schema.processlist WHERE user = 'baton'",
        );
        // One that has ended meanwhile is no error.
        for (const { id } of rows) await root.query(`KILL ${id}`).catch(() => {});
      }
    }
    await Promise.all(hoard.map((connection) => connection.end()));
  }
});

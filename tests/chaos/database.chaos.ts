import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Connection, createConnection, type RowDataPacket } from 'mysql2/promise';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import type { Summary } from '../../src/rehearsal/summary.ts';
import { type MariaDb, startMariaDb } from '../support/mariadb.ts';
import { rehearseHere } from '../support/rehearsal.ts';
import { mountSmallDisk } from '../support/tmpfs.ts';

/*
 * The database fails in the middle of a broadcast, for much longer than a statement is repeated and longer than a lease.
 * Nobody may be lost, and nobody pushed twice.
 */

const LONG = 180_000;
const DEVICES = 20_000;
/** Number of recorded pushes at which the fault begins. */
const BEGIN_AT = 4000;
const CHUNK = 500;

/** Leases of 6 s, a tick each second, and 4000 pushes a second at most, so that most of the audience is left at the fault. */
const FRAME = {
  devices: DEVICES,
  pageSize: 2000,
  lanes: 2,
  workers: 4,
  hurry: 60,
  latencyMs: 20,
  budgetPerMinute: 240_000,
};

/** Broadcasts, and makes the database fail once in the middle. */
async function rehearseThrough(
  database: string,
  fail: () => Promise<void>,
): Promise<{ summary: Summary; errors: string[] }> {
  const errors: string[] = [];
  let failing: Promise<void> | undefined;
  const summary = await rehearseHere(
    { ...FRAME, database },
    {
      onProgress: ({ counts }) => {
        if (counts.delivered < BEGIN_AT) return;
        failing ??= fail();
        // It is awaited below.
        failing.catch(() => {});
      },
      onLog: (line) => {
        if (line.includes('"level":"error"')) errors.push(line);
      },
    },
  );
  if (failing === undefined) throw new Error(`the fault never began: ${JSON.stringify(summary)}`);
  await failing;
  return { summary, errors };
}

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

  const wasHurt = { status: 'done', delivered: DEVICES, lost: 0, retryable: 0 };

  test(
    'kill -9 and a restart: nobody is lost, and only what was in flight is sent twice',
    { timeout: LONG },
    async () => {
      const { summary } = await rehearseThrough(await makeDatabase('killed'), async () => {
        await server.kill();
        await sleep(2000);
        await server.start();
      });
      expect(summary).toMatchObject(wasHurt);
      expect(summary.duplicated).toBeLessThanOrEqual(FRAME.workers * CHUNK);
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
      expect(errors.join('\n')).toContain('read-only');
      expect(summary).toMatchObject({ ...wasHurt, duplicated: 0 });
      expect(summary.seconds).toBeGreaterThan(20);
    },
  );

  test.each(['push_delivery', 'push_hop'])(
    '%s locked for 20 s: nobody is lost, and nobody pushed twice',
    { timeout: LONG },
    async (table) => {
      const { summary } = await rehearseThrough(await makeDatabase(`locked_${table}`), () =>
        asRoot(async (root) => {
          await root.query(`LOCK TABLES locked_${table}.${table} WRITE`);
          await sleep(20_000);
        }),
      );
      expect(summary).toMatchObject({ ...wasHurt, duplicated: 0 });
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
      expect(errors.join('\n')).toContain('ER_CON_COUNT_ERROR');
      expect(summary).toMatchObject({ ...wasHurt, duplicated: 0 });
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

const disk = mountSmallDisk(64);
if (disk === null) {
  const words = 'a small tmpfs cannot be mounted here (root can)';
  if (process.env['CI'] && process.getuid?.() === 0) throw new Error(`${words}; in CI its test must run`);
  process.stderr.write(`\n*** ${words}: THE TEST OF A FULL DISK IS SKIPPED ***\n\n`);
}

test.skipIf(disk === null)(
  'SQLite on a full disk for 10 s: nobody is lost, and nobody pushed twice',
  { timeout: LONG },
  async () => {
    if (disk === null) return;
    const folder = mkdtempSync(join(tmpdir(), 'baton-full-'));
    // The log of the sandbox is beside the link, and not on the full disk.
    const file = join(folder, 'baton.db');
    symlinkSync(join(disk.folder, 'baton.db'), file);
    try {
      const { summary, errors } = await rehearseThrough(file, async () => {
        const database = new DatabaseSync(file);
        // Otherwise the log of SQLite has room for the rest of the broadcast.
        database.exec('PRAGMA busy_timeout = 10000; PRAGMA wal_checkpoint(TRUNCATE)');
        database.close();
        for (const startedAt = performance.now(); performance.now() - startedAt < 10_000; await sleep(100))
          disk.fill();
        disk.free();
      });
      expect(errors.join('\n')).toContain('full');
      expect(summary).toMatchObject({ status: 'done', delivered: DEVICES, lost: 0, duplicated: 0 });
    } finally {
      rmSync(folder, { recursive: true });
      disk.unmount();
    }
  },
);

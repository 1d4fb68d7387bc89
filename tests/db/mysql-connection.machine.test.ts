import type { DatabaseConfig, DatabaseTls } from '../../src/config/config.ts';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createConnection } from 'mysql2/promise';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { migrateDatabase, openDriver, openStore } from '../../src/db/open.ts';
import { sql } from '../../src/db/sql.ts';
import { makeCertificate } from '../support/certificate.ts';
import { makeTestClock, type TestClock } from '../support/clock.ts';
import { databaseKinds, makeDatabase, type TestDatabase } from '../support/database.ts';
import { startMariaDb } from '../support/mariadb.ts';
import { type Proxy, startProxy } from '../support/proxy.ts';

/** Lets time pass, step by step, until the work is done. */
async function advanceUntilDone<T>(clock: TestClock, stepMs: number, work: Promise<T>): Promise<T> {
  const state = { isDone: false };
  const watched = work.finally(() => (state.isDone = true));
  while (!state.isDone) await clock.advance(stepMs);
  return watched;
}

describe.skipIf(!databaseKinds().includes('mysql'))('a connection to MySQL', () => {
  let database: TestDatabase;

  beforeAll(async () => {
    database = await makeDatabase('mysql');
  });
  afterAll(() => database.drop());

  /** The database through a proxy of the test's own. */
  async function makeProxied(): Promise<{ proxy: Proxy; config: DatabaseConfig }> {
    const proxy = await startProxy(Number(new URL(database.url).port));
    onTestFinished(() => proxy.close());
    const url = Object.assign(new URL(database.url), { port: String(proxy.port) }).href;
    return { proxy, config: { kind: 'mysql', url, tls: { kind: 'off' } } };
  }

  test.each(['reset', 'swallow'] as const)(
    'that was lost while the function was frozen (%s) is replaced',
    async (fault) => {
      const { proxy, config } = await makeProxied();
      const clock = makeTestClock();
      const store = await openStore(config, clock);
      expect(await store.fetchPage(1, 1, 1)).toEqual([]);
      await clock.advance(1100);
      proxy[fault]();
      // The time-out of the ping ends the wait for a connection that does not answer.
      expect(await advanceUntilDone(clock, 100, store.fetchPage(1, 1, 1))).toEqual([]);
      expect(proxy.count()).toBe(2);
      await store.close();
    },
  );

  test('that was idle for less than a second is used without a check', async () => {
    const { proxy, config } = await makeProxied();
    const clock = makeTestClock();
    const store = await openStore(config, clock);
    await clock.advance(900);
    expect(await store.fetchPage(1, 1, 1)).toEqual([]);
    expect(proxy.count()).toBe(1);
    await store.close();
  });

  test('that is lost in mid-statement is replaced after a wait, and the statement runs again', async () => {
    const { proxy, config } = await makeProxied();
    const clock = makeTestClock();
    const startedAt = clock.now();
    const driver = openDriver(config, clock);
    await driver.all(sql`SELECT 1`);
    proxy.swallow();
    const rows = driver.all(sql`SELECT 2 AS two`);
    await clock.advance(0);
    proxy.reset();
    expect(await advanceUntilDone(clock, 1, rows)).toEqual([{ two: 2 }]);
    expect(clock.now() - startedAt).toBeGreaterThanOrEqual(20);
    expect(proxy.count()).toBe(2);
    await driver.close();
  });

  test('with TLS needs a certificate of the configured authority', async () => {
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
      '003-snapshot',
      '004-retry',
      '005-spread',
      '006-summary',
      '007-alert',
      '008-aim',
      '009-notice',
    ]);
    await expect(open({ kind: 'verify', ca: join(folder, 'another-ca.pem') })).rejects.toThrow(
      /certificate/i,
    );
    await expect(open({ kind: 'rds' })).rejects.toThrow(/certificate/i);

    // The doctor's advice follows from the code.
    const administrator = await createConnection(server.url);
    await administrator.query('SET GLOBAL require_secure_transport = 1');
    await administrator.end();
    await expect(open({ kind: 'off' })).rejects.toThrow(
      // MariaDB says only that access is denied.
      /ER_SECURE_TRANSPORT_REQUIRED|ER_ACCESS_DENIED_ERROR/,
    );
    expect(await open({ kind: 'verify', ca: join(folder, 'ca.pem') })).toEqual([]);
  });
});

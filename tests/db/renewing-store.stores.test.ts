import { createConnection, type Connection } from 'mysql2/promise';
import { afterEach, beforeEach, expect, inject, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { type LiveConfig, openConfig } from '../../src/config/live.ts';
import { openStore } from '../../src/db/open.ts';
import { openRenewingStore } from '../../src/db/renewing-store.ts';
import type { Store } from '../../src/store.ts';
import { clockThatSays } from '../support/clock.ts';
import { madeUpDevices } from '../support/context.ts';
import { makeDatabase, type TestDatabase } from '../support/database.ts';

const ARN = 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:baton/database-AbCdEf';
const USER = 'baton_rotated';

const hasServer = inject('mysqlUrl') !== null;
let database: TestDatabase;
let admin: Connection;
let store: Store;
let world: { password: string; reads: number; nowMs: number };

beforeEach(async () => {
  if (!hasServer) return;
  database = await makeDatabase('mysql');
  admin = await createConnection(database.url);
  world = { password: 'first', reads: 0, nowMs: Date.now() };
  await admin.query(`CREATE OR REPLACE USER ${USER}@'%' IDENTIFIED BY 'first'`);
  await admin.query(`GRANT ALL ON \`${new URL(database.url).pathname.slice(1)}\`.* TO ${USER}@'%'`);
  const live: LiveConfig = await openConfig(
    { DATABASE_URL: ARN },
    clockThatSays(() => world.nowMs),
    async () => {
      world.reads++;
      const { password } = world;
      return { DATABASE_URL: Object.assign(new URL(database.url), { username: USER, password }).href };
    },
  );
  store = await openRenewingStore(live, ({ database: config }) => openStore(config, systemClock));
  world.nowMs += 60_000;
});
afterEach(async () => {
  if (!hasServer) return;
  await store.close();
  await admin.query(`DROP USER ${USER}@'%'`);
  await admin.end();
  await database.drop();
});

/** Changes the password on the server, and ends the connections that were made with the old one. */
async function rotate(password: string): Promise<void> {
  await admin.query(`ALTER USER ${USER}@'%' IDENTIFIED BY '${password}'`);
  await admin.query(`KILL USER ${USER}`);
}

test.runIf(hasServer)('a warm store survives a rotation of its password', async () => {
  await store.addDevices(madeUpDevices(3));
  await rotate('second');
  world.password = 'second';
  expect(await store.countDevices()).toBe(3);
  expect(world.reads).toBe(2);
});

test.runIf(hasServer)('a password that is refused for ever is one error without it', async () => {
  await rotate('second');
  await expect(store.countDevices()).rejects.toThrow(
    /^DATABASE_URL: .*ER_ACCESS_DENIED_ERROR: Access denied for user …$/,
  );
  expect(world.reads).toBe(2);
});

import type { DatabaseConfig } from '../../src/config/config.ts';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createConnection } from 'mysql2/promise';
import { inject } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { migrateDatabase, openDriver } from '../../src/db/open.ts';

export type DatabaseKind = DatabaseConfig['kind'];

export interface TestDatabase {
  readonly config: DatabaseConfig;
  /** The value of DATABASE_URL. */
  readonly url: string;
  drop(): Promise<void>;
}

/** The databases that can be tested here: MySQL only where there is a server. */
export function databaseKinds(): DatabaseKind[] {
  return inject('mysqlUrl') === null ? ['sqlite'] : ['sqlite', 'mysql'];
}

/** An empty database for one test alone; with Baton's tables by default. */
export async function makeDatabase(kind: DatabaseKind, { migrated = true } = {}): Promise<TestDatabase> {
  const database = await (kind === 'sqlite' ? makeSqlite() : makeMysql());
  if (migrated) await migrateDatabase(database.config, systemClock);
  return database;
}

const TIME_COLUMNS = {
  push_announcement: ['publish_at', 'created_at', 'started_at', 'finished_at'],
  push_device: ['created_at', 'unregistered_at', 'last_seen_at'],
  push_message: ['publish_at', 'created_at', 'leased_until'],
  push_hop: ['lease_until', 'planted_at', 'closed_at'],
  push_delivery: ['retry_at', 'recorded_at'],
  push_budget: ['taken_until', 'urgent_until', 'ramp_from', 'braked_until'],
  push_turn: ['opens_at'],
  push_tick: ['ticked_at'],
  push_canary: ['sent_at', 'answered_at'],
  push_check: ['started_at', 'ended_at'],
};

/** `passTime` makes every time in the database `ms` earlier, as if that much time had passed since. */
export async function passTime({ config }: Pick<TestDatabase, 'config'>, ms: number): Promise<void> {
  const driver = openDriver(config, systemClock);
  for (const [table, columns] of Object.entries(TIME_COLUMNS)) {
    const assignments = columns.map((column) => {
      const { sql, values } = driver.dialect.plus({ sql: column, values: [] }, -ms);
      return { sql: `${column} = ${sql}`, values };
    });
    await driver.run({
      sql: `UPDATE ${table} SET ${assignments.map(({ sql }) => sql).join(', ')}`,
      values: assignments.flatMap(({ values }) => values),
    });
  }
  await driver.close();
}

async function makeSqlite(): Promise<TestDatabase> {
  const folder = await mkdtemp(join(tmpdir(), 'baton-test-'));
  const file = join(folder, 'baton.db');
  return {
    config: { kind: 'sqlite', file },
    url: file,
    drop: () => rm(folder, { recursive: true, force: true }),
  };
}

async function makeMysql(): Promise<TestDatabase> {
  const server = inject('mysqlUrl');
  if (server === null) throw new Error('no MySQL server to test with');
  const name = `baton_test_${crypto.randomUUID().replaceAll('-', '')}`;
  const ask = async (sql: string): Promise<void> => {
    const connection = await createConnection(server);
    await connection.query(sql);
    await connection.end();
  };
  await ask(`CREATE DATABASE ${name} CHARACTER SET utf8mb4`);
  const url = Object.assign(new URL(server), { pathname: `/${name}` }).href;
  return {
    config: { kind: 'mysql', url, tls: { kind: 'off' } },
    url,
    drop: () => ask(`DROP DATABASE ${name}`),
  };
}

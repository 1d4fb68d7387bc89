import type { DatabaseConfig } from '../../src/config/config.ts';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createConnection } from 'mysql2/promise';
import { inject } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { migrateDatabase } from '../../src/db/open.ts';

export type DatabaseKind = DatabaseConfig['kind'];

export interface TestDatabase {
  readonly config: DatabaseConfig;
  /** As DATABASE_URL has it. */
  readonly url: string;
  drop(): Promise<void>;
}

/** The stores that can be tested here: MySQL only where there is a server. */
export function databaseKinds(): DatabaseKind[] {
  return inject('mysqlUrl') === null ? ['sqlite'] : ['sqlite', 'mysql'];
}

/** A database of its own, empty; with Baton's tables unless told otherwise. */
export async function makeDatabase(kind: DatabaseKind, { migrated = true } = {}): Promise<TestDatabase> {
  const database = await (kind === 'sqlite' ? makeSqlite() : makeMysql());
  if (migrated) await migrateDatabase(database.config, systemClock);
  return database;
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

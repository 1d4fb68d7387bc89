import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { DatabaseConfig } from '../config/config.ts';
import type { Store } from '../store.ts';
import type { Clock } from '../context.ts';
import { PushError } from '../errors.ts';
import type { Driver } from './driver.ts';
import { fetchSchemaVersion, migrate, SCHEMA_VERSION } from './migrate.ts';
import { openMysql } from './mysql.ts';
import type { Patience } from './mysql-pool.ts';
import { openSqlite } from './sqlite.ts';
import { makeStore } from './store.ts';

/** PushError('DATABASE') if the database cannot be reached, or if its schema is of another version of Baton. */
export async function openStore(config: DatabaseConfig, clock: Clock, patience?: Patience): Promise<Store> {
  // SQLite would create the file, and a mistyped path would leave an empty database behind.
  if (config.kind === 'sqlite' && isNewFile(config.file)) {
    refuseVersion(0, ', because the file of DATABASE_URL does not exist yet');
  }
  const driver = openDriver(config, clock, patience);
  try {
    const version = await fetchSchemaVersion(driver);
    if (version !== SCHEMA_VERSION) refuseVersion(version);
    return makeStore(driver, config.audienceViews, clock);
  } catch (error) {
    await driver.close();
    throw error;
  }
}

function isNewFile(file: string): boolean {
  return file !== ':memory:' && !existsSync(file) && existsSync(dirname(resolve(file)));
}

function refuseVersion(version: number, why = ''): never {
  const advice = version < SCHEMA_VERSION ? 'run `baton migrate`' : 'this Baton is too old for it';
  const says = `schema: expected version ${SCHEMA_VERSION}, got ${version}: ${advice}${why}`;
  throw new PushError('DATABASE', says);
}

/** Creates or updates the tables; resolves to the names of the migrations that it applied. */
export async function migrateDatabase(config: DatabaseConfig, clock: Clock): Promise<string[]> {
  const driver = openDriver(config, clock);
  try {
    return await migrate(driver);
  } finally {
    await driver.close();
  }
}

/** Opens a database of either kind. PushError('DATABASE') if SQLite's file cannot be opened; MySQL connects later. */
export function openDriver(config: DatabaseConfig, clock: Clock, patience?: Patience): Driver {
  return config.kind === 'mysql' ? openMysql(config, clock, patience) : openSqlite(config.file, clock);
}

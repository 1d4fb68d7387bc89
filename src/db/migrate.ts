import { readFileSync } from 'node:fs';
import type { Driver } from './driver.ts';
import { readWhole } from './rows.ts';

/** In order, forward only. A file that has been released is never changed: what comes later is a new file. */
const MIGRATIONS = ['001-broadcast', '002-guarantee'] as const;

/** The number of migrations that this version of the code works with. */
export const SCHEMA_VERSION = MIGRATIONS.length;

/** Applies what is missing and resolves to its names. Safe to run twice, and twice at once. */
export async function migrate(driver: Driver): Promise<string[]> {
  return driver.exclusively(async () => {
    await driver.runScript(
      `CREATE TABLE IF NOT EXISTS push_migration (version INTEGER NOT NULL PRIMARY KEY, name VARCHAR(100) NOT NULL)`,
    );
    const applied: string[] = [];
    for (let version = await fetchSchemaVersion(driver); version < SCHEMA_VERSION; version++) {
      const name = MIGRATIONS[version] ?? '';
      const file = new URL(`migrations/${driver.dialect.name}/${name}.sql`, import.meta.url);
      await driver.runScript(readFileSync(file, 'utf8'));
      await driver.run('INSERT INTO push_migration (version, name) VALUES (?, ?)', [version + 1, name]);
      applied.push(name);
    }
    return applied;
  });
}

/** 0 for a database without Baton's tables. */
export async function fetchSchemaVersion(driver: Driver): Promise<number> {
  if (!(await driver.hasTable('push_migration'))) return 0;
  const [row = {}] = await driver.all('SELECT COUNT(*) AS migrations FROM push_migration', []);
  return readWhole(row, 'migrations');
}

import { readFileSync } from 'node:fs';
import type { Driver } from './driver.ts';
import { readWhole } from './rows.ts';
import { sql } from './sql.ts';

/** In order, forward only. A released file never changes: a correction is a new file. */
const MIGRATIONS = [
  '001-broadcast',
  '002-guarantee',
  '003-snapshot',
  '004-retry',
  '005-spread',
  '006-summary',
  '007-alert',
  '008-aim',
  '009-notice',
] as const;

/** The number of migrations that this version of the code works with. */
export const SCHEMA_VERSION = MIGRATIONS.length;

/** Applies the missing migrations and resolves to their names. Safe to run twice, also at the same time. */
export async function migrate(driver: Driver): Promise<string[]> {
  return driver.exclusively(async () => {
    await driver.runScript(
      `CREATE TABLE IF NOT EXISTS push_migration (version INTEGER NOT NULL PRIMARY KEY, name VARCHAR(100) NOT NULL)`,
    );
    const applied: string[] = [];
    const current = await fetchSchemaVersion(driver);
    for (const [index, name] of MIGRATIONS.entries()) {
      const version = index + 1;
      if (version <= current) continue;
      const file = new URL(`migrations/${driver.dialect.name}/${name}.sql`, import.meta.url);
      await driver.runScript(readFileSync(file, 'utf8'));
      await driver.run(sql`INSERT INTO push_migration (version, name) VALUES (${version}, ${name})`);
      applied.push(name);
    }
    return applied;
  });
}

/** The number of migrations that the database has; 0 without Baton's tables. */
export async function fetchSchemaVersion(driver: Driver): Promise<number> {
  if (!(await driver.hasTable('push_migration'))) return 0;
  const [row = {}] = await driver.all(sql`SELECT COUNT(*) AS migrations FROM push_migration`);
  return readWhole(row, 'migrations');
}

import type { Driver } from '../db/driver.ts';
import { readText, readWhole } from '../db/rows.ts';
import { sql } from '../db/sql.ts';
import { type Finding, green, red } from './check.ts';
import { TABLES } from './privileges.ts';

/** Tables to which rows are added by others as well, with their ids. */
const IDS: readonly (readonly [string, string])[] = [
  ['push_announcement', 'announcement_id'],
  ['push_device', 'device_id'],
  ['push_message', 'message_id'],
];

/** Finds ids that JavaScript cannot hold exactly: Baton refuses them, as a rounded id would be another row's. */
export async function checkIds(driver: Driver): Promise<Finding> {
  const max = Number.MAX_SAFE_INTEGER;
  const found: string[] = [];
  for (const [table, column] of IDS) {
    const [row = {}] = await driver.all({
      sql: `SELECT COUNT(*) AS bad FROM ${table} WHERE ${column} > ?`,
      values: [max],
    });
    const count = readWhole(row, 'bad');
    if (count > 0) found.push(`${count} rows of ${table}`);
  }
  if (found.length === 0) return green(`no id is greater than ${max}`);
  return red(
    `expected ids up to ${max}, got greater ones in ${found.join(' and ')}`,
    'give those rows smaller ids, and set AUTO_INCREMENT of the table to a smaller number',
  );
}

/** Finds tables without transactions: a crash would leave them half written. */
export async function checkEngines(driver: Driver): Promise<Finding> {
  if (driver.dialect.name === 'sqlite') return green('SQLite has transactions');
  const names = TABLES.map(([table]) => table);
  const rows = await driver.all(
    sql`SELECT table_name AS name, engine AS engine FROM information_schema.tables
        WHERE table_schema = DATABASE() AND table_name IN (${names}) AND engine <> 'InnoDB'`,
  );
  if (rows.length === 0) return green('all tables are InnoDB');
  const found = rows.map((row) => `${readText(row, 'name')} is ${readText(row, 'engine')}`);
  return red(`expected InnoDB tables, but ${found.join(', ')}`, 'ALTER TABLE … ENGINE = InnoDB');
}

import { existsSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import type { DatabaseConfig } from '../config/config.ts';
import type { Clock } from '../context.ts';
import type { Row } from '../db/driver.ts';
import { openDriver } from '../db/open.ts';
import { readFlag, readText, readWhole } from '../db/rows.ts';
import { type Fragment, sql, type Statement } from '../db/sql.ts';
import { messageOf, PushError } from '../errors.ts';
import { BODY, TARGET_PREFIX } from './made-up.ts';

/** The table that a rehearsal makes before anything else: only a rehearsal's own database has it. */
export const MARK = 'push_rehearsal';

/** Its rows come from `baton migrate`, and do not say whose database it is. */
const MIGRATIONS = 'push_migration';

/** In a database with the mark: the rows that no rehearsal made, and that a rehearsal would send or change. */
const REAL_ROWS: Readonly<Record<string, Fragment>> = {
  push_device: sql`target NOT LIKE ${`${TARGET_PREFIX}%`}`,
  push_announcement: sql`audience = 'devices' AND body <> ${BODY} AND status NOT IN ('done', 'cancelled')`,
  push_message: sql`body <> ${BODY} AND (announcement_id IS NULL OR announcement_id > 0)`,
};

/** What a database holds, made by a rehearsal or not. */
export interface Contents {
  /** True if a rehearsal made it. */
  readonly isMarked: boolean;
  /** Tables that are not Baton's, and all views. */
  readonly foreignTables: readonly string[];
  /** Baton's tables with real rows; without the mark, every row counts as real. */
  readonly occupied: readonly string[];
  readonly devices: number;
  /** Number of devices that a rehearsal with this seed made. */
  readonly ownDevices: number;
}

type Fetch = (statement: Statement) => Promise<Row[]>;

/** `inspectDatabase` only reads: it neither creates an SQLite file nor changes one. PushError('DATABASE'). */
export async function inspectDatabase(config: DatabaseConfig, clock: Clock, seed = 0): Promise<Contents> {
  return reading(config, clock, async (fetch) => {
    const rows = await fetch(listTables(config.kind));
    const all = rows.map((row) => ({ name: readText(row, 'name'), isTable: readFlag(row, 'is_table') }));
    const batons = all.filter(({ name, isTable }) => isTable && /^push_\w+$/.test(name));
    const isMarked = batons.some(({ name }) => name === MARK);
    const occupied: string[] = [];
    for (const { name } of batons.filter((table) => table.name !== MIGRATIONS)) {
      const condition = isMarked ? REAL_ROWS[name] : sql`1 = 1`;
      if (condition && (await hasRow(fetch, name, condition))) occupied.push(name);
    }
    const hasDevices = batons.some(({ name }) => name === 'push_device');
    return {
      isMarked,
      foreignTables: all.filter((table) => !batons.includes(table)).map(({ name }) => name),
      occupied,
      ...(hasDevices ? await countDevices(fetch, seed) : { devices: 0, ownDevices: 0 }),
    };
  });
}

function listTables(kind: DatabaseConfig['kind']): Statement {
  switch (kind) {
    case 'sqlite':
      return sql`SELECT name, type = 'table' AS is_table FROM sqlite_schema
                 WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name`;
    case 'mysql':
      return sql`SELECT table_name AS name, table_type = 'BASE TABLE' AS is_table
                 FROM information_schema.tables WHERE table_schema = DATABASE() ORDER BY table_name`;
  }
}

async function hasRow(fetch: Fetch, table: string, condition: Fragment): Promise<boolean> {
  const rows = await fetch(sql`SELECT 1 FROM ${{ sql: table, values: [] }} WHERE ${condition} LIMIT 1`);
  return rows.length > 0;
}

async function countDevices(fetch: Fetch, seed: number): Promise<{ devices: number; ownDevices: number }> {
  const own = sql`CASE WHEN target LIKE ${`${TARGET_PREFIX}${seed}-%`} THEN 1 END`;
  const [row = {}] = await fetch(
    sql`SELECT COUNT(*) AS devices, COUNT(${own}) AS own_devices FROM push_device`,
  );
  return { devices: readWhole(row, 'devices'), ownDevices: readWhole(row, 'own_devices') };
}

async function reading<T>(
  config: DatabaseConfig,
  clock: Clock,
  work: (fetch: Fetch) => Promise<T>,
): Promise<T> {
  switch (config.kind) {
    case 'sqlite':
      return readingFile(config.file, work);
    case 'mysql': {
      const driver = openDriver(config, clock);
      try {
        return await work((statement) => driver.all(statement));
      } finally {
        await driver.close();
      }
    }
  }
}

/** Read-only: the store would change the journal mode of any SQLite file that it opens. */
async function readingFile<T>(file: string, work: (fetch: Fetch) => Promise<T>): Promise<T> {
  if (!existsSync(file)) return work(async () => []);
  let database: DatabaseSync | undefined;
  try {
    const open = new DatabaseSync(file, { readOnly: true });
    database = open;
    return await work(async ({ sql: text, values }) => open.prepare(text).all(...values));
  } catch (cause) {
    if (cause instanceof PushError) throw cause;
    throw new PushError('DATABASE', `the SQLite file cannot be read: ${messageOf(cause)}`, { cause });
  } finally {
    database?.close();
  }
}

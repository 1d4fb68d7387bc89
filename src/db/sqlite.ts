import { DatabaseSync, type StatementSync } from 'node:sqlite';
import type { Clock } from '../context.ts';
import { PushError } from '../errors.ts';
import type { Dialect, Driver, Row, Value } from './driver.ts';

/** How long a statement waits for another process to finish writing. */
const BUSY_TIMEOUT_MS = 10_000;

/** Longer statements are the multi-row ones, whose text changes with the number of rows. */
const MAX_KEPT_LENGTH = 2000;

const DIALECT: Dialect = {
  name: 'sqlite',
  now: 'now_ms()',
  nowPlusMs: 'now_ms() + ?',
  msUntil: (time) => `${time} - now_ms()`,
  later: (one, two) => `MAX(${one}, ${two})`,
  plusMs: (time) => `${time} + ?`,
  plusSeconds: (time, seconds) => `${time} + 1000 * ${seconds}`,
  epochMs: (time) => time,
  atMs: '?',
  insertIgnore: 'INSERT OR IGNORE',
  onConflict: (key) => `ON CONFLICT (${key}) DO UPDATE SET`,
  incoming: (column) => `excluded.${column}`,
};

/** SQLite in one file, for one machine; several processes may have it open. `clock` is the database's own time. */
export function openSqlite(file: string, clock: Clock): Driver {
  const database = openFile(file);
  const kept = new Map<string, StatementSync>();

  const prepare = (sql: string): StatementSync => {
    const known = kept.get(sql);
    if (known) return known;
    const statement = database.prepare(sql);
    if (sql.length <= MAX_KEPT_LENGTH) kept.set(sql, statement);
    return statement;
  };
  const run = (sql: string, values: readonly Value[]) => {
    const { changes, lastInsertRowid } = prepare(sql).run(...values);
    return { changes: Number(changes), insertId: Number(lastInsertRowid) };
  };

  database.function('now_ms', () => clock.now());
  database.exec(`
    PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS};
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = NORMAL;
  `);

  return {
    dialect: DIALECT,
    all: async (sql, values) => trying((): Row[] => prepare(sql).all(...values)),
    run: async (sql, values) => trying(() => run(sql, values)),
    runTogether: async (first, ...rest) =>
      trying(() => {
        // IMMEDIATE: a transaction that reads first and then finds another one writing could only give up.
        database.exec('BEGIN IMMEDIATE');
        try {
          const changed = run(first.sql, first.values).changes > 0;
          if (changed) for (const { sql, values } of rest) run(sql, values);
          database.exec('COMMIT');
          return changed;
        } catch (error) {
          database.exec('ROLLBACK');
          throw error;
        }
      }),
    runScript: async (sql) => trying(() => database.exec(sql)),
    hasTable: async (name) =>
      trying(
        () =>
          prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?").get(name) !== undefined,
      ),
    async exclusively(work) {
      database.exec('BEGIN IMMEDIATE');
      try {
        const result = await work();
        database.exec('COMMIT');
        return result;
      } catch (error) {
        database.exec('ROLLBACK');
        throw error;
      }
    },
    close: async () => database.close(),
  };
}

function openFile(file: string): DatabaseSync {
  try {
    return new DatabaseSync(file);
  } catch (cause) {
    throw new PushError('DATABASE', `DATABASE_URL: ${file} cannot be opened: ${String(cause)}`, { cause });
  }
}

function trying<T>(work: () => T): T {
  try {
    return work();
  } catch (cause) {
    if (cause instanceof PushError) throw cause;
    throw new PushError('DATABASE', `database: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
  }
}

import { chmodSync, closeSync, openSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { DEFAULT_FILE } from '../config/variables/database.ts';
import type { Clock } from '../context.ts';
import { codeOf, messageOf, PushError } from '../errors.ts';
import { fitTime } from './columns.ts';
import type { Dialect, Driver, Row } from './driver.ts';
import { versionKeyOf } from '../model/version.ts';
import { databaseError } from './error-text.ts';
import { readText } from './rows.ts';
import { type Fragment, MAX_BYTES, sql, type Statement, type Value } from './sql.ts';

/** How long a statement waits for another process to finish writing. */
const BUSY_TIMEOUT_MS = 10_000;

/** Longer statements have many rows, and their text changes with the number of rows: keeping them prepared saves nothing. */
export const MAX_KEPT_LENGTH = 2000;

/** To prepare an insert of many rows takes three times the CPU time of its execution. With so few rows, it is kept prepared. */
const MAX_PREPARED_ROWS = 20;

/** The app's versions whose keys are kept, at most. */
const MAX_KEPT_VERSIONS = 1000;

/** A list of so many values is one value, a JSON text: it takes half the time, and the statement stays prepared. */
const MIN_JSON_VALUES = 100;

/** Texts that are surely the same in JSON as by themselves. */
const IN_JSON = /^[ -~]*$/;

const DIALECT: Dialect = {
  name: 'sqlite',
  maxBytes: () => MAX_BYTES,
  maxRows: MAX_PREPARED_ROWS,
  now: sql`now_ms()`,
  nowPlus: (ms) => sql`now_ms() + ${ms}`,
  at: (epochMs) => sql`${fitTime(epochMs)}`,
  plus: (time, ms) => sql`${time} + ${ms}`,
  plusSeconds: (time, seconds) => sql`${time} + 1000 * ${seconds}`,
  later: (one, two) => sql`MAX(${one}, ${two})`,
  msUntil: (time) => sql`${time} - now_ms()`,
  epochMs: (time) => time,
  keepExisting: () => sql`ON CONFLICT DO NOTHING`,
  // SQLite never moves the tables of a CROSS JOIN. https://sqlite.org/optoverview.html#manual_control_of_query_plans_using_cross_join
  joinInOrder: sql`CROSS JOIN`,
  isSameText: (one, other) => sql`${one} = ${other}`,
  isOneOf,
  // A join takes the values as they come; for IN, SQLite sorts them first.
  listed: (table, text, values) =>
    isOneInJson(values)
      ? {
          from: sql`json_each(${JSON.stringify(values)}) AS listed CROSS JOIN ${table} ON ${text} = listed.value`,
          where: sql`1 = 1`,
        }
      : { from: table, where: isOneOf(text, values) },
  // Between two quotes, and a comma.
  listedBytesOf: (value) => Buffer.byteLength(value) + 3,
  isOneOfIds: isInJson,
  foldCase: (text) => sql`${text} COLLATE NOCASE`,
  // One range of the index on the column, and in it those that end after the tag or go on with `-`; `.` comes next after that.
  isOfLocale: (column, tag) =>
    sql`${column} COLLATE NOCASE >= ${tag} AND ${column} COLLATE NOCASE < ${`${tag}.`}
      AND (${column} COLLATE NOCASE = ${tag} OR ${column} COLLATE NOCASE >= ${`${tag}-`})`,
  versionKey: (text) => sql`version_key(${text})`,
  onConflict: (key) => sql`ON CONFLICT (${key}) DO UPDATE SET`,
  incoming: (column) => sql`excluded.${column}`,
};

/** SQLite in one file, for one machine; several processes may have it open. `clock` is the database's own time. */
export function openSqlite(file: string, clock: Clock): Driver {
  const database = openFile(file);
  const kept = new Map<string, StatementSync>();

  const prepare = (text: string): StatementSync => {
    const statement = kept.get(text) ?? database.prepare(text);
    if (text.length <= MAX_KEPT_LENGTH) kept.set(text, statement);
    return statement;
  };
  const fetchRows = async (statement: Statement): Promise<Row[]> =>
    attempt(() => prepare(statement.sql).all(...checkValues(statement)));
  const run = (statement: Statement) => {
    const { changes, lastInsertRowid } = prepare(statement.sql).run(...checkValues(statement));
    return { changes: Number(changes), insertId: Number(lastInsertRowid) };
  };

  database.function('now_ms', () => clock.now());
  database.function('version_key', { deterministic: true }, makeVersionKey());
  // Only these statements read the file, and find out whether it is a database.
  attemptToOpen(() =>
    database.exec(`
      PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS};
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = NORMAL;
    `),
  );

  /** SQLite ends a transaction by itself when the disk is full. A second error would hide that. */
  const rollBack = (): void => {
    if (database.isTransaction) database.exec('ROLLBACK');
  };

  return {
    dialect: DIALECT,
    all: fetchRows,
    run: async (statement) => attempt(() => run(statement)),
    runTogether: async (first, ...rest) =>
      attempt(() => {
        // IMMEDIATE: a transaction that has read cannot begin to write while another one writes; it could only fail.
        database.exec('BEGIN IMMEDIATE');
        try {
          const isChanged = run(first).changes > 0;
          if (isChanged) for (const statement of rest) run(statement);
          database.exec('COMMIT');
          return isChanged;
        } catch (error) {
          rollBack();
          throw error;
        }
      }),
    tryOut: async (statement) =>
      attempt(() => {
        database.exec('BEGIN IMMEDIATE');
        try {
          run(statement);
        } finally {
          rollBack();
        }
      }),
    runScript: async (script) => attempt(() => database.exec(script)),
    async hasTable(name) {
      const rows = await fetchRows(sql`SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ${name}`);
      return rows.length > 0;
    },
    async fetchColumns(table) {
      const rows = await fetchRows(sql`SELECT name FROM pragma_table_info(${table})`);
      return new Set(rows.map((row) => readText(row, 'name').toLowerCase()));
    },
    async exclusively(work) {
      attempt(() => database.exec('BEGIN IMMEDIATE'));
      try {
        const result = await work();
        database.exec('COMMIT');
        return result;
      } catch (error) {
        rollBack();
        throw error;
      }
    },
    close: async () => database.close(),
  };
}

function isOneInJson(values: readonly string[]): boolean {
  return values.length >= MIN_JSON_VALUES && values.every((value) => IN_JSON.test(value));
}

function isOneOf(text: Fragment, values: readonly string[]): Fragment {
  return isOneInJson(values) ? isInJson(text, values) : sql`${text} IN (${values})`;
}

function isInJson(column: Fragment, values: readonly (string | number)[]): Fragment {
  return sql`${column} IN (SELECT value FROM json_each(${JSON.stringify(values)}))`;
}

/** Many devices have the same version: its key is made once. */
function makeVersionKey(): (text: unknown) => string | null {
  const keys = new Map<unknown, string | null>();
  return (text) => {
    const known = keys.get(text);
    if (known !== undefined) return known;
    const key = typeof text === 'string' ? versionKeyOf(text) : null;
    if (keys.size >= MAX_KEPT_VERSIONS) keys.clear();
    keys.set(text, key);
    return key;
  };
}

function openFile(file: string): DatabaseSync {
  return attemptToOpen(() => {
    // Tokens and members are nobody else's business. SQLite gives its further files the same mode.
    if (file !== ':memory:') closeSync(openSync(file, 'a', 0o600));
    // The mode of a file that a person named is that person's: another program may have to read it.
    if (resolve(file) === resolve(DEFAULT_FILE)) for (const end of ['', '-wal', '-shm']) hide(file + end);
    return new DatabaseSync(file);
  });
}

function attemptToOpen<T>(open: () => T): T {
  try {
    return open();
  } catch (cause) {
    throw databaseError('DATABASE_URL: the SQLite file cannot be opened', cause);
  }
}

/** A file that everybody may read or write becomes its owner's alone, as a new one is. */
function hide(path: string): void {
  const { mode = 0, uid } = statSync(path, { throwIfNoEntry: false }) ?? {};
  if ((mode & 0o007) !== 0 && uid === process.getuid?.()) chmodSync(path, 0o600);
}

/** SQLite takes NaN for NULL. */
function checkValues({ values }: Statement): readonly Value[] {
  for (const value of values) {
    if (typeof value === 'number' && !Number.isFinite(value)) {
      throw new RangeError(`value: expected a finite number, got ${value}`);
    }
  }
  return values;
}

/** Every error of SQLite becomes a PushError('DATABASE'). */
function attempt<T>(work: () => T): T {
  try {
    return work();
  } catch (cause) {
    if (codeOf(cause) === 'ERR_OUT_OF_RANGE') throw tooLarge(messageOf(cause));
    throw databaseError('database', cause);
  }
}

/** A number beyond 2^53 - 1 in a row: SQLite's client names the number, but not its column. */
function tooLarge(message: string): PushError {
  const expected = `a whole number up to ${Number.MAX_SAFE_INTEGER}`;
  const got = /-?\d{16,}/.exec(message)?.[0] ?? 'a larger one';
  return PushError.of('DATABASE', [{ field: 'a column of a row', expected, got }]);
}

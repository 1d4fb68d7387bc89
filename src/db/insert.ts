import { PushError } from '../errors.ts';
import { type Driver, hasEffect } from './driver.ts';
import type { Statement } from './sql.ts';

/*
 * INSERTs whose rows may exist already. Baton never uses INSERT IGNORE: it would also ignore a value that does not fit its
 * column, and change it.
 */

/** ER_DUP_ENTRY and ER_DUP_ENTRY_WITH_KEY_NAME of MySQL. */
const MYSQL_DUPLICATES: readonly unknown[] = [1062, 1586];
/** SQLITE_CONSTRAINT_UNIQUE and SQLITE_CONSTRAINT_PRIMARYKEY. */
const SQLITE_DUPLICATES: readonly unknown[] = [2067, 1555];

/** Each try but the last may meet rows that another process has just inserted. */
const MAX_TRIES = 5;

/** Runs an INSERT; false if a row with the same unique key exists already, or if there was nothing to insert. */
export async function insertIfNew(driver: Driver, statement: Statement): Promise<boolean> {
  try {
    return await hasEffect(driver, statement);
  } catch (error) {
    if (isDuplicate(error)) return false;
    throw error;
  }
}

/**
 * Inserts the rows whose unique key is not in the table yet, and resolves to their number. Of two rows with the same key, only
 * the first is inserted. Only if rows exist already does it take more than one statement.
 */
export async function insertMissing<T>(
  driver: Driver,
  rows: readonly T[],
  {
    keyOf,
    insert,
    fetchKeys,
  }: {
    readonly keyOf: (row: T) => string;
    readonly insert: (rows: readonly T[]) => Statement;
    /** Those of the keys that are in the table. */
    readonly fetchKeys: (keys: readonly string[]) => Promise<ReadonlySet<string>>;
  },
): Promise<number> {
  const byKey = new Map<string, T>();
  for (const row of rows) if (!byKey.has(keyOf(row))) byKey.set(keyOf(row), row);
  for (let tries = 1; byKey.size > 0; tries++) {
    try {
      return (await driver.run(insert([...byKey.values()]))).changes;
    } catch (error) {
      if (!isDuplicate(error) || tries === MAX_TRIES) throw error;
    }
    for (const key of await fetchKeys([...byKey.keys()])) byKey.delete(key);
  }
  return 0;
}

export function isDuplicate(error: unknown): boolean {
  const cause = error instanceof PushError ? error.cause : error;
  const { errno, errcode } = Object(cause) as Readonly<Record<string, unknown>>;
  return MYSQL_DUPLICATES.includes(errno) || SQLITE_DUPLICATES.includes(errcode);
}

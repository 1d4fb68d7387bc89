import type { Fragment, Statement } from './sql.ts';

export type Row = Readonly<Record<string, unknown>>;

/** What stands behind FROM and behind WHERE. */
export interface TablesAndCondition {
  readonly from: Fragment;
  readonly where: Fragment;
}

/** The few words in which the two databases differ. A time is an expression such as a column of that type. */
export interface Dialect {
  /** Also the folder of its migrations. */
  readonly name: 'mysql' | 'sqlite';
  /** Bytes that the rows or the list of one statement may take, so that the database accepts the statement. */
  readonly maxBytes: () => number;
  /** Rows that a statement should insert at most where its text is the same each time. */
  readonly maxRows: number;
  /** The database's own time, as its time columns hold it. */
  readonly now: Fragment;
  /** The time in `ms` milliseconds; NULL for null. */
  readonly nowPlus: (ms: number | null) => Fragment;
  /** The time that is `epochMs` milliseconds since the epoch. */
  readonly at: (epochMs: number) => Fragment;
  /** A time plus `ms` milliseconds. */
  readonly plus: (time: Fragment, ms: number) => Fragment;
  /** A time plus an expression in seconds. */
  readonly plusSeconds: (time: Fragment, seconds: Fragment) => Fragment;
  /** The later of two times. */
  readonly later: (one: Fragment, two: Fragment) => Fragment;
  /** Whole milliseconds from now until a time. */
  readonly msUntil: (time: Fragment) => Fragment;
  /** A time in milliseconds since the epoch. */
  readonly epochMs: (time: Fragment) => Fragment;
  /** What follows an INSERT whose row stays as it is if it exists already. `key` is the first column of the table's key. */
  readonly keepExisting: (key: Fragment) => Fragment;
  /** Joins two tables that are read in this order, the first one first. */
  readonly joinInOrder: Fragment;
  /** The condition that two texts have the same bytes: MySQL's `=` ignores blanks at the end, and in a view also case. */
  readonly isSameText: (one: Fragment, other: Fragment) => Fragment;
  /** The condition that a text has the same bytes as one of some values, of which there is at least one. */
  readonly isOneOf: (text: Fragment, values: readonly string[]) => Fragment;
  /**
   * The rows of a table in which a text has the same bytes as one of some values, of which there is at least one, and none
   * twice: the index on the text finds them.
   */
  readonly listed: (table: Fragment, text: Fragment, values: readonly string[]) => TablesAndCondition;
  /** Never less than the bytes that one of these values takes in a statement. */
  readonly listedBytesOf: (value: string) => number;
  /** The condition that an id is one of some, of which there is at least one. */
  readonly isOneOfIds: (id: Fragment, ids: readonly number[]) => Fragment;
  /** A text for a comparison by `IN` in which the case of ASCII letters does not count, with values in small letters. */
  readonly foldCase: (text: Fragment) => Fragment;
  /** The condition that a column of locales holds a language tag or a longer one that begins with it; case does not count. */
  readonly isOfLocale: (column: Fragment, tag: string) => Fragment;
  /** A version as a text that sorts as its numbers do (see model/version.ts); NULL for a text that is no version. */
  readonly versionKey: (text: Fragment) => Fragment;
  /** What follows an INSERT whose row may exist already, up to the assignments. `key` is the unique key's columns. */
  readonly onConflict: (key: Fragment) => Fragment;
  /** The value that such an INSERT has for a column. */
  readonly incoming: (column: Fragment) => Fragment;
}

/** What Baton needs of a database connection. */
export interface Driver {
  readonly dialect: Dialect;
  all(statement: Statement): Promise<Row[]>;
  /** `changes` is the number of rows inserted, or of rows that an UPDATE's or DELETE's WHERE matched. */
  run(statement: Statement): Promise<{ changes: number; insertId: number }>;
  /** Runs the statements in one transaction; if the first changes no row, runs no other and resolves to false. */
  runTogether(first: Statement, ...rest: readonly Statement[]): Promise<boolean>;
  /** Runs a statement and undoes it, in one transaction: fails where `run` would fail. */
  tryOut(statement: Statement): Promise<void>;
  /** Runs the statements of a migration file. */
  runScript(script: string): Promise<void>;
  /** True for a table, false for a view. */
  hasTable(name: string): Promise<boolean>;
  /** The names of the columns of a table or a view. */
  fetchColumns(table: string): Promise<ReadonlySet<string>>;
  /** Runs the work while no other process runs work of its own in this method. */
  exclusively<T>(work: () => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** Runs a statement; true if it inserted a row, or its WHERE matched one. */
export async function hasEffect(driver: Driver, statement: Statement): Promise<boolean> {
  return (await driver.run(statement)).changes > 0;
}

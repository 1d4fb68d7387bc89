export type Row = Readonly<Record<string, unknown>>;
export type Value = string | number | null;

export interface Statement {
  readonly sql: string;
  readonly values: readonly Value[];
}

/** Placeholders for so many values. */
export function marks(count: number): string {
  return Array(count).fill('?').join(', ');
}

/** The few words in which the two databases differ. */
export interface Dialect {
  /** The folder of its migrations. */
  readonly name: 'mysql' | 'sqlite';
  /** The database's own time, as its time columns hold it. */
  readonly now: string;
  /** The same, later by one parameter in milliseconds. */
  readonly nowPlusMs: string;
  /** Whole milliseconds from now until a time. */
  readonly msUntil: (time: string) => string;
  /** The later of two times. */
  readonly later: (one: string, two: string) => string;
  readonly plusMs: (time: string) => string;
  readonly plusSeconds: (time: string, seconds: string) => string;
  /** A time in milliseconds since the epoch. */
  readonly epochMs: (time: string) => string;
  /** The time that one parameter gives in milliseconds since the epoch. */
  readonly atMs: string;
  readonly insertIgnore: string;
  /** What follows an INSERT whose row may be there already, up to the assignments. */
  readonly onConflict: (key: string) => string;
  /** The value that such an INSERT brought for a column. */
  readonly incoming: (column: string) => string;
}

/** What Baton needs of a database connection. */
export interface Driver {
  readonly dialect: Dialect;
  all(sql: string, values: readonly Value[]): Promise<Row[]>;
  /** `changes`: rows inserted, or rows that an UPDATE's WHERE matched. */
  run(sql: string, values: readonly Value[]): Promise<{ changes: number; insertId: number }>;
  /** All of them in one transaction; but if the first changes no row, none: resolves to false. */
  runTogether(first: Statement, ...rest: readonly Statement[]): Promise<boolean>;
  /** Many statements at once, as a migration file has them. */
  runScript(sql: string): Promise<void>;
  hasTable(name: string): Promise<boolean>;
  /** Runs the work while no other process does the same. */
  exclusively<T>(work: () => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

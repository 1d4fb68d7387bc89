import { PushError } from '../errors.ts';
import type { Driver } from './driver.ts';
import { type Fragment, sql } from './sql.ts';

/*
 * Columns that a team's own view in the place of a table may lack. Baton reads them as NULL then, and refuses to write
 * another value to them.
 */

/** The columns of push_announcement that a view may lack. */
export const OPTIONAL_COLUMNS = [
  'filter',
  'locales',
  'template',
  'expected_audience',
  'approved_by',
  'local_time',
  'repeat_at',
  'repeat_zone',
  'part_of',
] as const;
export type OptionalColumn = (typeof OPTIONAL_COLUMNS)[number];

export function isOptional(column: string): column is OptionalColumn {
  return OPTIONAL_COLUMNS.some((each) => each === column);
}

/** Makes a function that looks up the columns of a table once. */
export function makeColumnLookup(driver: Driver, table: string): () => Promise<ReadonlySet<string>> {
  let columns: Promise<ReadonlySet<string>> | null = null;
  return async () => {
    try {
      return await (columns ??= driver.fetchColumns(table));
    } catch (error) {
      columns = null;
      throw error;
    }
  };
}

/** The column of a table; NULL if the table lacks it. */
export function columnOrNull(table: string, column: string, columns: ReadonlySet<string>): Fragment {
  return columns.has(column) ? { sql: `${table}.${column}`, values: [] } : sql`NULL`;
}

/** PushError('BAD_INPUT') if a column that is to hold a value is missing. */
export function requireColumn(table: string, column: string, columns: ReadonlySet<string>): void {
  if (columns.has(column)) return;
  const got = 'a view without it: create the view again with this column';
  throw PushError.of('BAD_INPUT', [{ field: `${table}.${column}`, expected: 'a column', got }]);
}

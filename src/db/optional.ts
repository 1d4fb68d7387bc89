import { PushError } from '../errors.ts';
import { TRAIT_COLUMNS } from '../model/traits.ts';
import type { Driver } from './driver.ts';
import { type Fragment, sql } from './sql.ts';

/*
 * Columns that a team's own view in the place of a table may lack. Baton reads them as NULL then, and refuses to write
 * another value to them.
 */

/** Columns of push_announcement that say to whom it goes and in which words; a snapshot has them too. */
export const AIM_COLUMNS = ['filter', 'locales', 'template'] as const;

/** Columns of push_announcement that say when it goes, and what its start depends on; they count from the row alone. */
export const PLAN_COLUMNS = [
  'expected_audience',
  'approved_by',
  'local_time',
  'repeat_at',
  'repeat_zone',
  'part_of',
] as const;

/** The columns of push_announcement that a view may lack. */
export const OPTIONAL_COLUMNS = [...AIM_COLUMNS, ...PLAN_COLUMNS] as const;
export type OptionalColumn = (typeof OPTIONAL_COLUMNS)[number];

export function isOptional(column: string): column is OptionalColumn {
  return OPTIONAL_COLUMNS.some((each) => each === column);
}

const OPTIONAL: Readonly<Record<'push_announcement' | 'push_device', readonly string[]>> = {
  push_announcement: OPTIONAL_COLUMNS,
  push_device: TRAIT_COLUMNS,
};

/**
 * Makes a function that looks up the columns of a table. Only the answer that lacks none is kept: a team creates its view again
 * while processes run, and a column that they went on reading as NULL could be the filter of an announcement.
 */
export function makeColumnLookup(
  driver: Driver,
  table: keyof typeof OPTIONAL,
): () => Promise<ReadonlySet<string>> {
  let complete: ReadonlySet<string> | null = null;
  return async () => {
    if (complete !== null) return complete;
    const columns = await driver.fetchColumns(table);
    if (OPTIONAL[table].every((name) => columns.has(name))) complete = columns;
    return columns;
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

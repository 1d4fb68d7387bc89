import type { Row } from './driver.ts';
import { isDeepStrictEqual } from 'node:util';
import { type Fragment, sql, type Statement } from './sql.ts';

/** The columns of push_announcement that decide what is sent, and how. push_snapshot has each as it was at the start. */
const COLUMNS = [
  'title',
  'body',
  'image',
  'data',
  'options',
  'ttl_seconds',
  'source',
  'guarantee',
  'dry_run',
  'audience',
] as const;

/** Columns of JSON: the database may write the same value in another way. */
const JSON_COLUMNS: readonly string[] = ['data', 'options'];

const LIST: Fragment = { sql: COLUMNS.join(', '), values: [] };

/** The columns of the row and of its snapshot, for `splitSnapshot`; the table `JOIN_SNAPSHOT` has both. */
export const BOTH_COLUMNS: Fragment = {
  sql: COLUMNS.map(
    (column) => `push_announcement.${column}, push_snapshot.${column} AS started_${column}`,
  ).join(', '),
  values: [],
};

export const JOIN_SNAPSHOT = sql`push_announcement LEFT JOIN push_snapshot
  ON push_snapshot.announcement_id = push_announcement.announcement_id`;

/** A column as it was at the start; as the row has it if the announcement started before there were snapshots. */
export function atStart(column: 'ttl_seconds' | 'dry_run'): Fragment {
  return choose(`push_snapshot.${column}`, `push_announcement.${column}`);
}

/** The source, in HEX: the collations of the two tables may differ, as that of a team's own table does. */
export const SOURCE_AT_START = choose('HEX(push_snapshot.source)', 'HEX(push_announcement.source)');

function choose(then: string, now: string): Fragment {
  return {
    sql: `CASE WHEN push_snapshot.announcement_id IS NOT NULL THEN ${then} ELSE ${now} END`,
    values: [],
  };
}

/** `takeSnapshot` copies what an announcement is to send, in the place of an earlier copy. */
export function takeSnapshot(announcementId: number): [Statement, Statement] {
  return [
    sql`DELETE FROM push_snapshot WHERE announcement_id = ${announcementId}`,
    sql`INSERT INTO push_snapshot (announcement_id, ${LIST})
        SELECT announcement_id, ${LIST} FROM push_announcement WHERE announcement_id = ${announcementId}`,
  ];
}

/** The row as it is to be sent, and the names of the columns that were changed since its snapshot. */
export function splitSnapshot(row: Row): { row: Row; edited: string[] } {
  if (row['started_title'] === null) return { row, edited: [] };
  const snapshot = Object.fromEntries(COLUMNS.map((column) => [column, row[`started_${column}`]]));
  const edited = COLUMNS.filter((column) => !isSame(column, row[column], snapshot[column]));
  return { row: { ...row, ...snapshot }, edited };
}

function isSame(column: string, now: unknown, then: unknown): boolean {
  return now === then || (JSON_COLUMNS.includes(column) && isDeepStrictEqual(asJson(now), asJson(then)));
}

function asJson(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

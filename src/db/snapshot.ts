import type { Row } from './driver.ts';
import { isDeepStrictEqual } from 'node:util';
import type { Verdict } from '../model/delivery.ts';
import { AIM_COLUMNS, columnOrNull, isOptional } from './optional.ts';
import { type Fragment, sql, type Statement } from './sql.ts';

/** The columns of push_announcement that decide what is sent, and how. push_snapshot has each as it was at the start. */
const REQUIRED = [
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

/** All columns of a snapshot. */
export const SNAPSHOT_COLUMNS = [...REQUIRED, ...AIM_COLUMNS] as const;

/** Columns of JSON: the database may write the same value in another way. */
const JSON_COLUMNS: readonly string[] = ['data', 'options', 'filter', 'locales'];

const MAY_HAVE_ARRIVED: readonly Verdict[] = ['delivered', 'unknown'];

/** `bothColumns` are the columns of the row and of its snapshot, for `splitSnapshot`; the table `JOIN_SNAPSHOT` has both. */
export function bothColumns(columns: ReadonlySet<string>): Fragment {
  const pairs = SNAPSHOT_COLUMNS.map((column) => {
    const now = isOptional(column) ? columnOrNull('push_announcement', column, columns) : ofRow(column);
    return `${now.sql} AS ${column}, push_snapshot.${column} AS started_${column}`;
  });
  return { sql: pairs.join(', '), values: [] };
}

function ofRow(column: string): Fragment {
  return { sql: `push_announcement.${column}`, values: [] };
}

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
export function takeSnapshot(announcementId: number, columns: ReadonlySet<string>): [Statement, Statement] {
  const names = SNAPSHOT_COLUMNS.filter((column) => !isOptional(column) || columns.has(column));
  const list: Fragment = { sql: names.join(', '), values: [] };
  return [
    sql`DELETE FROM push_snapshot WHERE announcement_id = ${announcementId}`,
    sql`INSERT INTO push_snapshot (announcement_id, ${list})
        SELECT announcement_id, ${list} FROM push_announcement WHERE announcement_id = ${announcementId}`,
  ];
}

/** Copies what an announcement that starts is to send. The copy that was approved stays. */
export function startSnapshot(announcementId: number, columns: ReadonlySet<string>): [Statement, Statement] {
  const [discard, copy] = takeSnapshot(announcementId, columns);
  return [
    sql`${discard} AND NOT EXISTS (${findApproved(announcementId, columns)})`,
    sql`${copy} AND NOT EXISTS (SELECT 1 FROM push_snapshot WHERE announcement_id = ${announcementId})`,
  ];
}

function findApproved(announcementId: number, columns: ReadonlySet<string>): Fragment {
  const approved = columnOrNull('push_announcement', 'approved_by', columns);
  return sql`SELECT 1 FROM push_announcement WHERE announcement_id = ${announcementId} AND ${approved} IS NOT NULL`;
}

/**
 * Copies what a resumed announcement is to send, if there is no copy yet, or if no phone can have shown the earlier one: a
 * person has fixed the row that FCM refused. What was approved is kept, and so is any copy with `keepsCopy`. The hops of another audience or filter would go over
 * other ids, and those of the pages that are read already would be lost: then the earlier copy is kept, too. A dry run, which
 * nobody has to approve, stays one.
 */
export function renewSnapshot(
  announcementId: number,
  columns: ReadonlySet<string>,
  { keepsCopy }: { readonly keepsCopy: boolean },
): [Statement, Statement] {
  const [discard, copy] = takeSnapshot(announcementId, columns);
  return [
    sql`${discard} AND ${keepsCopy ? 0 : 1} = 1
        AND HEX(audience) = (SELECT HEX(audience) FROM push_announcement WHERE announcement_id = ${announcementId})
        ${columns.has('filter') ? isSameFilter(announcementId) : sql``}
        AND NOT EXISTS (${findApproved(announcementId, columns)})
        AND dry_run <= (SELECT dry_run FROM push_announcement WHERE announcement_id = ${announcementId})
        AND NOT EXISTS (
          SELECT 1 FROM push_delivery
          WHERE push_delivery.announcement_id = ${announcementId} AND verdict IN (${MAY_HAVE_ARRIVED}))`,
    sql`${copy} AND started_at IS NOT NULL
          AND NOT EXISTS (SELECT 1 FROM push_snapshot WHERE announcement_id = ${announcementId})`,
  ];
}

function isSameFilter(announcementId: number): Fragment {
  return sql`AND COALESCE(HEX(filter), '') = COALESCE(
    (SELECT HEX(filter) FROM push_announcement WHERE announcement_id = ${announcementId}), '')`;
}

/** The row as it is to be sent, and the names of the columns that were changed since its snapshot. */
export function splitSnapshot(row: Row): { row: Row; edited: string[] } {
  if (row['started_title'] === null) return { row, edited: [] };
  const snapshot = Object.fromEntries(SNAPSHOT_COLUMNS.map((column) => [column, row[`started_${column}`]]));
  const edited = SNAPSHOT_COLUMNS.filter((column) => !isSame(column, row[column], snapshot[column]));
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

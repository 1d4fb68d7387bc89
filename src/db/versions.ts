import type { RowVersion, Versioned } from '../store/versions.ts';
import { parseAnnouncement } from './announcement-rows.ts';
import type { Dialect, Driver, Row } from './driver.ts';
import { columnOrNull, isOptional, PLAN_COLUMNS } from './optional.ts';
import { SNAPSHOT_COLUMNS } from './snapshot.ts';
import { type Fragment, sql } from './sql.ts';

/*
 * The version of an announcement is all that decides what is sent: the columns of its row and those of its snapshot, so that a
 * change may depend on what was read before. In HEX, in which collations and types do not matter; in MySQL as a digest, since
 * a filter with 10,000 members is longer in HEX than a statement may be.
 */

/** `fetchVersioned` reads an announcement and its version in one statement; `selectRows` is the statement without WHERE. */
export async function fetchVersioned(
  driver: Driver,
  columns: ReadonlySet<string>,
  selectRows: (more: Fragment) => Fragment,
  announcementId: number,
): Promise<Versioned | null> {
  const texts = [...rowTexts(driver.dialect, columns), ...snapshotTexts(driver.dialect)];
  const named = texts.map((text, nth) => `, ${text} AS version_${nth}`).join('');
  const more = { sql: `, started_at IS NOT NULL AS is_started${named}`, values: [] };
  const [row] = await driver.all(
    sql`${selectRows(more)} WHERE push_announcement.announcement_id = ${announcementId}`,
  );
  if (!row) return null;
  return {
    announcement: parseAnnouncement(row),
    row: parseAnnouncement({ ...row, started_title: null }),
    isStarted: row['is_started'] === 1,
    version: texts.map((_, nth) => textOf(row, `version_${nth}`)),
  };
}

/** The condition that a row and its snapshot still have this version; nothing without one. */
export function isVersion(
  dialect: NamedDialect,
  announcementId: number,
  columns: ReadonlySet<string>,
  version: RowVersion | null,
): Fragment {
  if (version === null) return { sql: '', values: [] };
  const ofRow = rowTexts(dialect, columns);
  const row = conditionOf(ofRow, version.slice(0, ofRow.length));
  const snapshot = conditionOf(snapshotTexts(dialect), version.slice(ofRow.length));
  return sql`AND ${row} AND EXISTS (
    SELECT 1 FROM (SELECT 1 AS one) AS one_row LEFT JOIN push_snapshot ON push_snapshot.announcement_id = ${announcementId}
    WHERE ${snapshot})`;
}

type NamedDialect = Pick<Dialect, 'name'>;

function rowTexts(dialect: NamedDialect, columns: ReadonlySet<string>): string[] {
  const names = [...SNAPSHOT_COLUMNS, ...PLAN_COLUMNS];
  return names.map((name) =>
    textOfColumn(
      dialect,
      isOptional(name) ? columnOrNull('push_announcement', name, columns).sql : `push_announcement.${name}`,
    ),
  );
}

function snapshotTexts(dialect: NamedDialect): string[] {
  return SNAPSHOT_COLUMNS.map((name) => textOfColumn(dialect, `push_snapshot.${name}`));
}

/** NULL is a word that no HEX is. */
function textOfColumn({ name }: NamedDialect, column: string): string {
  return name === 'mysql'
    ? `COALESCE(SHA2(HEX(${column}), 256), 'NULL')`
    : `COALESCE(HEX(${column}), 'NULL')`;
}

function conditionOf(texts: readonly string[], version: RowVersion): Fragment {
  return { sql: texts.map((text) => `${text} = ?`).join(' AND '), values: version };
}

function textOf(row: Row, column: string): string {
  const text = row[column];
  return typeof text === 'string' ? text : String(text);
}

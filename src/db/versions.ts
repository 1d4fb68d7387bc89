import type { RowVersion, Versioned } from '../store/versions.ts';
import { parseAnnouncement } from './announcement-rows.ts';
import type { Driver, Row } from './driver.ts';
import { columnOrNull, isOptional } from './optional.ts';
import { PLAN } from './plan-columns.ts';
import { SNAPSHOT_COLUMNS } from './snapshot.ts';
import { type Fragment, sql } from './sql.ts';

/*
 * The version of an announcement is all that decides what is sent: the columns of its row and those of its snapshot, in HEX,
 * so that a change may depend on what was read before. Collations and types do not matter there.
 */

/** `fetchVersioned` reads an announcement and its version in one statement; `selectRows` is the statement without WHERE. */
export async function fetchVersioned(
  driver: Driver,
  columns: ReadonlySet<string>,
  selectRows: (more: Fragment) => Fragment,
  announcementId: number,
): Promise<Versioned | null> {
  const texts = [...rowTexts(columns), ...snapshotTexts()];
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
  announcementId: number,
  columns: ReadonlySet<string>,
  version: RowVersion | null,
): Fragment {
  if (version === null) return { sql: '', values: [] };
  const ofRow = rowTexts(columns);
  const row = conditionOf(ofRow, version.slice(0, ofRow.length));
  const snapshot = conditionOf(snapshotTexts(), version.slice(ofRow.length));
  return sql`AND ${row} AND EXISTS (
    SELECT 1 FROM (SELECT 1 AS one) AS one_row LEFT JOIN push_snapshot ON push_snapshot.announcement_id = ${announcementId}
    WHERE ${snapshot})`;
}

function rowTexts(columns: ReadonlySet<string>): string[] {
  const names = [...SNAPSHOT_COLUMNS, ...PLAN];
  return names.map((name) =>
    hexOf(
      isOptional(name) ? columnOrNull('push_announcement', name, columns).sql : `push_announcement.${name}`,
    ),
  );
}

function snapshotTexts(): string[] {
  return SNAPSHOT_COLUMNS.map((name) => hexOf(`push_snapshot.${name}`));
}

/** NULL is a word that no HEX is. */
function hexOf(column: string): string {
  return `COALESCE(HEX(${column}), 'NULL')`;
}

function conditionOf(texts: readonly string[], version: RowVersion): Fragment {
  return { sql: texts.map((text) => `${text} = ?`).join(' AND '), values: version };
}

function textOf(row: Row, column: string): string {
  const text = row[column];
  return typeof text === 'string' ? text : String(text);
}

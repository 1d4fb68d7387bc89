import type { Driver } from '../db/driver.ts';
import { readOr, readText, readWhole } from '../db/rows.ts';
import { sql } from '../db/sql.ts';
import { parseJson } from '../json.ts';
import { isViewNamed } from '../model/audience-views.ts';
import { isObject } from '../parse.ts';
import { type Finding, green, red } from './check.ts';

/** Announcements that have not started and are looked at, at most. */
const MAX_CHECKED = 1000;

/** Problems that are named, at most. */
const MAX_NAMED = 5;

/** Finds tables that AUDIENCE_VIEWS names and that no audience can use, and announcements whose audience names no such table. */
export async function checkAudienceViews(driver: Driver, patterns: readonly string[] = []): Promise<Finding> {
  const names = (await fetchTables(driver)).filter((name) => isViewNamed(patterns, name));
  const problems: string[] = [];
  for (const name of names) {
    const columns = await driver.fetchColumns(name);
    if (columns.has('device_id') || columns.has('member_id')) continue;
    problems.push(`${name} has no column device_id or member_id`);
  }
  for (const { announcementId, view } of await fetchAsked(driver)) {
    if (!isViewNamed(patterns, view)) {
      problems.push(`announcement ${announcementId} names a view that AUDIENCE_VIEWS does not`);
    } else if (!names.includes(view))
      problems.push(`announcement ${announcementId} names ${view}, which is not there`);
  }
  if (problems.length > 0) {
    const more = problems.length > MAX_NAMED ? `, and ${problems.length - MAX_NAMED} more` : '';
    return red(
      `${problems.slice(0, MAX_NAMED).join('; ')}${more}`,
      'give the view one of these columns, correct AUDIENCE_VIEWS, or correct the filter of the announcement',
    );
  }
  if (patterns.length === 0) return green('AUDIENCE_VIEWS is not set: no audience names a view');
  return names.length === 0
    ? green('AUDIENCE_VIEWS names no table or view that is there yet')
    : green(
        `an audience may name ${names.slice(0, MAX_NAMED).join(', ')}${names.length > MAX_NAMED ? ', …' : ''}`,
      );
}

async function fetchTables(driver: Driver): Promise<string[]> {
  const rows = await driver.all(
    driver.dialect.name === 'sqlite'
      ? sql`SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') ORDER BY name`
      : sql`SELECT table_name AS name FROM information_schema.tables WHERE table_schema = DATABASE() ORDER BY table_name`,
  );
  return rows.map((row) => readText(row, 'name'));
}

/** The views that announcements which have not started name. */
async function fetchAsked(driver: Driver): Promise<{ announcementId: number; view: string }[]> {
  if (!(await driver.fetchColumns('push_announcement')).has('filter')) return [];
  const rows = await driver.all(
    sql`SELECT announcement_id, filter FROM push_announcement
        WHERE status IN ('draft', 'scheduled') AND filter IS NOT NULL
        ORDER BY announcement_id DESC LIMIT ${MAX_CHECKED}`,
  );
  return rows.flatMap((row) => {
    const value = row['filter'];
    const filter =
      typeof value === 'string'
        ? readOr<unknown>([], () => parseJson(value, 'filter', 'DATABASE'), null)
        : value;
    const view = isObject(filter) ? filter['view'] : undefined;
    return typeof view === 'string' ? [{ announcementId: readWhole(row, 'announcement_id'), view }] : [];
  });
}

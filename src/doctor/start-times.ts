import type { Driver } from '../db/driver.ts';
import { columnOrNull } from '../db/optional.ts';
import { readWord } from '../db/rows.ts';
import { sql } from '../db/sql.ts';
import { amber, type Finding, green } from './check.ts';

/** Announcements that are named, at most. */
const MAX_NAMED = 5;

const STATUSES = ['scheduled', 'draft'] as const;

/**
 * Finds announcements that never start: scheduled for no time, or a draft with a time. Baton makes no such rows; a program that
 * writes to the table may.
 */
export async function checkStartTimes(driver: Driver): Promise<Finding> {
  const columns = await driver.fetchColumns('push_announcement');
  // The tick gives a time to one that is sent in parts.
  const isWhole = (name: string) => sql`${columnOrNull('push_announcement', name, columns)} IS NULL`;
  const rows = await driver.all(
    sql`SELECT CAST(announcement_id AS CHAR) AS id, status FROM push_announcement
        WHERE (status = 'scheduled' AND publish_at IS NULL AND ${isWhole('local_time')} AND ${isWhole('repeat_at')})
          OR (status = 'draft' AND publish_at IS NOT NULL)
        ORDER BY announcement_id DESC LIMIT ${2 * MAX_NAMED}`,
  );
  if (rows.length === 0) return green('each scheduled announcement has a time');
  const idsOf = (status: (typeof STATUSES)[number]): string[] =>
    rows.filter((row) => readWord(row, 'status', STATUSES) === status).map((row) => String(row['id']));
  const name = (ids: readonly string[]): string =>
    `${ids.length === 1 ? 'announcement' : 'announcements'} ${ids.slice(0, MAX_NAMED).join(', ')}${ids.length > MAX_NAMED ? ', …' : ''}`;
  const [timeless, drafts] = [idsOf('scheduled'), idsOf('draft')];
  return amber(
    [
      ...(timeless.length === 0
        ? []
        : [`scheduled for no time (publish_at is NULL), and never started: ${name(timeless)}`]),
      ...(drafts.length === 0
        ? []
        : [`a draft with a time (publish_at), and never started: ${name(drafts)}`]),
    ].join('; '),
    [
      ...(timeless.length === 0 ? [] : ['set publish_at, or start it by `baton push --announcement ID`']),
      ...(drafts.length === 0 ? [] : ["set status to 'scheduled', or publish_at to NULL"]),
    ].join('; '),
  );
}

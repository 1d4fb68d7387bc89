import {
  type Announcement,
  ANNOUNCEMENT_STATUSES,
  type AnnouncementStatus,
  AUDIENCES,
  GUARANTEES,
} from '../model/announcement.ts';
import type { AnnouncementSummary } from '../store.ts';
import { show } from '../show.ts';
import { fits } from './columns.ts';
import { parseContent, readContent } from './content.ts';
import type { Dialect, Row } from './driver.ts';
import {
  readFlag,
  readOptionalText,
  readOptionalTime,
  readOptionalWhole,
  readOr,
  readText,
  readWhole,
  readWord,
  wrongValue,
} from './rows.ts';
import { parseAim } from './plan-columns.ts';
import { splitSnapshot } from './snapshot.ts';
import { type Fragment, sql } from './sql.ts';

/*
 * Back ends and people write rows of push_announcement. A row with a wrong value is read all the same, so that it can be
 * listed, failed and cancelled: its problem is said in words, and it is not sent.
 */

/** `parseAnnouncement` reads one row with its snapshot; before the start the row itself counts. */
export function parseAnnouncement(both: Row): Announcement {
  const problems: string[] = [];
  const status = readStatus(both, problems);
  const { row, edited } = isBeforeStart(status) ? { row: both, edited: [] } : splitSnapshot(both);
  const read = <T>(one: (row: Row) => T, fallback: T): T => readOr(problems, () => one(row), fallback);
  const announcement = {
    announcementId: readWhole(row, 'announcement_id'),
    audience: read((each) => readWord(each, 'audience', AUDIENCES), 'devices'),
    source: read(readSource, ''),
    guarantee: read((each) => readWord(each, 'guarantee', GUARANTEES), 'at-most-once'),
    ttlSeconds: read((each) => readOptionalWhole(each, 'ttl_seconds'), null),
    dryRun: read((each) => readFlag(each, 'dry_run'), true),
    lanes: read((each) => readWhole(each, 'lanes'), 1),
    acceptUnregistered: read((each) => readFlag(each, 'accept_unregistered'), false),
    status,
    statusReason: read((each) => readOptionalText(each, 'status_reason'), null) ?? describeBrake(row),
    content: read(row['audience'] === 'messages' ? readContent : parseContent, null),
    ...parseAim(row, problems),
    edited,
  };
  if (problems.length === 0) return { ...announcement, problem: null };
  return { ...announcement, content: null, problem: problems.join('; ') };
}

/** `selectSummaries` is the beginning of a statement whose rows `parseSummary` reads. */
export function selectSummaries({ epochMs }: Pick<Dialect, 'epochMs'>): Fragment {
  return sql`SELECT announcement_id, audience, source, dry_run, status, status_reason, title,
      ${epochMs(sql`publish_at`)} AS publish_ms, ${epochMs(sql`started_at`)} AS started_ms,
      ${epochMs(sql`finished_at`)} AS finished_ms
    FROM push_announcement`;
}

export function parseSummary(row: Row): AnnouncementSummary {
  const problems: string[] = [];
  const read = <T>(one: () => T, fallback: T): T => readOr(problems, one, fallback);
  const summary = {
    announcementId: readWhole(row, 'announcement_id'),
    audience: read(() => readWord(row, 'audience', AUDIENCES), 'devices'),
    source: read(() => readSource(row), ''),
    dryRun: read(() => readFlag(row, 'dry_run'), false),
    status: readStatus(row, problems),
    statusReason: read(() => readOptionalText(row, 'status_reason'), null),
    title: read(() => readText(row, 'title'), ''),
    publishAt: read(() => readOptionalTime(row, 'publish_ms'), null),
    startedAt: read(() => readOptionalTime(row, 'started_ms'), null),
    finishedAt: read(() => readOptionalTime(row, 'finished_ms'), null),
  };
  return problems.length === 0 ? summary : { ...summary, statusReason: problems.join('; ') };
}

/** A status that Baton does not know counts as `draft`: nothing starts the announcement. */
export function readStatus(row: Row, problems: string[] = []): AnnouncementStatus {
  return readOr(problems, () => readWord(row, 'status', ANNOUNCEMENT_STATUSES), 'draft');
}

/** A longer name, which SQLite and a view may have, has no place in the tables of the budget. */
function readSource(row: Row): string {
  const source = readText(row, 'source');
  if (fits('source', source)) return source;
  throw wrongValue('source', 'the name of a source', show(source));
}

function isBeforeStart(status: AnnouncementStatus): boolean {
  return status === 'draft' || status === 'scheduled';
}

/** What a running announcement waits for, and until when. */
function describeBrake(row: Row): string | null {
  // Another table's row: whatever it holds, the announcement can be sent.
  const reason = readOr([], () => readOptionalText(row, 'brake_reason'), null);
  const until = readOr([], () => readOptionalTime(row, 'braked_until'), null);
  if (reason === null || until === null || row['status'] !== 'running') return null;
  return `${reason} until ${new Date(until).toISOString()}`;
}

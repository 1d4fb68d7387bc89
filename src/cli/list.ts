import type { AnnouncementSummary } from '../store.ts';
import { defineCommand } from './command.ts';
import { JSON_OPTION, wholeNumber } from './options.ts';
import { withStore } from './with-store.ts';

const MAX_LIMIT = 10_000;

const HEADER = ['ID', 'STATUS', 'KIND', 'SOURCE', 'TIME (UTC)', 'TITLE'];

export const listCommand = defineCommand({
  description:
    'List announcements, the latest first: broadcasts to all devices, and mailings made of messages.',
  options: {
    limit: wholeNumber('N', 'number of announcements', { min: 1, max: MAX_LIMIT, fallback: 20 }),
    json: JSON_OPTION,
  },
  async run({ options: { limit, json } }, { env, out }) {
    const announcements = await withStore(env, (store) => store.fetchLatest(limit));
    if (json) out(`${JSON.stringify({ announcements: announcements.map(toJson) })}\n`);
    else out(announcements.length === 0 ? 'no announcements yet\n' : makeTable(announcements));
    return 0;
  },
});

function toJson({ publishAt, startedAt, finishedAt, statusReason, ...rest }: AnnouncementSummary): object {
  return {
    ...rest,
    kind: kindOf(rest),
    reason: statusReason,
    publishAt: toIso(publishAt),
    startedAt: toIso(startedAt),
    finishedAt: toIso(finishedAt),
  };
}

function makeTable(announcements: readonly AnnouncementSummary[]): string {
  const rows = [HEADER, ...announcements.map(makeRow)];
  const widths = HEADER.map((_, nth) => Math.max(...rows.map((row) => row[nth]?.length ?? 0)));
  const lines = rows.map((row) =>
    row
      .map((cell, nth) => cell.padEnd(widths[nth] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  return `${lines.join('\n')}\n`;
}

function makeRow(announcement: AnnouncementSummary): string[] {
  const { announcementId, status, dryRun, source, title } = announcement;
  return [
    String(announcementId),
    `${status}${dryRun ? ' (dry run)' : ''}`,
    kindOf(announcement),
    source,
    describeTime(announcement),
    // A control character in a title could move the cursor.
    title.replaceAll(/\p{Cc}+/gu, ' '),
  ];
}

function kindOf({ audience }: Pick<AnnouncementSummary, 'audience'>): 'broadcast' | 'mailing' {
  switch (audience) {
    case 'devices':
      return 'broadcast';
    case 'messages':
      return 'mailing';
  }
}

/** `describeTime` is the end, or else the start, or else the planned start of an announcement. */
function describeTime({ publishAt, startedAt, finishedAt }: AnnouncementSummary): string {
  if (finishedAt !== null) return `ended ${toMinute(finishedAt)}`;
  if (startedAt !== null) return `started ${toMinute(startedAt)}`;
  return publishAt === null ? '-' : `due ${toMinute(publishAt)}`;
}

/** `toMinute` formats a time as 2026-12-24 18:07, in UTC. */
function toMinute(ms: number): string {
  return new Date(ms).toISOString().slice(0, 16).replace('T', ' ');
}

function toIso(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}

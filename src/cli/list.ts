import { systemClock } from '../clock.ts';
import { hasEnded } from '../model/announcement.ts';
import {
  type ChecksNow,
  describeChecks,
  describeRun,
  fetchChecksNow,
  noticesToJson,
} from '../report/notices.ts';
import { failedOf, fetchListed, type Listed, progressOf, reachedOf } from '../report/standing.ts';
import type { AnnouncementSummary } from '../store.ts';
import { formatCount, formatMinute, formatShare, formatTimer, toIso } from '../words.ts';
import { defineCommand } from './command.ts';
import { JSON_OPTION, wholeNumber } from './options.ts';
import { alignRows, printable } from './table.ts';
import { withStore } from './with-store.ts';

const MAX_LIMIT = 10_000;

const HEADER = [
  'ID',
  'STATUS',
  'KIND',
  'SOURCE',
  'AUDIENCE',
  'REACHED',
  'FAILED',
  'TOOK',
  'TIME (UTC)',
  'TITLE',
];

export const listCommand = defineCommand({
  description:
    'List announcements, the latest first: broadcasts to all devices, and mailings made of messages; how many pushes each is ' +
    'for, how many of them are delivered or have failed, and how long it took, or how far it is.',
  options: {
    limit: wholeNumber('N', 'number of announcements', { min: 1, max: MAX_LIMIT, fallback: 20 }),
    json: JSON_OPTION,
  },
  async run({ options: { limit, json } }, { env, out }) {
    const { announcements, checks } = await withStore(env, async (store) => ({
      announcements: await fetchListed({ store, clock: systemClock }, await store.fetchLatest(limit)),
      checks: await fetchChecksNow({ store, clock: systemClock }),
    }));
    if (json) {
      const shown = { announcements: announcements.map(toJson), notices: noticesToJson(checks.notices) };
      out(`${JSON.stringify(shown)}\n`);
      return 0;
    }
    out(announcements.length === 0 ? 'no announcements yet\n' : describeList(announcements, checks));
    for (const line of describeChecks(checks)) out(`${line}\n`);
    return 0;
  },
});

function toJson({ publishAt, startedAt, finishedAt, statusReason, ...rest }: Listed): object {
  return {
    ...rest,
    kind: kindOf(rest),
    reason: statusReason,
    publishAt: toIso(publishAt),
    startedAt: toIso(startedAt),
    finishedAt: toIso(finishedAt),
  };
}

function describeList(announcements: readonly Listed[], checks: ChecksNow): string {
  const [header = '', ...lines] = alignRows(HEADER, announcements.map(makeRow));
  const reasons = announcements.map(({ announcementId, status, statusReason, edited }) => [
    ...(status === 'scheduled' ? describeChecked(announcementId, checks) : []),
    ...(statusReason === null ? [] : [`    ${printable(statusReason)}`]),
    ...(edited.length === 0 ? [] : [`    edited without effect: ${edited.join(', ')}`]),
  ]);
  return `${[header, ...lines.flatMap((line, nth) => [line, ...(reasons[nth] ?? [])])].join('\n')}\n`;
}

function describeChecked(announcementId: number, { runs, now }: ChecksNow): string[] {
  const run = describeRun(announcementId, runs, now);
  return run === null ? [] : [`    ${run}`];
}

function makeRow(announcement: Listed): string[] {
  const { announcementId, status, dryRun, source, title, balance } = announcement;
  return [
    String(announcementId),
    `${status}${dryRun ? ' (dry run)' : ''}`,
    kindOf(announcement),
    source,
    balance === null ? '-' : formatCount(balance.audience),
    balance === null ? '-' : formatShare(reachedOf(balance), 1),
    balance === null ? '-' : formatCount(failedOf(balance)),
    describeDuration(announcement),
    describeTime(announcement),
    title,
  ];
}

/** `describeDuration` is how long an announcement took, or how far one is that has not ended. */
function describeDuration({ status, tookMs, balance }: Listed): string {
  if (tookMs === null) return '-';
  if (hasEnded(status)) return formatTimer(tookMs);
  return balance === null ? '-' : formatShare(progressOf(balance), 1);
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
  if (finishedAt !== null) return `ended ${formatMinute(finishedAt)}`;
  if (startedAt !== null) return `started ${formatMinute(startedAt)}`;
  return publishAt === null ? '-' : `due ${formatMinute(publishAt)}`;
}

import { findAnnouncement } from '../broadcast/announcement.ts';
import type { AuditEntry } from '../model/audit.ts';
import { formatTime, toIso } from '../words.ts';
import { parseAnnouncementId } from './announcement-id.ts';
import { defineCommand } from './command.ts';
import { JSON_OPTION, wholeNumber } from './options.ts';
import { makeTable } from './table.ts';
import { withStore } from './with-store.ts';

const MAX_ENTRIES = 10_000;

export const auditCommand = defineCommand({
  description:
    'Show who changed an announcement, when, from which status to which, and why, the earliest change first. Without ID, ' +
    'the latest changes of all announcements and sources, the latest first. Changes that were made by SQL are not in it.',
  examples: [
    ['baton audit 42', 'What happened to announcement 42, and who did it'],
    ['baton audit --limit 100', 'The last hundred changes'],
  ],
  operands: { usage: '[ID]', help: "one announcement's id, or nothing" },
  options: {
    limit: wholeNumber('N', 'number of changes', { min: 1, max: MAX_ENTRIES, fallback: 1000 }),
    json: JSON_OPTION,
  },
  async run({ options: { limit, json }, operands }, { env, out }) {
    const announcementId = operands.length === 0 ? null : parseAnnouncementId(operands);
    const entries = await withStore(env, async (store) => {
      if (announcementId === null) return store.fetchLatestAudit(limit);
      await findAnnouncement({ store }, announcementId);
      return store.fetchAudit(announcementId, limit);
    });
    if (json) out(`${JSON.stringify({ entries: entries.map(toJson) })}\n`);
    else if (entries.length === 0) out('no changes are recorded\n');
    else out(makeTable(HEADER, entries.map(makeRow)));
    return 0;
  },
});

const HEADER = ['TIME (UTC)', 'OF', 'WHO', 'WHAT', 'STATUS', 'WHY'];

function makeRow({ at, announcementId, source, actor, action, was, became, why }: AuditEntry): string[] {
  return [
    formatTime(at),
    announcementId === null ? `source ${source ?? '?'}` : String(announcementId),
    actor,
    action,
    became === null ? '' : `${was ?? '-'} > ${became}`,
    why ?? '',
  ];
}

function toJson({ at, ...rest }: AuditEntry): object {
  return { at: toIso(at), ...rest };
}

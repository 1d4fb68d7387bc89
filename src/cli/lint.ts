import { findAnnouncement } from '../broadcast/announcement.ts';
import { type Finding, lintAnnouncement, type LintKind, type LintReport } from '../content/lint.ts';
import { explainReason } from '../report/reasons.ts';
import { countOf, formatCount, onOneLine } from '../words.ts';
import { ANNOUNCEMENT_ID, parseAnnouncementId } from './announcement-id.ts';
import { defineCommand } from './command.ts';
import { JSON_OPTION } from './options.ts';
import { withStore } from './with-store.ts';

export const lintCommand = defineCommand({
  description:
    'Write the message of every device of an announcement, send none, and list what is wrong: devices that would get no ' +
    'message, and why, and locales without a text. The exit status is 1 if a device would get none.',
  examples: [
    ['baton lint 42', 'Check the texts of announcement 42 before it starts'],
    ['baton lint 42 --json', 'The same for a program'],
  ],
  operands: ANNOUNCEMENT_ID,
  options: { json: JSON_OPTION },
  async run({ options: { json }, operands }, { env, out, err, live }) {
    const announcementId = parseAnnouncementId(operands);
    const report = await withStore(env, async (store) => {
      const announcement = await findAnnouncement({ store }, announcementId);
      return lintAnnouncement({ store }, announcement, (devices) => {
        if (live && !json) err(`\r${formatCount(devices)} devices`);
      });
    });
    if (live && !json) err('\r');
    out(json ? `${JSON.stringify(report)}\n` : describeReport(report));
    return report.problem === null && report.rejected === 0 ? 0 : 1;
  },
});

function describeReport({ announcementId, problem, devices, rejected, findings }: LintReport): string {
  if (problem !== null) return `announcement ${announcementId} cannot be sent: ${onOneLine(problem)}\n`;
  const verdict = rejected === 0 ? 'each gets a message' : `${formatCount(rejected)} would get no message`;
  const head = `announcement ${announcementId}: ${countOf(devices, 'device')}, ${verdict}\n`;
  return [head, ...findings.map(describeFinding)].join('\n');
}

function describeFinding({ kind, name, devices, examples, isRejected }: Finding): string {
  const { meaning, remedy } = wordsOf(kind);
  const what = name === null ? kind : `${kind} ${onOneLine(name)}`;
  return [
    `${isRejected ? 'no message' : 'note'}  ${what}: ${countOf(devices, 'device')}, such as ${examples.join(', ')}`,
    `  ${meaning}`,
    ...(remedy === null ? [] : [`  ${remedy}`]),
    '',
  ].join('\n');
}

const NOTES: Partial<Record<LintKind, { readonly meaning: string; readonly remedy: string | null }>> = {
  LOCALE_WITHOUT_TEXT: {
    meaning: "devices of this locale get the announcement's own text",
    remedy: 'add the locale, or its language, to the locales of the announcement',
  },
  MEMBER_UNKNOWN: {
    meaning: 'the member of the device has no readable row in push_member, so that it has no attributes',
    remedy: '`PUT /members/{memberId}` or SQL adds it',
  },
  NO_MEMBER: { meaning: 'the device has no member, so that it has no attributes', remedy: null },
};

function wordsOf(kind: LintKind): { readonly meaning: string; readonly remedy: string | null } {
  return NOTES[kind] ?? explainReason(kind);
}

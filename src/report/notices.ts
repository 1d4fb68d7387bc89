import { CHECKS, type CheckName, type CheckRun, type StandingNotice } from '../model/notice.ts';
import { formatMinute, onOneLine, toIso } from '../words.ts';

/** Characters of a notice that a line of a list has room for. */
const MAX_TEXT_LENGTH = 160;

/** `describeNotices` makes one line for each check that has found something red, and says how to see all of it. */
export function describeNotices(notices: readonly StandingNotice[]): string[] {
  return CHECKS.flatMap((check) => {
    const red = notices.filter((notice) => notice.check === check && notice.level === 'red');
    const [first] = red;
    if (!first) return [];
    const since = formatMinute(Math.min(...red.map(({ foundAt }) => foundAt)));
    const more = red.length === 1 ? '' : `, and ${red.length - 1} more`;
    return [
      `${check}: ${red.length} red since ${since}: ${shorten(first.says)}${more} (${nextOf(check, first)})`,
    ];
  });
}

/** The doctor can be asked again at a terminal; of the other checks the notice says what to do. */
function nextOf(check: CheckName, { remedy }: StandingNotice): string {
  return check === 'doctor' ? 'run `baton doctor`' : shorten(remedy);
}

function shorten(text: string): string {
  const line = onOneLine(text);
  return line.length > MAX_TEXT_LENGTH ? `${line.slice(0, MAX_TEXT_LENGTH)}…` : line;
}

/** `noticesToJson` is what stands now, for programs. */
export function noticesToJson(notices: readonly StandingNotice[]): object[] {
  return notices.map(({ foundAt, seenAt, ...notice }) => ({
    ...notice,
    foundAt: toIso(foundAt),
    seenAt: toIso(seenAt),
  }));
}

/** `describeRun` says what the doctor has found before an announcement: `checked 2026-12-24 09:30: red`; null: not checked. */
export function describeRun(announcementId: number, runs: readonly CheckRun[]): string | null {
  const run = runs.find(({ name }) => name === `doctor-${announcementId}`);
  if (!run || run.endedAt === null) return null;
  return `checked ${formatMinute(run.endedAt)}: ${run.ok === false ? 'red' : 'nothing red'}`;
}

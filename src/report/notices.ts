import { CHECKS, type CheckName, type CheckRun, MAX_CHECK_MS, type StandingNotice } from '../model/notice.ts';
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

/** `describeKilled` makes one line for each check whose last run has not ended, and never will. */
export function describeKilled(runs: readonly CheckRun[], now: number): string[] {
  return CHECKS.flatMap((check) => {
    const run = runs.find(({ name }) => name === check);
    if (!run || !wasKilled(run, now)) return [];
    return [
      `${check}: red: its run of ${formatMinute(run.startedAt)} has not ended (look for the end of that invocation in the log; the ` +
        'tick starts the check again)',
    ];
  });
}

/** A run that was given back, because it could not be started, is one of 1970. */
function wasKilled({ startedAt, endedAt }: CheckRun, now: number): boolean {
  return endedAt === null && startedAt > 0 && now - startedAt >= MAX_CHECK_MS;
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
export function describeRun(announcementId: number, runs: readonly CheckRun[], now: number): string | null {
  const run = runs.find(({ name }) => name === `doctor-${announcementId}`);
  if (!run) return null;
  if (run.endedAt === null) {
    return wasKilled(run, now)
      ? `not checked: the doctor's run of ${formatMinute(run.startedAt)} has not ended`
      : null;
  }
  return `checked ${formatMinute(run.endedAt)}: ${run.ok === false ? 'red' : 'nothing red'}`;
}

import type { Context } from '../context.ts';
import { type Announcement, hasEnded } from '../model/announcement.ts';
import { CHECKS, type CheckName, type CheckRun, MAX_CHECK_MS, type StandingNotice } from '../model/notice.ts';
import type { Store } from '../store.ts';
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

/** What the checks on a schedule say now. */
export interface ChecksNow {
  readonly notices: readonly StandingNotice[];
  readonly runs: readonly CheckRun[];
  readonly now: number;
}

/** Reads what the checks say, by two statements. */
export async function fetchChecksNow({
  store,
  clock,
}: Pick<Context, 'clock'> & {
  readonly store: Pick<Store, 'fetchNotices' | 'fetchChecks'>;
}): Promise<ChecksNow> {
  const [notices, runs] = [await store.fetchNotices(), await store.fetchChecks()];
  return { notices, runs, now: clock.now() };
}

/** `describeChecks` makes one line for each check that is red, or was killed. */
export function describeChecks({ notices, runs, now }: ChecksNow): string[] {
  return [...describeNotices(notices), ...describeKilled(runs, now)];
}

/** `describeChecksFor` is what the checks say to a person who looks at one announcement: of one that has ended, nothing. */
export function describeChecksFor(
  { announcementId, status }: Pick<Announcement, 'announcementId' | 'status'>,
  checks: ChecksNow,
): string[] {
  if (hasEnded(status)) return [];
  const run = status === 'scheduled' ? describeRun(announcementId, checks.runs, checks.now) : null;
  return [...(run === null ? [] : [run]), ...describeChecks(checks)];
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

/** A notice for programs. Times are ISO 8601. */
export type ShownNotice = Omit<StandingNotice, 'foundAt' | 'seenAt'> & {
  readonly foundAt: string;
  readonly seenAt: string;
};

/** `noticesToJson` is what stands now, for programs. */
export function noticesToJson(notices: readonly StandingNotice[]): ShownNotice[] {
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

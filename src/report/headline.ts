import type { Announcement } from '../model/announcement.ts';
import { formatCount, formatDuration, formatRate, formatTime } from './format.ts';
import type { Report } from './report.ts';
import { type Part, PARTS, type TimeUse } from './timeline.ts';

/** The report in a few sentences: the first says whether everybody was reached. */
export interface Story {
  readonly headline: string;
  readonly lines: readonly string[];
}

/** `tellStory` makes the sentences of a report. `use` is null for an announcement that has not started. */
export function tellStory(report: Report, use: TimeUse | null): Story {
  const { announcement, publishAt } = report;
  if (use === null) return { headline: describeStart(announcement, publishAt), lines: [] };
  const lines = [
    describeDryRun(announcement),
    describeReason(announcement),
    describeRest(report),
    describeSpeed(report, use),
  ];
  return { headline: describeReach(report, use), lines: lines.filter((line) => line !== null) };
}

function describeStart({ status, statusReason }: Announcement, publishAt: number | null): string {
  if (status === 'scheduled' && publishAt !== null)
    return `Not started yet: due ${formatTime(publishAt)} UTC.`;
  if (status === 'cancelled') return 'Cancelled before it started.';
  return statusReason === null ? 'Not started yet.' : `Not started: ${statusReason}.`;
}

function describeReach({ announcement, balance, totals }: Report, { wallMs }: TimeUse): string {
  const { dryRun, audience, status } = announcement;
  const delivered = formatCount(totals.counts.delivered);
  const unit = nounOf(audience);
  const of =
    balance === null ? `${delivered} ${unit}` : `${delivered} of ${formatCount(balance.audience)} ${unit}`;
  const time = formatDuration(wallMs);
  const verb = dryRun ? 'FCM accepted' : audience === 'messages' ? 'Delivered' : 'Reached';
  switch (status) {
    case 'done':
      return `${verb} ${of} in ${time}.`;
    case 'running':
    case 'draft':
    case 'scheduled':
      return `${verb} ${of} so far, in ${time}.`;
    case 'paused':
      return `${verb} ${of} in ${time}, until it was paused.`;
    case 'cancelled':
      return `${verb} ${of} in ${time}, until it was cancelled.`;
    case 'failed':
      return `${verb} ${of} in ${time}, then it failed.`;
  }
}

function nounOf(audience: Announcement['audience']): string {
  switch (audience) {
    case 'devices':
      return 'phones';
    case 'messages':
      return 'messages';
  }
}

function describeDryRun({ dryRun }: Announcement): string | null {
  return dryRun ? 'This was a dry run: FCM only checked the messages, and no phone showed one.' : null;
}

function describeReason({ status, statusReason }: Announcement): string | null {
  return statusReason === null || status === 'done' ? null : `${capitalize(statusReason)}.`;
}

/** What has become of those that were not reached. */
function describeRest({ balance, announcement }: Report): string | null {
  if (balance === null) return null;
  const { audience, delivered, unregistered, rejected, unknown, excluded, unsent } = balance;
  if (delivered === audience) return null;
  const rest: readonly (readonly [number, string])[] = [
    [unregistered, 'no longer have the app'],
    [rejected, 'were refused by FCM'],
    [unknown, 'have no answer, and may have been reached'],
    [excluded, 'were deleted before their turn'],
    [unsent, announcement.status === 'running' ? 'are still to come' : 'were not sent'],
  ];
  const parts = rest.filter(([count]) => count > 0).map(([count, words]) => `${formatCount(count)} ${words}`);
  return `Of the others ${list(parts)}.`;
}

/** A broadcast that took this many times as long as the budget needs, and this much longer, was slow. */
const SLOW_FACTOR = 1.25;
const SLOW_MS = 5000;

const CAUSES: Readonly<Record<Part, string | null>> = {
  sending: 'it waited for answers of FCM, or had too few invocations at a time',
  budget: null,
  ramp: 'the rate rises slowly at the start, as FCM asks for',
  throttled: 'FCM throttled the source',
  down: 'FCM was down',
  paused: 'it was paused',
  database: 'the database was slow',
  retries: 'pushes that FCM did not take at first had to wait for their retry',
  starting: 'invocations were slow to start',
  stalled: 'no invocation worked on it for a time',
};

/** How fast it was; and if it was slow, the one cause that cost the most time. */
function describeSpeed({ balance, totals, pace, hops }: Report, use: TimeUse): string | null {
  const sent = hops.reduce((sum, { work }) => sum + work.sent, 0);
  if (sent === 0 || use.wallMs === 0) return null;
  const mean = `That is ${formatRate((sent * 1000) / use.wallMs)} pushes a second on average.`;
  if (pace === null) return mean;
  const idealMs = ((balance?.audience ?? totals.read) * 60_000) / pace.perMinute;
  if (use.wallMs < idealMs * SLOW_FACTOR || use.wallMs < idealMs + SLOW_MS) return mean;
  const [cause] = PARTS.filter((part) => CAUSES[part] !== null).toSorted(
    (one, two) => use.parts[two] - use.parts[one],
  );
  const words = cause && CAUSES[cause];
  if (!cause || !words) return mean;
  const [ideal, lost] = [formatDuration(idealMs), formatDuration(use.parts[cause])];
  return `${mean} The budget alone would have taken ${ideal}; it took longer mostly because ${words} (${lost}).`;
}

function list(parts: readonly string[]): string {
  return parts.length < 2 ? parts.join('') : `${parts.slice(0, -1).join(', ')} and ${parts.at(-1) ?? ''}`;
}

function capitalize(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1).replace(/\.$/, '');
}

import type { Announcement } from '../../model/announcement.ts';
import { describeFilter } from '../../model/filter-words.ts';
import { countOf, formatCount, formatDuration, formatTime } from '../../words.ts';
import { findDelays, largestPartOf } from '../explain/delays.ts';
import { sumSent } from '../sums.ts';
import type { TimeUse } from '../timeline.ts';
import { formatRate } from './format.ts';
import type { Report } from './report.ts';

/** The report in a few sentences: the first says whether everybody was reached. */
export interface Headline {
  readonly headline: string;
  readonly lines: readonly string[];
}

/** `writeHeadline` makes the sentences of a report. */
export function writeHeadline(report: Report): Headline {
  const { announcement, use } = report;
  if (use === null) return { headline: describeStart(announcement, report.times.publishAt), lines: [] };
  const lines = [
    describeDryRun(announcement),
    announcement.filter ? `For ${describeFilter(announcement.filter)}.` : null,
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
  const noun = nounOf(audience);
  const of =
    balance === null
      ? countOf(totals.counts.delivered, noun)
      : `${formatCount(totals.counts.delivered)} of ${countOf(balance.audience, noun)}`;
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
      return 'phone';
    case 'messages':
      return 'message';
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
    [unknown, 'have an unknown outcome'],
    [excluded, 'were deleted before their turn or have a second row for the same phone'],
    [unsent, announcement.status === 'running' ? 'are still to come' : 'were not sent'],
  ];
  const parts = rest.filter(([count]) => count > 0).map(([count, words]) => `${formatCount(count)} ${words}`);
  return `Of the others, ${list(parts)}.`;
}

/** A broadcast that took this many times as long as the budget needs, and this much longer, was slow. */
const SLOW_FACTOR = 1.25;
const SLOW_MS = 5000;

/** How fast it was; and if it was slow, what took the most time. */
function describeSpeed(report: Report, use: TimeUse): string | null {
  const { wallMs } = use;
  const { balance, totals, pace, isPaceKnown, hops } = report;
  const sent = sumSent(hops);
  if (sent === 0 || wallMs === 0) return null;
  const mean = `That is ${formatRate((sent * 1000) / wallMs)} pushes a second on average.`;
  const idealMs = ((balance?.audience ?? totals.read) * 60_000) / pace.perMinute;
  if (!isPaceKnown || wallMs < idealMs * SLOW_FACTOR || wallMs < idealMs + SLOW_MS) return mean;
  return `${mean} The budget alone would have taken ${formatDuration(idealMs)}. It took longer: ${findDelay(report, use)}.`;
}

/** What caused the largest part of the time, sending aside. */
function findDelay(report: Report, use: TimeUse): string {
  const largest = largestPartOf(use);
  if (largest === null) return 'FCM took its time to answer';
  const delay = findDelays(report).find(({ parts }) => parts.includes(largest.part));
  return delay?.cause ?? largest.says;
}

function list(parts: readonly string[]): string {
  return parts.length < 2 ? parts.join('') : `${parts.slice(0, -1).join(', ')} and ${parts.at(-1) ?? ''}`;
}

function capitalize(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1).replace(/\.$/, '');
}

import { describeSeries } from '../broadcast/series.ts';
import { type Announcement, isSeries } from '../model/announcement.ts';
import { type Counts, OPEN_VERDICTS, sumCounts, type Verdict } from '../model/delivery.ts';
import { describeFilter } from '../model/filter-words.ts';
import type { Balance } from '../model/summary.ts';
import { progressOf, type Standing } from '../report/standing.ts';
import { withoutUntil } from '../report/bands.ts';
import type { Wait } from '../report/waits.ts';
import { formatCount, formatTime, formatTimer } from '../words.ts';
import { DELIVERY_NOTE, describeDeliveryDays, describeReceipts, RECEIPTS_NOTE } from '../report/receipts.ts';
import { describeEdits } from '../report/edits.ts';
import { printable } from './table.ts';
import { drawBar } from './progress.ts';

/** `describeStanding` is the whole picture of one announcement, several lines. */
export function describeStanding(standing: Standing): string {
  const { announcement, counts, balance, hops, errors, waitsFor } = standing;
  const { announcementId, status, statusReason } = announcement;
  const held = hops.held === 0 ? '' : ` (${hops.held} at work)`;
  return [
    `announcement ${announcementId} ${status}; hops ${hops.closed} done, ${hops.open} open${held}`,
    ...(statusReason === null ? describePlan(announcement) : []),
    ...(statusReason === null || isSaid(statusReason, waitsFor) ? [] : [statusReason]),
    ...(announcement.filter ? [`for ${describeFilter(announcement.filter)}`] : []),
    ...describeRow(announcement),
    ...(hops.open + hops.closed > 0 ? [describeProgress(standing)] : []),
    ...waitsFor.map((wait) => `waits for ${describeWait(wait)}`),
    ...(balance === null ? describeCounts(counts) : describeBalance(balance, counts)),
    ...describePhones(standing),
    ...describeAnswers(standing),
    ...describeErrors(errors),
    '',
  ].join('\n');
}

/** `describePlan` says when an announcement that is sent in parts is sent. Mostly its reason says it, and more. */
function describePlan(announcement: Announcement): string[] {
  return isSeries(announcement) ? [describeSeries(announcement)] : [];
}

/** True if what the announcement waits for says why: one time is enough. */
function isSaid(statusReason: string, waitsFor: readonly Wait[]): boolean {
  return waitsFor.some(({ what }) => what.includes(withoutUntil(statusReason)));
}

/** `describeProgress` is one line: the bar, the rate, and the time that is left. Attempts that failed are no progress. */
function describeProgress({ balance, counts, perSecond, isHeld, endsInMs }: Standing): string {
  const hasEnded = balance === null || balance.unsent < balance.audience;
  const recorded = sumCounts(counts);
  const progress =
    balance === null
      ? [`${formatCount(recorded)} pushes`]
      : [
          drawBar(progressOf(balance)),
          `${formatCount(balance.audience - balance.unsent)} of ${formatCount(balance.audience)}`,
        ];
  return [
    ...progress,
    ...(perSecond.now === null || isHeld ? [] : [`${formatCount(perSecond.now)}/s now`]),
    ...(perSecond.average === null || !hasEnded ? [] : [`${formatCount(perSecond.average)}/s average`]),
    ...(endsInMs === null ? [] : [`ETA ${formatTimer(endsInMs)}`]),
  ].join('  ');
}

/** `describeLine` is one line for a log: the status, the progress, and the first thing that the announcement waits for. */
export function describeLine(standing: Standing): string {
  const { announcement, hops, waitsFor } = standing;
  const [first] = waitsFor;
  return [
    `announcement ${announcement.announcementId} ${announcement.status}`,
    describeProgress(standing),
    `hops ${hops.closed} done, ${hops.open} open`,
    ...(first ? [`waits for ${describeWait(first)}`] : []),
  ].join('  ');
}

function describeWait({ what, until }: Wait): string {
  return until === null ? what : `${what}, until ${formatTime(until)} UTC`;
}

/** `describeRow` says what is wrong with the announcement's row, who has approved it, and what was edited in it without effect. */
function describeRow(announcement: Announcement): string[] {
  const { problem, statusReason, approvedBy = null } = announcement;
  return [
    ...(problem === null || problem === statusReason ? [] : [`cannot be sent: ${problem}`]),
    ...(approvedBy === null ? [] : [`approved by ${printable(approvedBy)}`]),
    ...describeEdits(announcement),
  ];
}

/** Verdicts of pushes that are to be sent again: they are part of `unsent`. */
const UNSENT_VERDICTS: readonly Verdict[] = ['retryable', ...OPEN_VERDICTS];

/** `describeBalance` makes one line for each number, and for what the unsent pushes wait for. */
function describeBalance(balance: Balance, counts: Counts): string[] {
  const { audience, ...parts } = balance;
  const waiting = UNSENT_VERDICTS.filter((verdict) => verdict !== 'unsent' && counts[verdict] > 0);
  return [
    describeCount('audience', audience),
    ...Object.entries(parts).map(([name, count]) => describeCount(name, count)),
    ...waiting.map((verdict) => `${describeCount(verdict, counts[verdict])}   of the unsent`),
  ];
}

/** `describeCounts` makes one line for each verdict. */
export function describeCounts(counts: Counts): string[] {
  return Object.entries(counts).map(([verdict, count]) => describeCount(verdict, count));
}

function describeCount(name: string, count: number): string {
  return `  ${name.padEnd(14)}${formatCount(count).padStart(11)}`;
}

function describePhones({ receipts, counts, deliveryData }: Standing): string[] {
  const says = describeReceipts(receipts, counts);
  const days = describeDeliveryDays(deliveryData).map((day) => `FCM's delivery data: ${day}`);
  return [
    ...(says === null ? [] : [`phones: ${says}`, RECEIPTS_NOTE]),
    ...(days.length === 0 ? [] : [...days, DELIVERY_NOTE]),
  ];
}

function describeAnswers({ answers }: Standing): string[] {
  return answers
    ? [
        `answers of FCM: half within ${formatCount(answers.p50Ms)} ms, 95% within ${formatCount(answers.p95Ms)} ms`,
      ]
    : [];
}

/** `describeErrors` makes one line for each reason. */
export function describeErrors(errors: Standing['errors']): string[] {
  if (errors.length === 0) return [];
  const lines = errors.map(
    ({ reason, pushes }) => `  ${reason.padEnd(24)}${formatCount(pushes).padStart(11)}`,
  );
  return ['errors, by reason, each attempt counted:', ...lines];
}

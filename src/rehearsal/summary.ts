import type { Progress } from '../local/follow.ts';
import { sumCounts, VERDICTS, type Verdict } from '../model/delivery.ts';
import type { Balance } from '../model/summary.ts';
import { formatCount, formatWholeShare } from '../words.ts';
import type { Audit } from './audit.ts';
import type { BalanceCheck } from './balance.ts';
import { type CanaryCounts, NO_CANARIES } from './canaries.ts';
import type { ChaosReport } from './chaos.ts';
import type { CpuUse } from './cpu.ts';
import type { SandboxStats } from './fcm/stats.ts';
import type { QueueProgress } from './messages.ts';
import type { RehearsalOptions } from './options.ts';

/** What a rehearsal has measured beside the progress. */
export interface Measurements {
  readonly findings: Audit;
  readonly balances: BalanceCheck;
  /** Phones that moved to their FID, and devices that are marked as gone though their phone is there. */
  readonly moves: { readonly migrated: number; readonly livingMarked: number };
  /** Absent: no device is a canary. */
  readonly canaries?: CanaryCounts | undefined;
  readonly fcm: SandboxStats;
  readonly chaos: ChaosReport;
  readonly cpu: CpuUse;
}

/** `summarize` makes the object that `rehearse --json` prints. */
export function summarize(
  { devices, messages, seed }: Pick<RehearsalOptions, 'devices' | 'messages' | 'seed'>,
  { announcement, counts, hops, lambda, seconds }: QueueProgress,
  {
    findings: { lost, duplicated },
    balances: { balance, unbalanced },
    moves,
    canaries = NO_CANARIES,
    fcm,
    chaos,
    cpu,
  }: Measurements,
) {
  const recorded = sumCounts(counts);
  return {
    devices,
    messages,
    ...counts,
    lost,
    duplicated,
    balance,
    unbalanced,
    ...moves,
    ...canaries,
    ...chaos,
    ambiguous: fcm.ambiguous,
    hops: hops.closed,
    invocations: lambda.invocations,
    openHops: hops.open,
    seconds: Number(seconds.toFixed(2)),
    perSecond: Math.round(recorded / seconds),
    throttled: fcm.throttled,
    quotaUse: Number(fcm.quotaUse.toFixed(3)),
    peakMinute: Number(fcm.peakMinute.toFixed(3)),
    peakAheadMs: Math.round(fcm.peakAheadMs),
    outageHeardMs: Math.round(fcm.outageHeardMs),
    timeouts: lambda.timeouts,
    peakConcurrency: lambda.peakConcurrency,
    peakRssMb: Math.round(lambda.peakRssMb),
    cpu,
    status: announcement.status,
    reason: announcement.statusReason ?? whyItStopped(announcement.status, hops, lambda),
    seed,
  };
}

export type Summary = ReturnType<typeof summarize>;

/**
 * `isFlawless` is true if nothing was lost, the numbers of the hops are those of the ledger, and the only duplicates are
 * pushes whose outcome could not be known: FCM had accepted them when their worker was killed, or it accepted them and its
 * answer was late or missing.
 */
export function isFlawless(summary: Summary): boolean {
  const { status, lost, duplicated, unbalanced, livingMarked, inFlightAtKills, ambiguous } = summary;
  const isComplete = status === 'done' && lost + unbalanced + livingMarked + summary.canariesMisjudged === 0;
  return isComplete && duplicated <= inFlightAtKills + ambiguous;
}

/** `whyItStopped` explains an announcement that makes no progress although it has not ended. */
function whyItStopped(status: string, hops: Progress['hops'], lambda: Progress['lambda']): string | null {
  if (status === 'done') return null;
  if (lambda.recursionDropped > 0) {
    return (
      `Lambda's recursive loop detection dropped the next hop after ${hops.closed}: RecursiveLoop is Terminate. ` +
      'Allow it: aws lambda put-function-recursion-config --function-name NAME --recursive-loop Allow ' +
      '(here: --recursive-loop Allow)'
    );
  }
  return `${lambda.errors} invocations failed and ${hops.open} hops are open: --verbose shows the function's log`;
}

const VERDICT_MEANINGS: Readonly<Record<Verdict, string>> = {
  delivered: 'accepted by FCM',
  unregistered: 'the app is gone from the device',
  rejected: 'the target can never work, or every attempt failed',
  retryable: 'not accepted yet; a retry round sends it again',
  misconfigured: 'refused because of credentials, project or payload',
  unknown: 'no answer arrived',
  unsent: 'not sent yet',
};

/** `describeSummary` makes the text that `rehearse` prints. */
export function describeSummary(summary: Summary): string {
  const { devices, messages, hops, seconds, perSecond, status, reason } = summary;
  const chaos: Row[] = [
    ['kills', summary.kills, 'busy workers ended with kill -9'],
    ['cuts', summary.dbFaults, 'database connections cut in the middle of a statement'],
    [
      'in flight',
      summary.inFlightAtKills,
      'accepted by FCM, but not recorded yet when their worker was killed',
    ],
    ['ambiguous', summary.ambiguous, 'accepted by FCM, whose answer was late or missing'],
    ['repeated', summary.eventsDuplicated, 'events that Lambda delivered twice'],
    ['dropped', summary.eventsDropped, 'events that Lambda lost'],
  ];
  const hasChaos = chaos.some(([, count]) => count > 0);
  const rows: Row[] = [
    ...VERDICTS.map((verdict): Row => [verdict, summary[verdict], VERDICT_MEANINGS[verdict]]),
    ['lost', summary.lost, "no delivery, or one that FCM's own log contradicts"],
    ['duplicated', summary.duplicated, "accepted more than once, according to FCM's own log"],
    [
      'unbalanced',
      summary.unbalanced,
      "pushes that the hops' numbers, the ledger and the audience disagree on",
    ],
    ...(summary.migrated + summary.livingMarked === 0
      ? []
      : [
          ['migrated', summary.migrated, 'phones that moved from their token to their FID'] as const,
          ['marked', summary.livingMarked, 'devices marked as gone, though their phone is there'] as const,
        ]),
    ...(summary.canaries === 0
      ? []
      : [
          ['canaries', summary.canaries, 'devices that got a silent push after the broadcast'] as const,
          ['answered', summary.canariesAnswered, 'canaries whose receipt arrived'] as const,
          ['silent', summary.canariesSilent, 'canaries whose push FCM accepted, without a receipt'] as const,
          [
            'misjudged',
            summary.canariesMisjudged,
            'canaries that are silent and not dead, or dead and not silent',
          ] as const,
        ]),
    ['throttled', summary.throttled, 'answers with status 429'],
    ['timeouts', summary.timeouts, 'invocations that Lambda ended at the time-out'],
  ];
  const size = `${messages > 0 ? `${formatCount(messages)} messages to ` : ''}${formatCount(devices)} devices`;
  return [
    `${status}: ${size}, ${formatCount(hops)} hops, ${seconds} s, ${formatCount(perSecond)} pushes per second`,
    ...(reason === null ? [] : [reason]),
    ...describeDoubt(summary),
    '',
    ...rows.map(describeRow),
    '',
    ...(summary.balance === null ? [] : [`  ${describeBalance(summary.balance)}`, '']),
    ...(hasChaos ? [...chaos.map(describeRow), ''] : []),
    `  at most ${summary.peakConcurrency} concurrent invocations; the largest worker had ${summary.peakRssMb} MB`,
    `  ${describeQuota(summary)}`,
    `  ${describeCpu(summary.cpu)}`,
    '',
  ].join('\n');
}

/** A number of its own among the flaws: the others are in the table as they are, and have to be 0. */
function describeDoubt({ duplicated, inFlightAtKills, ambiguous }: Summary): string[] {
  const explained = inFlightAtKills + ambiguous;
  if (duplicated <= explained) return [];
  return [
    `not as guaranteed: ${formatCount(duplicated)} duplicated, expected at most ${formatCount(explained)} (in flight and ambiguous); ` +
      'on a machine that is too busy, an answer may be late without being counted as such: see the line of the CPU',
  ];
}

function describeBalance(balance: Balance): string {
  const { audience, ...parts } = balance;
  const terms = Object.entries(parts).map(([name, count]) => `${formatCount(count)} ${name}`);
  return `balance: ${formatCount(audience)} in the audience = ${terms.join(' + ')}`;
}

function describeQuota({ quotaUse, peakMinute, peakAheadMs }: Summary): string {
  return (
    `quota: ${formatWholeShare(quotaUse)} used in the middle of the broadcast; at most ${formatWholeShare(peakMinute)} of it within any 60 s, ` +
    `and never more than ${formatCount(peakAheadMs)} ms ahead of it`
  );
}

function describeCpu({ sandboxSeconds, workerSeconds, databaseSeconds, cores, share }: CpuUse): string {
  const database = databaseSeconds === null ? '' : `, database ${databaseSeconds.toFixed(1)} s`;
  return (
    `CPU: sandbox, local Lambda and progress ${sandboxSeconds.toFixed(1)} s, workers ${workerSeconds.toFixed(1)} s${database}; ` +
    `${formatWholeShare(share)} of ${cores} ${cores === 1 ? 'core' : 'cores'} busy`
  );
}

type Row = readonly [name: string, count: number, meaning: string];

function describeRow([name, count, meaning]: Row): string {
  return `  ${name.padEnd(14)}${formatCount(count).padStart(11)}   ${meaning}`;
}

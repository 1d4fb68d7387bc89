import { group } from '../local/format.ts';
import type { Progress } from '../local/follow.ts';
import { VERDICTS, type Verdict } from '../model/delivery.ts';
import type { Audit } from './audit.ts';
import type { ChaosReport } from './chaos.ts';
import type { SandboxStats } from './fcm/stats.ts';
import type { QueueProgress } from './messages.ts';
import type { RehearsalOptions } from './options.ts';

/** `summarize` makes the object that `rehearse --json` prints. */
export function summarize(
  { devices, messages, seed }: Pick<RehearsalOptions, 'devices' | 'messages' | 'seed'>,
  { announcement, counts, hops, lambda, seconds }: QueueProgress,
  { lost, duplicated }: Audit,
  fcm: SandboxStats,
  chaos: ChaosReport,
) {
  const recorded = Object.values(counts).reduce((sum, count) => sum + count, 0);
  return {
    devices,
    messages,
    ...counts,
    lost,
    duplicated,
    ...chaos,
    ambiguous: fcm.ambiguous,
    hops: hops.closed,
    invocations: lambda.invocations,
    openHops: hops.open,
    seconds: Number(seconds.toFixed(2)),
    perSecond: Math.round(recorded / seconds),
    throttled: fcm.throttled,
    quotaUse: Number(fcm.quotaUse.toFixed(3)),
    outageHeardMs: Math.round(fcm.outageHeardMs),
    timeouts: lambda.timeouts,
    peakConcurrency: lambda.peakConcurrency,
    peakRssMb: Math.round(lambda.peakRssMb),
    status: announcement.status,
    reason: announcement.statusReason ?? whyItStopped(announcement.status, hops, lambda),
    seed,
  };
}

export type Summary = ReturnType<typeof summarize>;

/**
 * `isFlawless` is true if nothing was lost and the only duplicates are pushes whose outcome could not be known: FCM had
 * accepted them when their worker was killed, or it accepted them and sent no answer.
 */
export function isFlawless({ status, lost, duplicated, inFlightAtKills, ambiguous }: Summary): boolean {
  return status === 'done' && lost === 0 && duplicated <= inFlightAtKills + ambiguous;
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
    ['ambiguous', summary.ambiguous, 'accepted by FCM, which then sent no answer'],
    ['repeated', summary.eventsDuplicated, 'events that Lambda delivered twice'],
    ['dropped', summary.eventsDropped, 'events that Lambda lost'],
  ];
  const hasChaos = chaos.some(([, count]) => count > 0);
  const rows: Row[] = [
    ...VERDICTS.map((verdict): Row => [verdict, summary[verdict], VERDICT_MEANINGS[verdict]]),
    ['lost', summary.lost, "no delivery, or one that FCM's own log contradicts"],
    ['duplicated', summary.duplicated, "accepted more than once, according to FCM's own log"],
    ['throttled', summary.throttled, 'answers with status 429'],
    ['timeouts', summary.timeouts, 'invocations that Lambda ended at the time-out'],
  ];
  const size = `${messages > 0 ? `${group(messages)} messages to ` : ''}${group(devices)} devices`;
  return [
    `${status}: ${size}, ${group(hops)} hops, ${seconds} s, ${group(perSecond)} pushes per second`,
    ...(reason === null ? [] : [reason]),
    '',
    ...rows.map(describeRow),
    '',
    ...(hasChaos ? [...chaos.map(describeRow), ''] : []),
    `  at most ${summary.peakConcurrency} concurrent invocations; the largest worker had ${summary.peakRssMb} MB`,
    '',
  ].join('\n');
}

type Row = readonly [name: string, count: number, meaning: string];

function describeRow([name, count, meaning]: Row): string {
  return `  ${name.padEnd(14)}${group(count).padStart(11)}   ${meaning}`;
}

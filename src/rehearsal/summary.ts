import type { Audit } from './audit.ts';
import type { ChaosReport } from './chaos.ts';
import type { Progress } from '../local/engine.ts';
import type { SandboxStats } from './fcm/sandbox.ts';
import type { QueueProgress } from './messages.ts';
import { group } from '../local/format.ts';

/** What `rehearse --json` prints. */
export function summarize(
  { devices, messages, seed }: { readonly devices: number; readonly messages: number; readonly seed: number },
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
 * Nothing lost, and nothing doubled but what nobody could know of: pushes that FCM had accepted when their worker was
 * killed, or to which it gave no answer.
 */
export function isFlawless({ status, lost, duplicated, inFlightAtKills, ambiguous }: Summary): boolean {
  return status === 'done' && lost === 0 && duplicated <= inFlightAtKills + ambiguous;
}

/** For an announcement that nothing moves any more, though it has not ended. */
function whyItStopped(status: string, hops: Progress['hops'], lambda: Progress['lambda']): string | null {
  if (status === 'done') return null;
  if (lambda.recursionDropped > 0) {
    return (
      `Lambda's recursive loop detection dropped the next hop after ${hops.closed}: RecursiveLoop is Terminate. ` +
      'Allow it: aws lambda put-function-recursion-config --function-name NAME --recursive-loop Allow ' +
      '(here: --recursive-loop Allow)'
    );
  }
  return `${lambda.errors} runs failed and ${hops.open} hops are open: --verbose shows the function's log`;
}

export function describeSummary(summary: Summary): string {
  const {
    devices,
    messages,
    hops,
    seconds,
    perSecond,
    status,
    reason,
    kills,
    eventsDuplicated,
    eventsDropped,
  } = summary;
  const hasChaos = kills + eventsDuplicated + eventsDropped + summary.ambiguous + summary.dbFaults > 0;
  const rows: [string, number, string][] = [
    ['delivered', summary.delivered, 'accepted by FCM'],
    ['unregistered', summary.unregistered, 'the app is gone from the device'],
    ['rejected', summary.rejected, 'the target is no good, or every attempt was refused'],
    ['misconfigured', summary.misconfigured, 'refused for no fault of the device'],
    ['retryable', summary.retryable, 'not taken yet'],
    ['unknown', summary.unknown, 'no answer came'],
    ['lost', summary.lost, "missing from the ledger, or in it against FCM's own log"],
    ['duplicated', summary.duplicated, "accepted more than once, by FCM's own log"],
    ['throttled', summary.throttled, 'answers that the quota is used up'],
    ['timeouts', summary.timeouts, 'runs that Lambda killed for want of time'],
  ];
  const chaos: [string, number, string][] = [
    ['kills', kills, 'workers killed at work'],
    ['cut', summary.dbFaults, 'database connections cut in mid-statement'],
    ['in flight', summary.inFlightAtKills, 'accepted by FCM when their worker was killed, not recorded yet'],
    ['ambiguous', summary.ambiguous, 'accepted by FCM, which then gave no answer'],
    ['doubled', eventsDuplicated, 'events that Lambda delivered twice'],
    ['dropped', eventsDropped, 'events that Lambda lost'],
  ];
  return [
    `${status}: ${messages > 0 ? `${group(messages)} messages to ` : ''}${group(devices)} devices, ${group(hops)} hops, ${seconds} s, ${group(perSecond)} pushes a second`,
    ...(reason === null ? [] : [reason]),
    '',
    ...rows.map(describeRow),
    '',
    ...(hasChaos ? [...chaos.map(describeRow), ''] : []),
    `  ${summary.peakConcurrency} invocations at a time at the most, ${summary.peakRssMb} MB the largest worker`,
    '',
  ].join('\n');
}

function describeRow([name, count, meaning]: [string, number, string]): string {
  return `  ${name.padEnd(14)}${group(count).padStart(11)}   ${meaning}`;
}

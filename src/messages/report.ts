import type { Delivery, Verdict } from '../model/delivery.ts';
import type { ClaimedMessage } from '../model/message.ts';

/** What became of a message that was sent at once. */
export interface MessageReport {
  /** Null: the message was not claimed. */
  readonly messageId: number | null;
  /** The verdict of one of its devices: the one that the caller has to know first. */
  readonly verdict: Verdict | 'in-progress';
  readonly reason: string | null;
  /** Milliseconds after which it is worth sending again; null: never. */
  readonly retryInMs: number | null;
  readonly deliveries: readonly DeliveryReport[];
}

export type DeliveryReport = Pick<Delivery, 'deviceId' | 'verdict' | 'reason' | 'messageName'>;

/** What has to be sent again comes before what has arrived, and that before what never will. */
const BY_PRIORITY = [
  'retryable',
  'unknown',
  'unsent',
  'misconfigured',
  'delivered',
  'unregistered',
  'rejected',
] as const satisfies readonly Verdict[];

/** The report of a claimed message, from what the ledger already had of it and what has just been sent. */
export function makeReport(claim: ClaimedMessage, fresh: readonly Delivery[]): MessageReport {
  const { messageId, isMine, leaseMs, recorded, devices } = claim;
  const all = new Map<number, Delivery>();
  for (const [deviceId, { isToRetry, ...earlier }] of recorded) {
    const isRegistered = devices.some((device) => device.deviceId === deviceId);
    all.set(deviceId, { ...earlier, deviceId, retryInMs: isToRetry && isRegistered ? 0 : null });
  }
  for (const each of fresh) all.set(each.deviceId, each);

  const waits = [...all.values()].flatMap(({ retryInMs }) => retryInMs ?? []);
  const isOpen = all.size === 0 || waits.length > 0;
  const deliveries = Array.from(all.values(), ({ deviceId, verdict, reason, messageName }) => ({
    deviceId,
    verdict,
    reason,
    messageName,
  }));
  if (!isMine && isOpen) {
    return { messageId, verdict: 'in-progress', reason: null, retryInMs: leaseMs, deliveries };
  }
  const [first] = deliveries.toSorted((one, two) => priorityOf(one.verdict) - priorityOf(two.verdict));
  return {
    messageId,
    verdict: first?.verdict ?? 'retryable',
    reason: first?.reason ?? null,
    retryInMs: waits.length > 0 ? Math.max(...waits) : null,
    deliveries,
  };
}

function priorityOf(verdict: Verdict): number {
  return BY_PRIORITY.indexOf(verdict);
}

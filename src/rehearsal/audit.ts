import type { Store } from '../store.ts';
import { type AcceptedOf, readLedger, type Which } from './ledger-lines.ts';

/** What comparing FCM's own log with the ledger has found; all zero is as it has to be. */
export interface Audit {
  /** Pushes without a delivery, or with one that says `delivered` though FCM never accepted a message for them. */
  readonly lost: number;
  /** Messages that FCM accepted for a push beyond its first. */
  readonly duplicated: number;
}

/** Compares what FCM accepted with what the ledger says, push by push; so many messages there have to be. */
export async function audit(
  store: Store,
  which: Which,
  messages: number,
  acceptedOf: AcceptedOf,
): Promise<Audit> {
  let lost = 0;
  let duplicated = 0;
  const found = new Set<number>();
  for await (const { messageId, verdict, times, isAudience } of readLedger(store, which, acceptedOf)) {
    found.add(messageId);
    const isLost = verdict === undefined ? isAudience : verdict === 'delivered' && times === 0;
    if (isLost) lost++;
    duplicated += Math.max(0, times - 1);
  }
  return { lost: lost + Math.max(0, messages - found.size), duplicated };
}

/** Accepted by FCM, but not recorded as such: after a crash, what was in flight. */
export async function countUnrecorded(store: Store, which: Which, acceptedOf: AcceptedOf): Promise<number> {
  let unrecorded = 0;
  for await (const { verdict, times } of readLedger(store, which, acceptedOf)) {
    if (times > 0 && verdict !== 'delivered') unrecorded++;
  }
  return unrecorded;
}

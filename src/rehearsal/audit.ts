import { type LedgerPart, readLedger, type Records } from './ledger-lines.ts';

/** The result of comparing the ledger with FCM's own log. Without faults, both numbers are 0. */
export interface Audit {
  /** Pushes without a delivery, or with the verdict `delivered` although FCM never accepted a message for them. */
  readonly lost: number;
  /** Messages that FCM accepted for a push after the first one. */
  readonly duplicated: number;
}

/** `audit` compares both records push by push; `messages` is the number of messages that the ledger must cover. */
export async function audit(records: Records, part: LedgerPart, messages: number): Promise<Audit> {
  let lost = 0;
  let duplicated = 0;
  const messageIds = new Set<number>();
  for await (const { messageId, verdict, acceptances, isAudience } of readLedger(records, part)) {
    messageIds.add(messageId);
    const isLost = verdict === undefined ? isAudience : verdict === 'delivered' && acceptances === 0;
    if (isLost) lost++;
    duplicated += Math.max(0, acceptances - 1);
  }
  return { lost: lost + Math.max(0, messages - messageIds.size), duplicated };
}

/** `countUnrecorded` counts the pushes that FCM accepted and the ledger does not have: those in flight at a crash. */
export async function countUnrecorded(records: Records, part: LedgerPart): Promise<number> {
  let unrecorded = 0;
  for await (const { verdict, acceptances } of readLedger(records, part)) {
    if (acceptances > 0 && verdict !== 'delivered') unrecorded++;
  }
  return unrecorded;
}

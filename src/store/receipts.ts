import type { Receipt, ReceiptCounts } from '../model/receipt.ts';

/**
 * What became of a receipt.
 * - `counted`: it is new.
 * - `repeated`: it was counted before.
 * - `unknown`: no device has this target, or the push was not sent to it, or was a test.
 */
export type ReceiptFate = 'counted' | 'repeated' | 'unknown';

/** What phones say about pushes that FCM has accepted. */
export interface Receipts {
  /**
   * Counts each receipt once, however often it is sent, and by whatever processes; the nth fate belongs to the nth receipt. A
   * push that is being sent may not be in the ledger yet: while its announcement runs, a device need not be there. The rows and
   * their counts are one transaction.
   */
  recordReceipts(receipts: readonly Receipt[]): Promise<ReceiptFate[]>;
  /** Receipts by announcement; 0: messages that are sent at once. The counts stay when the ledger is deleted. */
  fetchReceiptCounts(announcementIds: readonly number[]): Promise<Map<number, ReceiptCounts>>;
}

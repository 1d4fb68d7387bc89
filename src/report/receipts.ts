import type { Context } from '../context.ts';
import type { Counts } from '../model/delivery.ts';
import { NO_RECEIPTS, type ReceiptCounts } from '../model/receipt.ts';
import { formatCount, formatShare } from '../words.ts';

/** What receipts do not say. */
export const RECEIPTS_NOTE =
  'Only apps that send receipts are counted: a phone may have shown a push of which it says nothing.';

/** What phones report of an announcement; null: no receipt has arrived. */
export async function fetchReceipts(
  { store }: Pick<Context, 'store'>,
  announcementId: number,
): Promise<ReceiptCounts | null> {
  return (await store.fetchReceiptCounts([announcementId])).get(announcementId) ?? null;
}

/** Receipts in one sentence, with their share of the pushes that FCM accepted; null: none has arrived. */
export function describeReceipts(
  receipts: ReceiptCounts | null,
  { delivered }: Pick<Counts, 'delivered'>,
): string | null {
  if (receipts === null) return null;
  const { delivered: received, opened } = { ...NO_RECEIPTS, ...receipts };
  const part = (count: number, word: string): string =>
    `${word} by ${formatCount(count)} (${formatShare(count, delivered)})`;
  return `${part(received, 'received')} and ${part(opened, 'opened')} of ${formatCount(delivered)} that FCM accepted`;
}

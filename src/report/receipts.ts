import type { Context } from '../context.ts';
import type { Counts } from '../model/delivery.ts';
import type { Announcement } from '../model/announcement.ts';
import { type DeliveryDay, OUTCOMES, parseDeliveryDays } from '../model/delivery-data.ts';
import { labelOf, NO_RECEIPTS, type ReceiptCounts } from '../model/receipt.ts';
import { formatCount, formatShare, toDay } from '../words.ts';

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

/** What FCM's Data API does not say. */
export const DELIVERY_NOTE =
  'Android alone, of devices whose owners share diagnostic data, up to some days late; a day is one in Los Angeles, and other pushes with the same label count too.';

const MS_PER_DAY = 86_400_000;

/** Words for the shares of FCM's Data API. */
const OUTCOME_WORDS: Readonly<Record<(typeof OUTCOMES)[number], string>> = {
  delivered: 'delivered',
  pending: 'waiting for the device',
  collapsed: 'replaced by a later push',
  dropped: 'dropped',
};

/** What FCM's Data API says of an announcement's label on the days on which it was sent, the earliest first. */
export async function fetchDeliveryDays(
  { store }: Pick<Context, 'store'>,
  { announcementId, source, content }: Pick<Announcement, 'announcementId' | 'source' | 'content'>,
  { startedAt, finishedAt }: { readonly startedAt: number | null; readonly finishedAt: number | null },
): Promise<DeliveryDay[]> {
  if (startedAt === null) return [];
  const name = content?.options.analyticsLabel ?? labelOf(announcementId);
  const days = parseDeliveryDays(await store.fetchSignalsOf({ kind: 'delivery', source, name }));
  // Los Angeles is behind UTC.
  const [first, last] = [toDay(startedAt - MS_PER_DAY), finishedAt === null ? '9999' : toDay(finishedAt)];
  return days.filter(({ day }) => day >= first && day <= last).toReversed();
}

/** One sentence for each day. */
export function describeDeliveryDays(days: readonly DeliveryDay[]): string[] {
  return days.map(({ day, accepted, outcome }) => {
    const shares = OUTCOMES.map((each) => `${formatShare(outcome?.[each] ?? 0, 100)} ${OUTCOME_WORDS[each]}`);
    return `of ${formatCount(accepted)} accepted on ${day}, ${outcome === null ? 'no shares are given' : shares.join(', ')}`;
  });
}

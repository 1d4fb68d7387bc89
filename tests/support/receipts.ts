import type { SentReceipt } from '../../src/receipts/take-receipts.ts';
import { type ReceiptCounts, RECEIPT_EVENTS } from '../../src/model/receipt.ts';
import type { Store } from '../../src/store.ts';
import { delivered, draft, madeUpDevices } from './context.ts';

const MAX_BATCH = 10;
const PAGE = 3000;
/** Of the receipts: the second time of each is less than twice as many after its first. */
const BLOCK = 500;

/** Makes devices and an announcement that was sent to all of them and has ended. The store has no other devices. */
export async function sendToAll(
  store: Store,
  count: number,
): Promise<{ announcementId: number; targets: string[] }> {
  const devices = madeUpDevices(count);
  await store.addDevices(devices);
  const announcementId = await store.createAnnouncement(draft);
  const key = { announcementId, round: 0, fromId: 0 };
  await store.startAnnouncement(key, 60_000);
  const claim = await store.claimHop(key, 'a', 600_000);
  if (claim.kind !== 'claimed') throw new Error(`expected a claimed hop, got ${claim.kind}`);
  for (let fromId = 1; fromId <= count; fromId += PAGE) {
    const page = await store.fetchDevices(fromId, PAGE);
    const outcomes = page.map(({ deviceId }) => ({ deviceId, ...delivered, retryInMs: null }));
    await store.recordDeliveries(claim.hop, outcomes);
  }
  await store.moveAnnouncement(announcementId, ['running'], 'cancelled', 'all are sent');
  return { announcementId, targets: devices.map(({ target }) => target) };
}

/**
 * The bodies of the requests in which the phones of the targets send that they have received and opened a push, each receipt
 * twice: in requests of 1 to 10, in other company the second time, and in part at the same time.
 */
export function receiptsTwice(
  announcementId: number,
  targets: readonly string[],
): { readonly receipts: readonly SentReceipt[] }[] {
  const once = targets.flatMap((target) =>
    RECEIPT_EVENTS.map((event): SentReceipt => ({ id: `${announcementId}`, target, event })),
  );
  const again: SentReceipt[] = [];
  for (let first = 0; first < once.length; first += BLOCK)
    again.push(...once.slice(first, first + BLOCK).toReversed());
  const [one, other] = [cutUp(once), cutUp(again)];
  return one.flatMap((receipts, nth) => [receipts, other[nth] ?? []]).map((receipts) => ({ receipts }));
}

/** In turn 1, 2, 3 to 10 of them. */
function cutUp(receipts: readonly SentReceipt[]): SentReceipt[][] {
  const batches: SentReceipt[][] = [];
  for (let first = 0, size = 1; first < receipts.length; first += size, size = (size % MAX_BATCH) + 1)
    batches.push(receipts.slice(first, first + size));
  return batches;
}

/** Whether each receipt of each of the devices is counted, and counted once. */
export function countedOnce(
  counts: ReadonlyMap<number, ReceiptCounts>,
  announcementId: number,
  devices: number,
): boolean {
  return RECEIPT_EVENTS.every((event) => counts.get(announcementId)?.[event] === devices);
}

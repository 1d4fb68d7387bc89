import { expect, test } from 'vitest';
import { madeUpDevices } from '../support/context.ts';
import { delivered, describeStores, draft, retryable } from './contract.ts';

await describeStores('pushes whose retries end', ({ store, startHop, claim }) => {
  test('the hops’ numbers follow the ledger, also where two invocations end the retries at once', async () => {
    await store.addDevices(madeUpDevices(3));
    const key = await startHop({ ...draft, ttlSeconds: 1 });
    const hop = await claim(key, 'first');
    await store.turnPage(hop, { lastId: 3, nextId: null }, 0, 3);
    const deliveries = [
      { deviceId: 1, ...delivered },
      { deviceId: 2, ...retryable },
      { deviceId: 3, ...retryable, verdict: 'unknown' as const },
    ];
    const counts = { delivered: 1, retryable: 1, unknown: 1, rejected: 0 };
    const none = { unregistered: 0, misconfigured: 0, unsent: 0 };
    const work = { waitMs: 0, readMs: 0, sendMs: 0, recordMs: 0, sent: 3, answers: [3], reasons: {} };
    await store.recordDeliveries(hop, deliveries, {
      batch: { number: 1, work, counts: { ...counts, ...none } },
    });
    await store.closeHop(hop, work);
    // The next attempt would be after the time to live.
    expect(await store.plantRound(key.announcementId, 1)).toBe(false);
    await Promise.all([1, 2].map(() => store.settleRetries(key.announcementId, 0)));
    const ledger = await store.countDeliveries(key.announcementId);
    expect(ledger).toEqual({ delivered: 1, rejected: 1, unknown: 1, retryable: 0, ...none });
    const totals = (await store.fetchTotals([key.announcementId])).get(key.announcementId);
    expect(totals?.counts).toEqual(ledger);
  });

  test('a device that is gone when its hop is repeated no longer counts as read', async () => {
    const key = await startHop();
    const first = await claim(key, 'killed');
    await store.turnPage(first, { lastId: 3, nextId: null }, 0, 3);
    await store.recordDeliveries(
      first,
      [1, 2].map((deviceId) => ({ deviceId, ...delivered })),
    );
    await store.releaseHop(first);
    // The third device was deleted, or a message of the same mailing found it unregistered.
    await store.closeHop(await claim(key, 'repeat'));
    const totals = (await store.fetchTotals([key.announcementId])).get(key.announcementId);
    expect(totals).toMatchObject({ read: 2, isRead: true, counts: { delivered: 2 } });
  });
});

import type { Delivery } from '../../src/model/delivery.ts';
import type { HopKey } from '../../src/model/hop.ts';
import { expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { openStore } from '../../src/db/open.ts';
import { PushError } from '../../src/errors.ts';
import { madeUpDevices } from '../support/context.ts';
import { delivered, describeStores, type Entry, LEASE_MS, retryable } from './contract.ts';

await describeStores('deliveries', ({ database, store, startHop, claim, passTime }) => {
  test('a full page of results is recorded, and recording it again changes nothing', async () => {
    const hop = await claim(await startHop(), 'a');
    const deliveries = Array.from({ length: 3000 }, (_, nth): Delivery => ({
      deviceId: nth + 1,
      ...delivered,
    }));
    await store.recordDeliveries(hop, deliveries);
    await store.recordDeliveries(hop, deliveries);
    const verdicts = await store.fetchVerdicts(hop.announcementId, 1, 3000);
    expect(verdicts.size).toBe(3000);
    expect(await store.countDeliveries(hop.announcementId)).toEqual({
      delivered: 3000,
      unregistered: 0,
      rejected: 0,
      retryable: 0,
      misconfigured: 0,
      unknown: 0,
      unsent: 0,
    });
    expect([...(await store.fetchVerdicts(hop.announcementId, 10, 11)).keys()]).toEqual([10, 11]);
  });

  test.each([
    [9000, 'messages', (nth: number) => ({ messageId: nth + 1, deviceId: 0 })],
    [1200, 'messages to a device each', (nth: number) => ({ messageId: nth + 1, deviceId: 9000 - nth })],
    [9000, 'devices', (nth: number) => ({ deviceId: nth + 1 })],
  ])('the refusals of %d %s are recorded and counted in full', async (pushes, _name, idOf) => {
    const hop = await claim(await startHop(), 'a');
    const refused = Array.from({ length: pushes }, (_, nth): Delivery => ({
      ...idOf(nth),
      ...{ verdict: 'rejected', reason: 'NO_TEMPLATE', messageName: null, retryInMs: null },
    }));
    await store.recordDeliveries(hop, refused);
    // A repeat counts nothing twice.
    await store.recordDeliveries(hop, refused.slice(0, 600));
    const { announcementId } = hop;
    const totals = (await store.fetchTotals([announcementId])).get(announcementId)!;
    expect(totals.counts).toEqual(await store.countDeliveries(announcementId));
    expect(totals.counts.rejected).toBe(pushes);
    const [summary] = await store.fetchHopSummaries(announcementId);
    expect(summary?.work.reasons['NO_TEMPLATE']).toMatchObject({ pushes });
  });

  test('a final verdict stays; any other verdict is replaced', async () => {
    const key = await claim(await startHop(), 'a');
    const record = (deviceId: number, entry: Entry) => store.recordDeliveries(key, [{ deviceId, ...entry }]);
    await record(1, delivered);
    await record(1, retryable);
    await record(2, retryable);
    await record(2, delivered);
    await record(3, { ...retryable, verdict: 'unknown' });
    await record(3, { ...retryable, verdict: 'unregistered' });
    await record(3, retryable);
    expect(Object.fromEntries(await store.fetchVerdicts(key.announcementId, 1, 3))).toEqual({
      1: 'delivered',
      2: 'delivered',
      3: 'unregistered',
    });
  });

  test('the deliveries of one verdict are read in order, page by page', async () => {
    const hop = await claim(await startHop(), 'a');
    const unknown: Entry = { ...retryable, verdict: 'unknown' };
    const ids = [5, 3, 9, 7];
    await store.recordDeliveries(hop, [
      { deviceId: 4, ...delivered },
      ...ids.map((deviceId) => ({ deviceId, ...unknown })),
    ]);
    const read = async (deviceId: number) => {
      const after = { messageId: 0, deviceId };
      return store.fetchDeliveries(hop.announcementId, 'unknown', after, 3);
    };
    const { reason } = unknown;
    expect(await read(0)).toEqual([3, 5, 7].map((deviceId) => ({ messageId: 0, deviceId, reason })));
    expect(await read(7)).toEqual([{ messageId: 0, deviceId: 9, reason }]);
    expect(await read(9)).toEqual([]);
  });

  test('a retry round has exactly the devices that must be sent again, each once', async () => {
    await store.addDevices(madeUpDevices(6));
    const [a, b, c, d] = (await store.fetchPage(0, null, 4)).map(({ deviceId }) => deviceId);
    const key = await startHop();
    const hop = await claim(key, 'a');
    await store.recordDeliveries(hop, [
      { deviceId: a!, ...delivered },
      { deviceId: b!, ...retryable, retryInMs: 0 },
      { deviceId: c!, ...retryable, verdict: 'unknown', retryInMs: 0 },
      { deviceId: d!, ...retryable, verdict: 'unknown', retryInMs: null },
    ]);
    expect(await store.plantRound(key.announcementId, 1)).toBe(true);
    expect(await store.plantRound(key.announcementId, 1)).toBe(false);
    await store.closeHop(hop);
    const round = { ...key, round: 1 };
    const ids = async (from: HopKey) =>
      (await store.fetchRetryPage(from, null, 10)).map(({ deviceId }) => deviceId);
    expect(await ids(round)).toEqual([b, c]);
    expect(await ids({ ...round, fromId: c! })).toEqual([c]);
    await store.recordDeliveries(await claim(round, 'b'), [{ deviceId: b!, ...retryable, retryInMs: 0 }]);
    expect(await ids(round)).toEqual([c]);
    expect(await ids({ ...round, round: 2 })).toEqual([b, c]);
  });

  test('a retryable delivery is rejected once no retry is left, and not before', async () => {
    const key = await startHop();
    const hop = await claim(key, 'a');
    await store.recordDeliveries(hop, [
      { deviceId: 1, ...retryable },
      { deviceId: 2, ...retryable, verdict: 'unknown' },
    ]);
    await store.settleRetries(key.announcementId, 0);
    expect(await store.countDeliveries(key.announcementId)).toMatchObject({ retryable: 1, unknown: 1 });
    await store.closeHop(hop);
    await store.settleRetries(key.announcementId, 0);
    expect(await store.countDeliveries(key.announcementId)).toMatchObject({
      rejected: 1,
      unknown: 1,
      retryable: 0,
    });
    expect(await store.plantRound(key.announcementId, 1)).toBe(false);
  });

  test('eight invocations record neighbouring pages at the same time without an error', async () => {
    const key = await startHop();
    const hops = [await claim(key, 'lane 0')];
    for (let lane = 1; lane < 8; lane++) {
      await store.turnPage(hops[lane - 1]!, { lastId: lane * 1000, nextId: lane * 1000 + 1 }, LEASE_MS);
      hops.push(await claim({ ...key, fromId: lane * 1000 + 1 }, `lane ${lane}`));
    }
    await Promise.all(
      hops.map(async (hop, lane) => {
        const own = await openStore(database.config, systemClock);
        for (let chunk = 0; chunk < 10; chunk++) {
          const first = lane * 1000 + chunk * 100;
          const rows = Array.from({ length: 100 }, (_, nth) => ({ deviceId: first + nth + 1, ...retryable }));
          await own.recordDeliveries(hop, rows);
        }
        await own.close();
      }),
    );
    expect((await store.countDeliveries(key.announcementId)).retryable).toBe(8000);
  });

  test('an invocation that lost its hop records final verdicts and nothing else', async () => {
    const key = await startHop();
    const lost = await claim(key, 'first');
    await passTime(LEASE_MS + 1);
    const holder = await claim(key, 'second');
    await store.holdHop(holder, LEASE_MS, [
      { deviceId: 1, target: 'a', targetKind: 'token' },
      { deviceId: 2, target: 'b', targetKind: 'token' },
      { deviceId: 3, target: 'c', targetKind: 'token' },
    ]);
    await store.recordDeliveries(lost, [
      { deviceId: 1, ...delivered },
      { deviceId: 2, ...retryable },
      { deviceId: 3, ...retryable, verdict: 'misconfigured' },
      { deviceId: 4, ...retryable },
    ]);
    expect(Object.fromEntries(await store.fetchVerdicts(key.announcementId, 1, 4))).toEqual({
      1: 'delivered',
      2: 'unknown',
      3: 'unknown',
    });
    const device = { deviceId: 5, target: 'd', targetKind: 'token' } as const;
    expect(await store.holdHop(lost, LEASE_MS, [device])).toBe(false);
    expect((await store.fetchVerdicts(key.announcementId, 5, 5)).size).toBe(0);
  });

  test('what proves that the ledger can be written leaves nothing in it', async () => {
    const key = await startHop();
    const hop = await claim(key, 'a');
    await store.recordDeliveries(hop, [{ deviceId: 1, ...delivered }]);
    expect(await store.proveRecording(hop)).toBe(true);
    expect(await store.proveRecording(hop)).toBe(true);
    const proofs = await store.countDeliveries(Number.MAX_SAFE_INTEGER);
    expect(Object.values(proofs).every((count) => count === 0)).toBe(true);
    expect(await store.countDeliveries(key.announcementId)).toMatchObject({ delivered: 1, misconfigured: 0 });
    await passTime(LEASE_MS + 1);
    await claim(key, 'b');
    expect(await store.proveRecording(hop)).toBe(false);
  });

  test('a wait that no time column can hold is cut', async () => {
    const key = await startHop();
    const hop = await claim(key, 'a');
    await store.recordDeliveries(hop, [{ deviceId: 1, ...retryable, retryInMs: 1e18 }]);
    expect(await store.plantRound(key.announcementId, 1)).toBe(true);
    await passTime(28 * 86_400_000);
    await claim({ ...key, round: 1 }, 'b');
  });

  test('an invocation that ends a round late does not change a later round', async () => {
    const key = await startHop();
    const hop = await claim(key, 'a');
    await store.recordDeliveries(hop, [{ deviceId: 1, ...retryable, retryInMs: 0 }]);
    await store.closeHop(hop);
    await store.plantRound(key.announcementId, 1);
    const second = await claim({ ...key, round: 1 }, 'b');
    await store.recordDeliveries(second, [{ deviceId: 1, ...retryable, retryInMs: 0 }]);
    await store.closeHop(second);
    await store.settleRetries(key.announcementId, 0);
    expect(await store.finishAnnouncement(key.announcementId, 0)).toBe(false);
    expect(await store.countDeliveries(key.announcementId)).toMatchObject({ retryable: 1 });
    await store.settleRetries(key.announcementId, 1);
    expect(await store.finishAnnouncement(key.announcementId, 1)).toBe(true);
    expect(await store.countDeliveries(key.announcementId)).toMatchObject({ rejected: 1 });
  });

  test('a statement that the database refuses is a PushError', async () => {
    const hop = await claim(await startHop(), 'a');
    const invalid = [{ deviceId: -1, ...delivered, verdict: null as never }];
    await expect(store.recordDeliveries(hop, invalid)).rejects.toThrow(PushError);
  });
});

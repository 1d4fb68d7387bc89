import type { Claim, Hop } from '../../src/model/hop.ts';
import { expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { openStore } from '../../src/db/open.ts';
import { madeUpDevices } from '../support/context.ts';
import { makeDatabase, passTime as passTimeIn } from '../support/database.ts';
import { describeStores, draft, LEASE_MS, retryable } from './contract.ts';

await describeStores('hops', ({ kind, store, other, startHop, claim, passTime }) => {
  test('of two claims at the same time, one succeeds', async () => {
    for (let round = 0; round < 10; round++) {
      const key = await startHop();
      const claims = await Promise.all([
        store.claimHop(key, 'a', LEASE_MS),
        other.claimHop(key, 'b', LEASE_MS),
      ]);
      expect(claims.map((each) => each.kind).toSorted()).toEqual(['claimed', 'leased']);
    }
  });

  test('a hop that was not planted cannot be claimed', async () => {
    const { announcementId } = await startHop();
    const key = { announcementId, round: 0, fromId: 77 };
    expect(await store.claimHop(key, 'a', LEASE_MS)).toEqual<Claim>({ kind: 'absent' });
  });

  test('a hop whose lease has run out is taken over, and its first owner can no longer change it', async () => {
    const key = await startHop();
    const first = await claim(key, 'first');
    expect(first).toMatchObject({ ...key, claims: 1, page: null, handedOver: false, toId: null });
    expect(await store.claimHop(key, 'second', LEASE_MS)).toEqual({ kind: 'leased' });
    await passTime(LEASE_MS + 1);
    const second = await claim(key, 'second');
    expect(second.claims).toBe(2);

    expect(await store.holdHop(first, LEASE_MS)).toBe(false);
    expect(await store.turnPage(first, { lastId: 10, nextId: 11 }, LEASE_MS)).toBe(false);
    expect(await store.closeHop(first)).toBe(false);
    await store.releaseHop(first);
    expect(await store.claimHop(key, 'third', LEASE_MS)).toEqual({ kind: 'leased' });
    expect(await store.claimHop({ ...key, fromId: 11 }, 'third', LEASE_MS)).toEqual({ kind: 'absent' });
    expect(await store.holdHop(second, LEASE_MS)).toBe(true);
  });

  test('holding a hop extends its lease', async () => {
    const key = await startHop();
    const hop = await claim(key, 'a');
    for (let beat = 0; beat < 4; beat++) {
      await passTime(LEASE_MS / 2);
      expect(await store.holdHop(hop, LEASE_MS)).toBe(true);
    }
    await passTime(LEASE_MS / 2);
    expect(await store.claimHop(key, 'b', LEASE_MS)).toEqual({ kind: 'leased' });
  });

  test('a hop is not held once its announcement is paused, but its lease is extended for what is in flight', async () => {
    const key = await startHop();
    const hop = await claim(key, 'a');
    await store.moveAnnouncement(key.announcementId, ['running'], 'paused', null);
    expect(await store.holdHop(hop, LEASE_MS)).toBe(false);
    await passTime(LEASE_MS - 1000);
    expect(await store.extendLease(hop, LEASE_MS)).toBe(true);
    await passTime(LEASE_MS - 1000);
    expect(await store.claimHop(key, 'b', LEASE_MS)).toEqual({ kind: 'leased' });
    await passTime(2000);
    await claim(key, 'c');
    expect(await store.extendLease(hop, LEASE_MS)).toBe(false);
  });

  test('only a recording resets the number of claims, and a claim that is postponed does not count', async () => {
    const key = await startHop();
    const claims = async (before: (hop: Hop) => Promise<unknown>): Promise<number> => {
      const hop = await claim(key, crypto.randomUUID());
      await before(hop);
      await store.releaseHop(hop);
      return hop.claims;
    };
    const record = (isProgress: boolean) => (hop: Hop) =>
      store.recordDeliveries(hop, [{ deviceId: 1, ...retryable }], { isProgress });
    expect(await claims(async () => {})).toBe(1);
    expect(await claims((hop) => store.holdHop(hop, LEASE_MS))).toBe(2);
    expect(await claims((hop) => store.extendLease(hop, LEASE_MS))).toBe(3);
    expect(await claims((hop) => store.turnPage(hop, { lastId: 10, nextId: null }, LEASE_MS))).toBe(4);
    expect(await claims((hop) => store.proveRecording(hop))).toBe(5);
    expect(await claims((hop) => store.markHandedOver(hop))).toBe(6);
    expect(await claims(record(false))).toBe(7);
    expect(await claims((hop) => store.postponeHop(hop, 0))).toBe(8);
    expect(await claims((hop) => store.postponeHop(hop, 0))).toBe(8);
    expect(await claims(record(true))).toBe(8);
    expect(await claims((hop) => store.postponeHop(hop, 0))).toBe(2);
    expect(await claims(async () => {})).toBe(2);
  });

  test('a claim says whether the claimant before did not give the hop back', async () => {
    const key = await startHop();
    const first = await claim(key, 'a');
    expect(first.isTakenOver).toBe(false);
    await store.releaseHop(first);
    expect((await claim(key, 'b')).isTakenOver).toBe(false);
    await passTime(LEASE_MS + 1);
    const third = await claim(key, 'c');
    expect(third.isTakenOver).toBe(true);
    expect(await store.claimHop(key, 'c', LEASE_MS)).toEqual({ kind: 'claimed', hop: third });
    expect(await store.holdHop(third, LEASE_MS)).toBe(true);
    await passTime(LEASE_MS + 1);
    const busy = await store.countBusyHops();
    expect(await store.reviveHop(key, LEASE_MS)).toBe(true);
    expect(await store.countBusyHops()).toBe(busy);
    const fourth = await claim(key, 'd');
    expect(fourth.isTakenOver).toBe(true);
    await store.releaseHop(fourth);
    const fifth = await claim(key, 'e');
    expect(fifth.isTakenOver).toBe(false);
    await store.releaseHop(fifth);
    await passTime(1);
    // Given back, and woken by the tick: there is no earlier claimant to wait for.
    expect(await store.reviveHop(key, LEASE_MS)).toBe(true);
    expect((await claim(key, 'f')).isTakenOver).toBe(false);
    expect(await store.countBusyHops()).toBe(busy + 1);
  });

  test('turning the page keeps its bounds and plants the next hop once', async () => {
    const key = await startHop();
    const hop = await claim(key, 'a');
    const bounds = { lastId: 3000, nextId: 3001 };
    expect(await store.turnPage(hop, bounds, LEASE_MS)).toBe(true);
    expect(await store.turnPage(hop, bounds, LEASE_MS)).toBe(true);
    await store.markHandedOver(hop);
    expect(await store.countHops(key.announcementId)).toEqual({ open: 2, closed: 0 });
    await store.releaseHop(hop);
    expect(await claim(key, 'b')).toMatchObject({ page: bounds, handedOver: true, claims: 2 });
    expect(await claim({ ...key, fromId: 3001 }, 'b')).toMatchObject({ claims: 1, page: null });
  });

  test('the last page plants no hop, and a closed hop stays closed', async () => {
    const key = await startHop();
    const hop = await claim(key, 'a');
    expect(await store.turnPage(hop, { lastId: 12, nextId: null }, LEASE_MS)).toBe(true);
    expect(await store.closeHop(hop)).toBe(true);
    expect(await store.claimHop(key, 'b', LEASE_MS)).toEqual({ kind: 'closed' });
    expect(await store.countHops(key.announcementId)).toEqual({ open: 0, closed: 1 });
  });

  test('only its owner turns a page or gives a hop back, and only a stalled hop is revived', async () => {
    const key = await startHop();
    const lost = await claim(key, 'first');
    await passTime(LEASE_MS + 1);
    await claim(key, 'second');
    expect(await store.turnPage(lost, { lastId: 10, nextId: 11 }, LEASE_MS)).toBe(false);
    expect(await store.claimHop({ ...key, fromId: 11 }, 'x', LEASE_MS)).toEqual({ kind: 'absent' });
    await store.releaseHop(lost);
    await store.postponeHop(lost, 0);
    expect(await store.reviveHop(key, LEASE_MS)).toBe(false);
    expect(await store.claimHop(key, 'third', LEASE_MS)).toEqual({ kind: 'leased' });
  });

  test('nothing is retried after the time to live', async () => {
    const start = async (ttlSeconds: number) => {
      const key = await startHop({ ...draft, ttlSeconds });
      await store.recordDeliveries(await claim(key, 'a'), [{ deviceId: 1, ...retryable, retryInMs: 30_000 }]);
      return key.announcementId;
    };
    expect(await store.plantRound(await start(20), 1)).toBe(false);
    expect(await store.plantRound(await start(40), 1)).toBe(true);
  });

  test('lanes divide the ids between them, each ends where the next begins, and all are planted together', async () => {
    const own = await makeDatabase(kind);
    const lanes = await openStore(own.config, systemClock);
    expect(await lanes.splitDevices(0, 4)).toEqual([]);
    await lanes.addDevices(madeUpDevices(100));
    const [first = 0] = (await lanes.fetchPage(0, null, 1)).map(({ deviceId }) => deviceId);
    const starts = await lanes.splitDevices(0, 4);
    expect(starts).toEqual([first + 25, first + 50, first + 75]);
    expect(await lanes.splitDevices(first + 98, 4)).toEqual([first + 99]);

    const announcementId = await lanes.createAnnouncement({ ...draft, lanes: 4 });
    const key = { announcementId, round: 0, fromId: 0 };
    expect(await lanes.startAnnouncement(key, 1, starts)).toBe(true);
    expect(await lanes.fetchSleepingLanes(key)).toEqual(starts);
    await passTimeIn(own, 1000);
    // No other lane is woken before the canary is judged.
    expect(await lanes.fetchStalled(10)).toEqual([key]);
    const canary = await lanes.claimHop(key, 'a', LEASE_MS);
    if (canary.kind !== 'claimed') throw new Error(canary.kind);
    expect(canary.hop).toMatchObject({ isCanary: true, toId: first + 24 });
    await lanes.markHandedOver(canary.hop);
    expect((await lanes.fetchStalled(10)).map(({ fromId }) => fromId)).toEqual(starts);
    const second = await lanes.claimHop({ ...key, fromId: starts[0]! }, 'b', LEASE_MS);
    expect(second).toMatchObject({ hop: { isCanary: false, toId: first + 49 } });
    const last = await lanes.claimHop({ ...key, fromId: starts[2]! }, 'c', LEASE_MS);
    expect(last).toMatchObject({ hop: { toId: null } });
    await lanes.close();
    await own.drop();
  });
});

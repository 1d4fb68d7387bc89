import type { NewAnnouncement } from '../../src/model/announcement.ts';
import type { Delivery } from '../../src/model/delivery.ts';
import type { Claim, Hop, HopKey } from '../../src/model/hop.ts';
import type { Store } from '../../src/store.ts';
import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { PushError } from '../../src/errors.ts';
import { openStore } from '../../src/db/open.ts';
import { madeUpDevices } from '../support/context.ts';
import { databaseKinds, makeDatabase, type TestDatabase } from '../support/database.ts';

const draft: NewAnnouncement = {
  source: 'default',
  guarantee: 'at-least-once',
  ttlSeconds: null,
  dryRun: false,
  lanes: 1,
  content: {
    title: 'Grüße 🎉',
    body: 'it\'s "on"\n\\',
    image: null,
    data: { ключ: 'значение' },
    options: { badge: 1 },
  },
};

const LEASE = 60_000;
const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

type Entry = Omit<Delivery, 'deviceId'>;

const delivered: Entry = {
  verdict: 'delivered',
  reason: null,
  messageName: 'projects/p/messages/1',
  retryInMs: null,
};
const retryable: Entry = {
  verdict: 'retryable',
  reason: 'UNAVAILABLE',
  messageName: null,
  retryInMs: 10_000,
};

describe.each(databaseKinds())('the %s store', (kind) => {
  let database: TestDatabase;
  let store: Store;
  /** A second process, as far as the database can tell. */
  let other: Store;

  beforeAll(async () => {
    database = await makeDatabase(kind);
    store = await openStore(database.config, systemClock);
    other = await openStore(database.config, systemClock);
  });

  afterAll(async () => {
    await store.close();
    await other.close();
    await database.drop();
  });

  async function startedHop(): Promise<HopKey> {
    const announcementId = await store.createAnnouncement(draft);
    const key = { announcementId, round: 0, fromId: 0 };
    expect(await store.startAnnouncement(key, LEASE)).toBe(true);
    return key;
  }

  async function claimed(key: HopKey, owner: string, leaseMs = LEASE): Promise<Hop> {
    const claim = await store.claimHop(key, owner, leaseMs);
    if (claim.kind !== 'claimed') throw new Error(`expected a claim, got ${claim.kind}`);
    return claim.hop;
  }

  test('an announcement comes back as it went in', async () => {
    const id = await store.createAnnouncement(draft);
    expect(await store.fetchAnnouncement(id)).toEqual({
      ...draft,
      announcementId: id,
      audience: 'devices',
      status: 'draft',
      statusReason: null,
      acceptUnregistered: false,
    });
    const picture = {
      ...draft,
      dryRun: true,
      guarantee: 'at-most-once',
      content: { ...draft.content, image: 'https://e.x/i.png' },
    } as const;
    expect(await store.fetchAnnouncement(await store.createAnnouncement(picture))).toMatchObject(picture);
    expect(await store.fetchAnnouncement(999_999)).toBeNull();
  });

  test('a status moves only from where it is said to be, and once', async () => {
    const id = await store.createAnnouncement(draft);
    expect(await store.moveAnnouncement(id, ['running', 'paused'], 'done', null)).toBe(false);
    expect(await store.moveAnnouncement(id, ['draft'], 'failed', 'for a reason')).toBe(true);
    expect(await store.moveAnnouncement(id, ['draft'], 'failed', 'for another')).toBe(false);
    expect(await store.fetchAnnouncement(id)).toMatchObject({
      status: 'failed',
      statusReason: 'for a reason',
    });
  });

  test('an announcement starts once, though two ask at once', async () => {
    const announcementId = await store.createAnnouncement(draft);
    const key = { announcementId, round: 0, fromId: 0 };
    const started = await Promise.all([
      store.startAnnouncement(key, LEASE),
      other.startAnnouncement(key, LEASE),
    ]);
    expect(started.filter(Boolean)).toHaveLength(1);
    expect(await store.countHops(announcementId)).toEqual({ open: 1, closed: 0 });
  });

  test('a start that comes too late plants nothing', async () => {
    const { announcementId } = await startedHop();
    const elsewhere = { announcementId, round: 0, fromId: 5000 };
    expect(await store.startAnnouncement(elsewhere, LEASE)).toBe(false);
    expect(await store.claimHop(elsewhere, 'a', LEASE)).toEqual({ kind: 'absent' });
  });

  test('devices keep their ids, and targets that differ in case are two', async () => {
    const before = await store.countDevices();
    const target = `Case-${kind}`;
    expect(await store.addDevices([{ target, targetKind: 'token' }])).toBe(1);
    expect(
      await store.addDevices([
        { target, targetKind: 'token' },
        { target: target.toLowerCase(), targetKind: 'fid' },
      ]),
    ).toBe(1);
    expect(await store.countDevices()).toBe(before + 2);
    const devices = await store.fetchPage(0, null, 100);
    expect(devices.filter((device) => device.target.toLowerCase() === target.toLowerCase())).toMatchObject([
      { target, targetKind: 'token' },
      { target: target.toLowerCase(), targetKind: 'fid' },
    ]);
  });

  test('a target longer than its column is refused, not cut short', async () => {
    const adding = store.addDevices([{ target: 'x'.repeat(513), targetKind: 'token' }]);
    await expect(adding).rejects.toThrow('target: expected at most 512 characters, got 513');
  });

  test('a device registered again keeps its id and takes up the new kind; removed, it is gone', async () => {
    const target = `registered-${kind}`;
    const deviceId = await store.registerDevice({ target, targetKind: 'token' });
    expect(await store.fetchPage(deviceId, deviceId, 1)).toEqual([{ deviceId, target, targetKind: 'token' }]);
    expect(await store.registerDevice({ target, targetKind: 'fid' })).toBe(deviceId);
    expect(await store.fetchPage(deviceId, deviceId, 1)).toEqual([{ deviceId, target, targetKind: 'fid' }]);
    expect(await store.removeDevice(target.toUpperCase())).toBe(false);
    expect(await store.removeDevice(target)).toBe(true);
    expect(await store.removeDevice(target)).toBe(false);
  });

  test('a page is the devices from a cursor on, in order, both ends included', async () => {
    await store.addDevices(
      Array.from({ length: 50 }, (_, nth) => ({ target: `page-${nth}`, targetKind: 'token' as const })),
    );
    const all = (await store.fetchPage(0, null, 10_000)).map(({ deviceId }) => deviceId);
    expect(all).toEqual(all.toSorted((a, b) => a - b));
    const page = async (from: number, to: number | null, limit: number) =>
      (await store.fetchPage(from, to, limit)).map(({ deviceId }) => deviceId);
    expect(await page(all[5]!, null, 10)).toEqual(all.slice(5, 15));
    expect(await page(all[5]!, all[7]!, 10)).toEqual(all.slice(5, 8));
    expect(await page(all.at(-1)! + 1, null, 10)).toEqual([]);
  });

  test('of two claims at once, one wins', async () => {
    for (let round = 0; round < 10; round++) {
      const key = await startedHop();
      const claims = await Promise.all([store.claimHop(key, 'a', LEASE), other.claimHop(key, 'b', LEASE)]);
      expect(claims.map((claim) => claim.kind).toSorted()).toEqual(['claimed', 'leased']);
    }
  });

  test('a hop nobody planted cannot be claimed', async () => {
    const { announcementId } = await startedHop();
    const key = { announcementId, round: 0, fromId: 77 };
    expect(await store.claimHop(key, 'a', LEASE)).toEqual<Claim>({ kind: 'absent' });
  });

  test('a hop whose lease ran out is taken over, and the first owner can do nothing to it any more', async () => {
    const key = await startedHop();
    const first = await claimed(key, 'first', 50);
    expect(first).toMatchObject({ ...key, claims: 1, page: null, handedOver: false, toId: null });
    await sleep(80);
    const second = await claimed(key, 'second');
    expect(second.claims).toBe(2);

    expect(await store.holdHop(first, LEASE)).toBe(false);
    expect(await store.turnPage(first, { lastId: 10, nextId: 11 }, LEASE)).toBe(false);
    expect(await store.closeHop(first)).toBe(false);
    await store.releaseHop(first);
    expect(await store.claimHop(key, 'third', LEASE)).toEqual({ kind: 'leased' });
    expect(await store.claimHop({ ...key, fromId: 11 }, 'third', LEASE)).toEqual({ kind: 'absent' });
    expect(await store.holdHop(second, LEASE)).toBe(true);
  });

  test('holding a hop extends its lease', async () => {
    const key = await startedHop();
    const hop = await claimed(key, 'a', 150);
    for (let beat = 0; beat < 4; beat++) {
      await sleep(60);
      expect(await store.holdHop(hop, 150)).toBe(true);
    }
    expect(await store.claimHop(key, 'b', LEASE)).toEqual({ kind: 'leased' });
  });

  test('a hop is not held once its announcement is paused', async () => {
    const key = await startedHop();
    const hop = await claimed(key, 'a');
    await store.moveAnnouncement(key.announcementId, ['running'], 'paused', null);
    expect(await store.holdHop(hop, LEASE)).toBe(false);
  });

  test('turning the page keeps its bounds and plants the next hop, once', async () => {
    const key = await startedHop();
    const hop = await claimed(key, 'a');
    const bounds = { lastId: 3000, nextId: 3001 };
    expect(await store.turnPage(hop, bounds, LEASE)).toBe(true);
    expect(await store.turnPage(hop, bounds, LEASE)).toBe(true);
    await store.markHandedOver(hop);
    expect(await store.countHops(key.announcementId)).toEqual({ open: 2, closed: 0 });
    await store.releaseHop(hop);
    expect(await claimed(key, 'b')).toMatchObject({ page: bounds, handedOver: true, claims: 2 });
    expect(await claimed({ ...key, fromId: 3001 }, 'b')).toMatchObject({ claims: 1, page: null });
  });

  test('the last page plants nothing, and a closed hop stays closed', async () => {
    const key = await startedHop();
    const hop = await claimed(key, 'a');
    expect(await store.turnPage(hop, { lastId: 12, nextId: null }, LEASE)).toBe(true);
    expect(await store.closeHop(hop)).toBe(true);
    expect(await store.claimHop(key, 'b', LEASE)).toEqual({ kind: 'closed' });
    expect(await store.countHops(key.announcementId)).toEqual({ open: 0, closed: 1 });
  });

  test('a page of results is recorded in one go, and recording it again changes nothing', async () => {
    const key = await claimed(await startedHop(), 'a');
    const deliveries = Array.from({ length: 3000 }, (_, nth): Delivery => ({
      deviceId: nth + 1,
      ...delivered,
    }));
    await store.recordDeliveries(key, deliveries);
    await store.recordDeliveries(key, deliveries);
    const verdicts = await store.fetchVerdicts(key.announcementId, 1, 3000);
    expect(verdicts.size).toBe(3000);
    expect(await store.countDeliveries(key.announcementId)).toEqual({
      delivered: 3000,
      unregistered: 0,
      rejected: 0,
      retryable: 0,
      misconfigured: 0,
      unknown: 0,
      unsent: 0,
    });
    expect([...(await store.fetchVerdicts(key.announcementId, 10, 11)).keys()]).toEqual([10, 11]);
  });

  test('a final verdict stays; one that is not final gives way', async () => {
    const key = await claimed(await startedHop(), 'a');
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

  test('the deliveries of one verdict are read in order, page after page', async () => {
    const hop = await claimed(await startedHop(), 'a');
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

  test('a retry round has just the devices that are to be tried again, and each once', async () => {
    await store.addDevices(madeUpDevices(6));
    const [a, b, c, d] = (await store.fetchPage(0, null, 4)).map(({ deviceId }) => deviceId);
    const key = await startedHop();
    const hop = await claimed(key, 'a');
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
    await store.recordDeliveries(await claimed(round, 'b'), [{ deviceId: b!, ...retryable, retryInMs: 0 }]);
    expect(await ids(round)).toEqual([c]);
    expect(await ids({ ...round, round: 2 })).toEqual([b, c]);
  });

  describe('devices whose app is gone', () => {
    const gone: Entry = { ...delivered, verdict: 'unregistered', reason: 'UNREGISTERED', messageName: null };

    /** The ids of so many new devices. */
    async function addSome(count: number): Promise<number[]> {
      const targets = Array.from({ length: count }, (): string => crypto.randomUUID());
      await store.addDevices(targets.map((target) => ({ target, targetKind: 'token' })));
      const all = await store.fetchDevices(0, 100_000);
      return all.filter(({ target }) => targets.includes(target)).map(({ deviceId }) => deviceId);
    }
    const page = async (from: number) =>
      (await store.fetchPage(from, null, 100)).map(({ deviceId }) => deviceId);

    test('are left out of pages from the record on, whoever made it, and are back if they register again', async () => {
      const [a, b, c] = await addSome(3);
      const key = await startedHop();
      const hop = await claimed(key, 'a', 1);
      const before = await store.countDevices();
      await store.recordDeliveries(hop, [
        { deviceId: a!, ...gone },
        { deviceId: c!, ...delivered },
      ]);
      expect(await page(a!)).toEqual([b, c]);
      await sleep(20);
      await claimed(key, 'b');
      // A run that has lost the hop: what FCM said is true all the same.
      await store.recordDeliveries(hop, [{ deviceId: b!, ...gone }]);
      expect(await page(a!)).toEqual([c]);
      expect(await store.countDevices()).toBe(before - 2);
      const { announcementId } = key;
      expect(await store.countUnregistered()).toContainEqual({ announcementId, devices: 2 });
      const all = await store.fetchDevices(a!, 3);
      expect(all.map(({ unregisteredBy }) => unregisteredBy)).toEqual([announcementId, announcementId, null]);

      const { target, targetKind } = all[0]!;
      expect(await store.addDevices([{ target, targetKind }])).toBe(0);
      expect(await page(a!)).toEqual([a, c]);
      expect(await store.registerDevice(all[1]!)).toBe(b);
      expect(await page(a!)).toEqual([a, b, c]);
    });

    test('are taken back in for one announcement, and stay left out for another', async () => {
      const [a, b] = await addSome(2);
      for (const deviceId of [a!, b!]) {
        await store.recordDeliveries(await claimed(await startedHop(), 'a'), [{ deviceId, ...gone }]);
      }
      const [, second] = await store.fetchDevices(a!, 2);
      expect(await store.restoreDevices(second!.unregisteredBy!)).toBe(1);
      expect(await store.restoreDevices(second!.unregisteredBy!)).toBe(0);
      expect(await page(a!)).toEqual([b]);
    });

    test('are just noted by a dry run, and by no other verdict', async () => {
      const [a, b] = await addSome(2);
      const announcementId = await store.createAnnouncement({ ...draft, dryRun: true });
      const key = { announcementId, round: 0, fromId: 0 };
      await store.startAnnouncement(key, LEASE);
      await store.recordDeliveries(await claimed(key, 'a'), [{ deviceId: a!, ...gone }]);
      const hop = await claimed(await startedHop(), 'a');
      for (const verdict of ['rejected', 'misconfigured', 'unknown'] as const) {
        await store.recordDeliveries(hop, [{ deviceId: b!, ...retryable, verdict }]);
      }
      expect(await page(a!)).toEqual([a, b]);
    });

    test('still belong to a page that was planted before, so that its repeat has the same devices', async () => {
      const [a, b, c] = await addSome(3);
      const before = await claimed(await startedHop(), 'a');
      await sleep(5);
      await store.recordDeliveries(await claimed(await startedHop(), 'a'), [{ deviceId: b!, ...gone }]);
      await sleep(5);
      const after = await claimed(await startedHop(), 'a');
      const again = async (hop: Hop) =>
        (await store.fetchPageAgain({ ...hop, fromId: 0 }, c!))
          .map(({ deviceId }) => deviceId)
          .filter((deviceId) => deviceId >= a!);
      expect(await again(before)).toEqual([a, b, c]);
      expect(await again(after)).toEqual([a, c]);
    });
  });

  test('lanes share the ids out, each up to where the next begins, and are planted together', async () => {
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
    await sleep(20);
    // None of the others is woken before the first chunk of all is judged.
    expect(await lanes.fetchStalled(10)).toEqual([key]);
    const claim = await lanes.claimHop(key, 'a', LEASE);
    if (claim.kind !== 'claimed') throw new Error(claim.kind);
    expect(claim.hop).toMatchObject({ isCanary: true, toId: first + 24 });
    await lanes.markHandedOver(claim.hop);
    expect((await lanes.fetchStalled(10)).map(({ fromId }) => fromId)).toEqual(starts);
    const second = await lanes.claimHop({ ...key, fromId: starts[0]! }, 'b', LEASE);
    expect(second).toMatchObject({ hop: { isCanary: false, toId: first + 49 } });
    const last = await lanes.claimHop({ ...key, fromId: starts[2]! }, 'c', LEASE);
    expect(last).toMatchObject({ hop: { toId: null } });
    await lanes.close();
    await own.drop();
  });

  test('when nothing is tried again any more, what FCM did not take is rejected, and only then', async () => {
    const key = await startedHop();
    const hop = await claimed(key, 'a');
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

  test('nothing is tried again after the time to live', async () => {
    const start = async (ttlSeconds: number) => {
      const announcementId = await store.createAnnouncement({ ...draft, ttlSeconds });
      const key = { announcementId, round: 0, fromId: 0 };
      await store.startAnnouncement(key, LEASE);
      await store.recordDeliveries(await claimed(key, 'a'), [
        { deviceId: 1, ...retryable, retryInMs: 30_000 },
      ]);
      return announcementId;
    };
    expect(await store.plantRound(await start(20), 1)).toBe(false);
    expect(await store.plantRound(await start(40), 1)).toBe(true);
  });

  test("eight that record neighbouring pages at once get in nobody's way", async () => {
    const key = await startedHop();
    const hops = [await claimed(key, 'lane 0')];
    for (let lane = 1; lane < 8; lane++) {
      await store.turnPage(hops[lane - 1]!, { lastId: lane * 1000, nextId: lane * 1000 + 1 }, LEASE);
      hops.push(await claimed({ ...key, fromId: lane * 1000 + 1 }, `lane ${lane}`));
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

  test('a run that lost its hop records what FCM has said for good, and nothing else', async () => {
    const key = await startedHop();
    const lost = await claimed(key, 'first', 1);
    await sleep(20);
    const holder = await claimed(key, 'second');
    await store.holdHop(holder, LEASE, [
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
    expect(await store.holdHop(lost, LEASE, [device])).toBe(false);
    expect((await store.fetchVerdicts(key.announcementId, 5, 5)).size).toBe(0);
  });

  test('a run that comes late to the end of a round leaves a later round alone', async () => {
    const key = await startedHop();
    const hop = await claimed(key, 'a');
    await store.recordDeliveries(hop, [{ deviceId: 1, ...retryable, retryInMs: 0 }]);
    await store.closeHop(hop);
    await store.plantRound(key.announcementId, 1);
    const second = await claimed({ ...key, round: 1 }, 'b');
    await store.recordDeliveries(second, [{ deviceId: 1, ...retryable, retryInMs: 0 }]);
    await store.closeHop(second);
    await store.settleRetries(key.announcementId, 0);
    expect(await store.finishAnnouncement(key.announcementId, 0)).toBe(false);
    expect(await store.countDeliveries(key.announcementId)).toMatchObject({ retryable: 1 });
    await store.settleRetries(key.announcementId, 1);
    expect(await store.finishAnnouncement(key.announcementId, 1)).toBe(true);
    expect(await store.countDeliveries(key.announcementId)).toMatchObject({ rejected: 1 });
  });

  test('only its owner turns a page or gives a hop back, and only a hop whose time is up is revived', async () => {
    const key = await startedHop();
    const lost = await claimed(key, 'first', 1);
    await sleep(20);
    await claimed(key, 'second');
    expect(await store.turnPage(lost, { lastId: 10, nextId: 11 }, LEASE)).toBe(false);
    expect(await store.claimHop({ ...key, fromId: 11 }, 'x', LEASE)).toEqual({ kind: 'absent' });
    await store.releaseHop(lost);
    await store.postponeHop(lost, 0);
    expect(await store.reviveHop(key, LEASE)).toBe(false);
    expect(await store.claimHop(key, 'third', LEASE)).toEqual({ kind: 'leased' });
  });

  test('a tick is one row, however often it ticks, and its age is told by the database', async () => {
    expect(await store.fetchTickAgeMs()).toBe(null);
    await store.recordTick();
    await sleep(50);
    expect(await store.fetchTickAgeMs()).toBeGreaterThanOrEqual(40);
    const atSecond = performance.now();
    await store.recordTick();
    const age = await store.fetchTickAgeMs();
    // Two readings of milliseconds, each cut short.
    expect(age).toBeLessThanOrEqual(performance.now() - atSecond + 2);
  });

  test('the tables are made once, though two processes ask at once', async () => {
    const fresh = await makeDatabase(kind, { migrated: false });
    await expect(openStore(fresh.config, systemClock)).rejects.toThrow('got 0: run `baton migrate`');
    const migrate = async () => {
      const env = { ...process.env, DATABASE_URL: fresh.url };
      return (await promisify(execFile)(process.execPath, [MAIN, 'migrate'], { env })).stdout;
    };
    const told = await Promise.all([migrate(), migrate()]);
    expect(told.toSorted()).toEqual(['applied 001-broadcast\napplied 002-guarantee\n', 'nothing to do\n']);
    await (await openStore(fresh.config, systemClock)).close();
    await fresh.drop();
  });

  test('what the database refuses is a PushError', async () => {
    const hop = await claimed(await startedHop(), 'a');
    const bad = [{ deviceId: -1, ...delivered, verdict: null as never }];
    await expect(store.recordDeliveries(hop, bad)).rejects.toThrow(PushError);
  });
});

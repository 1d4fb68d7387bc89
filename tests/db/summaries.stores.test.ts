import { expect, onTestFinished, test } from 'vitest';
import { Tally } from '../../src/broadcast/tally.ts';
import { systemClock } from '../../src/clock.ts';
import { openDriver } from '../../src/db/open.ts';
import { sql } from '../../src/db/sql.ts';
import { countVerdicts, type Counts, type Delivery } from '../../src/model/delivery.ts';
import type { HopKey } from '../../src/model/hop.ts';
import { balanceOf, type HopWork } from '../../src/model/summary.ts';
import { madeUpDevices, toMember } from '../support/context.ts';
import { delivered, describeStores, draft, LEASE_MS, retryable } from './contract.ts';

const work: HopWork = {
  ...{ waitMs: 1, readMs: 2, sendMs: 3, recordMs: 4, sent: 5, answers: [1, 0, 2] },
  reasons: { UNAVAILABLE: { pushes: 1, firstAt: 10, lastAt: 20 } },
};

await describeStores('what hops have done', ({ kind, database, store, startHop, claim, passTime }) => {
  const addDevices = async (count: number): Promise<number[]> => {
    const targets = madeUpDevices(count).map((device) => ({ ...device, target: crypto.randomUUID() }));
    const ids = await Promise.all(targets.map((device) => store.registerDevice(device)));
    return ids.toSorted((one, other) => one - other);
  };
  const totalsOf = async ({ announcementId }: Pick<HopKey, 'announcementId'>) =>
    (await store.fetchTotals([announcementId])).get(announcementId)!;
  const countsOf = async (key: HopKey): Promise<Counts> => (await totalsOf(key)).counts;
  const ledgerOf = ({ announcementId }: HopKey): Promise<Counts> => store.countDeliveries(announcementId);
  const batchOf = (number: number, deliveries: readonly Delivery[]) => ({
    batch: { number, work, counts: countVerdicts(deliveries) },
  });
  const due = { ...retryable, retryInMs: 0 };

  test('a batch counts once, though its transaction may run twice', async () => {
    const [a = 0, b = 0] = await addDevices(2);
    const key = await startHop();
    const hop = await claim(key, 'a');
    const deliveries = [
      { deviceId: a, ...delivered },
      { deviceId: b, ...due },
    ];
    await store.recordDeliveries(hop, deliveries, batchOf(1, deliveries));
    await store.recordDeliveries(hop, deliveries, batchOf(1, deliveries));
    expect(await countsOf(key)).toEqual({ ...countVerdicts([]), delivered: 1, retryable: 1 });
    expect(await countsOf(key)).toEqual(await ledgerOf(key));
    expect(await claim(key, 'b').catch(() => null)).toBeNull();
    await store.releaseHop(hop, 'out of time');
    expect(await claim(key, 'b')).toMatchObject({ batches: 1, work });
    expect(await store.fetchHopSummaries(key.announcementId)).toMatchObject([
      { work, givenBack: 1, backReason: 'out of time', takenOver: 0, isHeld: true, woken: 0 },
    ]);
  });

  test('an answer that arrives after its hop has ended, or from a claimant that has lost it, is counted in place of what was there', async () => {
    const [a = 0, b = 0, c = 0] = await addDevices(3);
    const key = await startHop();
    const hop = await claim(key, 'a');
    await store.turnPage(hop, { lastId: c, nextId: null }, LEASE_MS, 3);
    const deliveries: Delivery[] = [
      { deviceId: a, ...due, verdict: 'unknown' },
      { deviceId: b, ...due },
    ];
    await store.recordDeliveries(hop, deliveries, batchOf(1, deliveries));
    await passTime(LEASE_MS + 1);
    const holder = await claim(key, 'b');
    const late: Delivery[] = [
      { deviceId: a, ...delivered },
      { deviceId: b, ...delivered, verdict: 'unregistered' },
      { deviceId: c, ...delivered },
    ];
    await store.recordDeliveries(hop, late, batchOf(2, late));
    await store.recordDeliveries(hop, late, batchOf(2, late));
    expect(await countsOf(key)).toEqual({ ...countVerdicts([]), delivered: 2, unregistered: 1 });
    expect(await countsOf(key)).toEqual(await ledgerOf(key));
    expect((await store.fetchHopSummaries(key.announcementId))[0]).toMatchObject({ takenOver: 1 });
    // The repeat counts its page anew.
    await store.recordDeliveries(holder, [{ deviceId: c, ...delivered }], batchOf(3, late));
    expect(await store.closeHop(holder, work)).toBe(true);
    expect(await countsOf(key)).toEqual(await ledgerOf(key));
  });

  test('the reasons of answers that arrive late are counted once, also while another claimant counts its own', async () => {
    const [a = 0, b = 0, c = 0] = await addDevices(3);
    const key = await startHop();
    const lost = await claim(key, 'a');
    await store.turnPage(lost, { lastId: c, nextId: null }, LEASE_MS, 3);
    const gone = {
      ...delivered,
      verdict: 'unregistered',
      reason: 'UNREGISTERED',
      messageName: null,
    } as const;
    const reasonsOf = async () => {
      const [{ work: { reasons } } = { work }] = await store.fetchHopSummaries(key.announcementId);
      return Object.fromEntries(Object.entries(reasons).map(([reason, { pushes }]) => [reason, pushes]));
    };
    // Nobody has taken the hop over, and it is counted without a batch.
    await store.recordDeliveries(lost, [{ deviceId: a, ...gone }]);
    await store.recordDeliveries(lost, [{ deviceId: a, ...gone }]);
    expect(await reasonsOf()).toEqual({ UNREGISTERED: 1 });
    await passTime(LEASE_MS + 1);
    const holder = await claim(key, 'b');
    expect(holder.work).toBeUndefined();
    const late = [
      { deviceId: a, ...gone },
      { deviceId: b, ...gone },
    ];
    await store.recordDeliveries(lost, late, batchOf(1, late));
    await store.recordDeliveries(lost, late, batchOf(1, late));
    const own = [{ deviceId: c, ...delivered }];
    await store.recordDeliveries(holder, own, batchOf(1, own));
    expect(await reasonsOf()).toEqual({ UNAVAILABLE: 1, UNREGISTERED: 2 });
    expect(await store.closeHop(holder, work)).toBe(true);
    const [d = 0] = await addDevices(1);
    const after: Delivery[] = [{ deviceId: d, ...gone, verdict: 'rejected', reason: 'INVALID_ARGUMENT' }];
    await Promise.all([store.recordDeliveries(lost, late), store.recordDeliveries(holder, after)]);
    expect(await reasonsOf()).toEqual({ UNAVAILABLE: 1, UNREGISTERED: 2, INVALID_ARGUMENT: 1 });
  });

  test.each(['at-least-once', 'at-most-once'] as const)(
    'a retry round takes from what the rounds before have left, and its end rejects the rest (%s)',
    async (guarantee) => {
      const ids = await addDevices(3);
      const key = await startHop({ ...draft, guarantee });
      const hop = await claim(key, 'a');
      await store.turnPage(hop, { lastId: ids.at(-1) ?? 0, nextId: null }, LEASE_MS, 3);
      const left = ids.map((deviceId) => ({ deviceId, ...due }));
      await store.recordDeliveries(hop, left, batchOf(1, left));
      await store.closeHop(hop);
      expect(await store.plantRound(key.announcementId, 1)).toBe(true);

      const retry = await claim({ ...key, round: 1 }, 'b');
      const pushes = await store.fetchRetryPage(retry, null, 10);
      expect(pushes.map(({ was }) => was)).toEqual(['retryable', 'retryable', 'retryable']);
      const tally = new Tally(retry, { guarantee });
      tally.takePushes(pushes);
      if (guarantee === 'at-most-once') await store.holdHop(retry, LEASE_MS, pushes);
      expect(await countsOf(key)).toEqual(await ledgerOf(key));
      const answers: Delivery[] = ids.map((deviceId, nth) => ({
        deviceId,
        ...(nth === 0 ? delivered : due),
      }));
      const batch = tally.makeBatch(answers, countVerdicts(answers), 0);
      await store.recordDeliveries(retry, answers, { batch });
      expect(await countsOf(key)).toEqual({ ...countVerdicts([]), delivered: 1, retryable: 2 });
      await store.closeHop(retry);

      await Promise.all([
        store.settleRetries(key.announcementId, 1),
        store.settleRetries(key.announcementId, 1),
      ]);
      expect(await countsOf(key)).toEqual({ ...countVerdicts([]), delivered: 1, rejected: 2 });
      expect(await countsOf(key)).toEqual(await ledgerOf(key));
    },
  );

  test('the audience is counted and bounded at the start', async () => {
    const [a = 0, b = 0, c = 0] = await addDevices(3);
    const key = { announcementId: await store.createAnnouncement(draft), round: 0, fromId: a };
    const announcement = (await store.fetchAnnouncement(key.announcementId))!;
    const audience = await store.countAudience(announcement, a);
    expect(audience).toEqual({ devices: 3, lastId: c });
    expect(await store.startAnnouncement(key, LEASE_MS, [], { audience, actor: 'cli:anna' })).toBe(true);
    await addDevices(1);
    const hop = await claim(key, 'a');
    expect(hop.toId).toBe(c);
    expect(await totalsOf(key)).toMatchObject({
      audience: { devices: 3, lastId: c },
      read: 0,
      isRead: false,
    });

    const [second] = await store.fetchPage(b, b, 1);
    await store.removeDevice(second!.target);
    await store.turnPage(hop, { lastId: c, nextId: null }, LEASE_MS, 2);
    const answers = [a, c].map((deviceId) => ({ deviceId, ...delivered }));
    await store.recordDeliveries(hop, answers, batchOf(1, answers));
    const totals = await totalsOf(key);
    expect(totals).toMatchObject({ read: 2, isRead: true, isCounted: true, hops: { open: 1, closed: 0 } });
    expect(balanceOf(totals)).toEqual({
      ...{ audience: 3, excluded: 1, delivered: 2, unregistered: 0, rejected: 0, unknown: 0, unsent: 0 },
    });
  });

  test('without a device the audience is none, and stays so', async () => {
    const announcement = (await store.fetchAnnouncement(await store.createAnnouncement(draft)))!;
    const [last = 0] = await addDevices(1);
    expect(await store.countAudience(announcement, last + 1)).toEqual({ devices: 0, lastId: last });
  });

  test('a mailing is for each device of each member, and for a message without one', async () => {
    const [memberId, nobody] = [crypto.randomUUID(), crypto.randomUUID()];
    const devices = madeUpDevices(2).map((device) => ({ ...device, target: crypto.randomUUID(), memberId }));
    await store.addDevices(devices);
    const source = crypto.randomUUID();
    const make = (messageKey: string, member: string) => ({
      ...{ messageKey, source, recipient: toMember(member), content: draft.content, ttlSeconds: null },
    });
    await store.addMessages([make(crypto.randomUUID(), memberId), make(crypto.randomUUID(), nobody)], 0);
    const announcementId = (await store.makeMailing(source, 10))!;
    expect(await store.countAudience({ announcementId, audience: 'messages' }, 0)).toEqual({
      ...{ devices: 3, lastId: null },
    });
  });

  test('a hop of an earlier release makes the sums incomplete, and says so', async () => {
    const key = await startHop();
    const hop = await claim(key, 'a');
    await store.turnPage(hop, { lastId: 3, nextId: null }, LEASE_MS, 3);
    expect((await totalsOf(key)).isCounted).toBe(true);
    const driver = openDriver(database.config, systemClock);
    onTestFinished(() => driver.close());
    await driver.run(sql`UPDATE push_hop SET devices = NULL WHERE announcement_id = ${key.announcementId}`);
    expect((await totalsOf(key)).isCounted).toBe(false);
  });

  test('an announcement without hops has done nothing', async () => {
    expect(await totalsOf({ announcementId: 4711 })).toEqual({
      ...{ announcementId: 4711, audience: null, read: 0, isRead: false, counts: countVerdicts([]) },
      ...{ hops: { open: 0, closed: 0 }, isCounted: true },
    });
    expect(await store.fetchTotals([])).toEqual(new Map());
    expect(['sqlite', 'mysql']).toContain(kind);
  });
});

import { describe, expect, onTestFinished, test } from 'vitest';
import { runHop } from '../../src/broadcast/hop.ts';
import { scan } from '../../src/broadcast/scan.ts';
import { sendMessages } from '../../src/messages/send.ts';
import type { Device, NewDevice } from '../../src/model/device.ts';
import type { NewAnnouncement } from '../../src/model/announcement.ts';
import type { DeviceFilter } from '../../src/model/filter.ts';
import type { Store } from '../../src/store.ts';
import { makeTestClock } from '../support/clock.ts';
import { delivered, draft, makeContext, outcome, type TestContext, toMember } from '../support/context.ts';
import { databaseKinds, makeDatabase } from '../support/database.ts';
import { openTimedStore } from '../support/timed-store.ts';

const GONE = outcome('unregistered', 'UNREGISTERED');
const fidOf = (nth: number): string => `phone-${nth}`.padEnd(22, 'x');
const tokenOf = (nth: number): string => `${fidOf(nth)}:APA91b`.padEnd(142, 'x');

/** FCM, where a FID has replaced each token that is in `moved`, and each kind of target is known as that alone. */
function answerFor(moved: ReadonlySet<string>) {
  return ({ target, targetKind }: Pick<Device, 'target' | 'targetKind'>) =>
    moved.has(target) || (targetKind === 'fid') === target.includes(':') ? GONE : delivered;
}

describe.each(databaseKinds())('phones that change their target, on %s', (kind) => {
  async function open(devices: readonly NewDevice[]) {
    const database = await makeDatabase(kind);
    const clock = makeTestClock({ isEager: true });
    const store = openTimedStore(database.config, clock);
    onTestFinished(async () => {
      await store.close();
      await database.drop();
    });
    await store.addDevices(devices);
    return { store, clock };
  }

  const tokens = (count: number): NewDevice[] =>
    Array.from({ length: count }, (_, nth) => ({ target: tokenOf(nth), targetKind: 'token' }));

  /** Works an announcement to its end, retry rounds too. */
  async function work(
    ctx: TestContext,
    store: Store,
    options: Partial<Pick<NewAnnouncement, 'guarantee' | 'filter'>> = {},
  ): Promise<number> {
    const announcementId = await store.createAnnouncement({ ...draft, ...options });
    ctx.invoked.push({ kind: 'broadcast', announcementId, round: 0, fromId: 0 });
    for (let ticks = 0; ticks < 10; ticks++) {
      for (let job = ctx.invoked.shift(); job?.kind === 'broadcast'; job = ctx.invoked.shift()) {
        await runHop(ctx, job);
      }
      if ((await store.fetchAnnouncement(announcementId))?.status !== 'running') break;
      await ctx.clock.sleep(60_000);
      await scan(ctx);
    }
    return announcementId;
  }

  test.each(['at-least-once', 'at-most-once'] as const)(
    'all phones of a page move while it is sent: none is marked, nothing stops, and each gets one push (%s)',
    async (guarantee) => {
      const { store, clock } = await open(tokens(30));
      const moved = new Set<string>();
      const ctx = makeContext(store, {
        clock,
        env: { PAGE_SIZE: '40', BATCH_SIZE: '30', WINDOW: '30' },
        answer: answerFor(moved),
        async beforeSend() {
          if (moved.size > 0) return;
          for (let nth = 0; nth < 30; nth++) {
            await store.registerDevice({ target: fidOf(nth), targetKind: 'fid', replaces: tokenOf(nth) });
            moved.add(tokenOf(nth));
          }
        },
      });
      const announcementId = await work(ctx, store, { guarantee });
      expect(await store.fetchAnnouncement(announcementId)).toMatchObject({ status: 'done' });
      expect(await store.countDeliveries(announcementId)).toMatchObject({ delivered: 30, unregistered: 0 });
      expect(await store.countDevices()).toBe(30);
      expect(ctx.sent.filter((target) => !moved.has(target)).toSorted()).toEqual(
        Array.from({ length: 30 }, (_, nth) => fidOf(nth)).toSorted(),
      );
    },
  );

  test('tokens whose FIDs are rows of their own are gone, and do not stop the announcement', async () => {
    const fids = Array.from({ length: 30 }, (_, nth) => ({
      target: fidOf(nth),
      targetKind: 'fid' as const,
      memberId: 'b',
    }));
    const { store, clock } = await open(tokens(30).map((device) => ({ ...device, memberId: 'a' })));
    const ctx = makeContext(store, {
      clock,
      env: { PAGE_SIZE: '40', BATCH_SIZE: '30', WINDOW: '30' },
      answer: ({ target }) => (target.includes(':') ? GONE : delivered),
      // After the page is read: a page leaves out the tokens whose FID it finds.
      beforeSend: async () => void (await store.addDevices(fids)),
    });
    const announcementId = await work(ctx, store);
    expect(await store.fetchAnnouncement(announcementId)).toMatchObject({ status: 'done' });
    expect(await store.countDeliveries(announcementId)).toMatchObject({ unregistered: 30 });
  });

  test('a row with the wrong kind is tried as the other one, and relabelled; what is gone as both is marked', async () => {
    const { store, clock } = await open([
      { target: tokenOf(1), targetKind: 'fid' },
      { target: fidOf(2), targetKind: 'token' },
      { target: tokenOf(3), targetKind: 'fid' },
    ]);
    const ctx = makeContext(store, { clock, answer: answerFor(new Set([tokenOf(3)])) });
    const announcementId = await work(ctx, store);
    expect(await store.countDeliveries(announcementId)).toMatchObject({ delivered: 2, unregistered: 1 });
    expect(await store.fetchDevices(0, 10)).toMatchObject([
      { target: tokenOf(1), targetKind: 'token', unregisteredBy: null },
      { target: fidOf(2), targetKind: 'fid', unregisteredBy: null },
      { target: tokenOf(3), unregisteredBy: announcementId },
    ]);
    expect(ctx.sent).toHaveLength(6);
  });

  test('tokens that are all gone stop the announcement, and keep their kind', async () => {
    const { store, clock } = await open(tokens(30));
    const ctx = makeContext(store, {
      clock,
      env: { PAGE_SIZE: '40', BATCH_SIZE: '30', WINDOW: '30' },
      answer: () => GONE,
    });
    const announcementId = await work(ctx, store);
    expect(await store.fetchAnnouncement(announcementId)).toMatchObject({ status: 'failed' });
    expect(await store.countKinds()).toEqual({ token: 30, fid: 0 });
  });

  test('a phone with both targets in two rows gets one push, and the balance holds', async () => {
    const { store, clock } = await open([
      { target: tokenOf(1), targetKind: 'token', memberId: 'a' },
      { target: fidOf(1), targetKind: 'fid', memberId: 'b' },
      { target: tokenOf(2), targetKind: 'token' },
    ]);
    const ctx = makeContext(store, { clock, env: { PAGE_SIZE: '1' } });
    const announcementId = await work(ctx, store);
    expect(ctx.sent).toEqual([fidOf(1), tokenOf(2)]);
    expect(await store.fetchAnnouncement(announcementId)).toMatchObject({ status: 'done' });
  });

  const both: readonly NewDevice[] = [
    { target: tokenOf(1), targetKind: 'token', memberId: 'a', locale: 'de' },
    { target: fidOf(1), targetKind: 'fid', memberId: 'b', locale: 'fr' },
    { target: tokenOf(2), targetKind: 'token', memberId: 'b', locale: 'de' },
  ];

  test('a token is left out only for a FID that the filter takes too', async () => {
    const { store, clock } = await open(both);
    const cases: readonly (readonly [DeviceFilter, readonly string[]])[] = [
      [{ locale: ['de'] }, [tokenOf(1), tokenOf(2)]],
      [{ memberIds: ['a'] }, [tokenOf(1)]],
      [{ memberIds: ['a', 'b'] }, [fidOf(1), tokenOf(2)]],
      [{ locale: ['de', 'fr'] }, [fidOf(1), tokenOf(2)]],
    ];
    for (const pageSize of ['1', '10']) {
      for (const [filter, expected] of cases) {
        const ctx = makeContext(store, { clock, env: { PAGE_SIZE: pageSize } });
        await work(ctx, store, { filter });
        expect(ctx.sent.toSorted()).toEqual(expected.toSorted());
      }
    }
  });

  test('a token is sent to if its FID has a lower id, or comes after the end of the audience', async () => {
    const { store, clock } = await open([
      { target: fidOf(1), targetKind: 'fid', memberId: 'b' },
      { target: tokenOf(1), targetKind: 'token', memberId: 'a' },
      { target: tokenOf(2), targetKind: 'token', memberId: 'a' },
      { target: tokenOf(3), targetKind: 'token', memberId: 'a' },
    ]);
    let isFirst = true;
    const ctx = makeContext(store, {
      clock,
      env: { PAGE_SIZE: '2' },
      async beforeSend() {
        if (!isFirst) return;
        isFirst = false;
        await store.addDevices([{ target: fidOf(3), targetKind: 'fid', memberId: 'b' }]);
      },
    });
    await work(ctx, store);
    expect(ctx.sent).toEqual([fidOf(1), tokenOf(1), tokenOf(2), tokenOf(3)]);
  });

  test('a repeat sends to the tokens that the ledger has, though their FIDs have come', async () => {
    const olds = Array.from({ length: 10 }, (_, nth): NewDevice => {
      return { target: `old-${nth}`.padEnd(142, 'x'), targetKind: 'token', memberId: 'b' };
    });
    const { store, clock } = await open([...tokens(10), ...olds]);
    const fids = olds.map(({ target }, nth): NewDevice => {
      return { target: fidOf(nth), targetKind: 'fid', replaces: target };
    });
    let isDown = true;
    const ctx = makeContext(store, {
      clock,
      env: { PAGE_SIZE: '40', BATCH_SIZE: '40', WINDOW: '40' },
      answer: () => (isDown ? outcome('retryable', 'UNAVAILABLE') : delivered),
      async beforeSend() {
        await store.addDevices(fids);
        isDown = ctx.sent.length === 0;
      },
    });
    const announcementId = await work(ctx, store);
    expect(await store.countDeliveries(announcementId)).toMatchObject({ delivered: 20, unsent: 0 });
    expect(await store.fetchAnnouncement(announcementId)).toMatchObject({ status: 'done' });
  });

  test('a repeat leaves out the token whose FID has got the push from a later page', async () => {
    const { store } = await open([
      { target: tokenOf(1), targetKind: 'token', memberId: 'a' },
      { target: tokenOf(2), targetKind: 'token', memberId: 'a' },
      { target: fidOf(1), targetKind: 'fid', memberId: 'b' },
    ]);
    const announcementId = await store.createAnnouncement(draft);
    const key = { announcementId, round: 0, fromId: 0 };
    await store.startAnnouncement(key, 60_000);
    const claim = async (from: number) => {
      const claimed = await store.claimHop({ ...key, fromId: from }, `owner-${from}`, 60_000);
      if (claimed.kind !== 'claimed') throw new Error(`expected a hop, got ${claimed.kind}`);
      return claimed.hop;
    };
    const first = await claim(0);
    const devices = await store.fetchDevices(0, 10);
    const reading = { hop: first, page: devices.slice(0, 1), nextId: 2, isRepeat: true };
    const [token, , fid] = devices.map(({ deviceId }) => deviceId);
    await store.turnPage(first, { lastId: 1, nextId: 2 }, 60_000, 0);
    expect(await store.fetchTwins(reading.page, reading)).toEqual(new Set([token]));
    // The page with the FID is read, perhaps before it came: only the ledger knows.
    const second = await claim(2);
    await store.turnPage(second, { lastId: 3, nextId: null }, 60_000, 2);
    expect(await store.fetchTwins(reading.page, reading)).toEqual(new Set());
    await store.recordDeliveries(second, [
      { deviceId: fid ?? 0, verdict: 'delivered', reason: null, messageName: 'm', retryInMs: null },
    ]);
    expect(await store.fetchTwins(reading.page, reading)).toEqual(new Set([token]));
  });

  test('a message: a token that the ledger has is sent to again, though the FID of its phone has come', async () => {
    const { store, clock } = await open([{ target: tokenOf(1), targetKind: 'token', memberId: 'ada' }]);
    let isDown = true;
    const ctx = makeContext(store, {
      clock,
      answer: () => (isDown ? outcome('retryable', 'UNAVAILABLE') : delivered),
    });
    const message = {
      ...{ messageKey: 'k', source: 'default', recipient: toMember('ada') },
      ...{ ttlSeconds: null, content: draft.content },
    };
    expect(await sendMessages(ctx, [message])).toMatchObject([{ verdict: 'retryable' }]);
    isDown = false;
    // Of two members, so that the FID is a row of its own.
    await store.addDevices([{ target: fidOf(1), targetKind: 'fid', memberId: 'bob' }]);
    await store.registerDevice({ target: fidOf(1), memberId: 'ada' });
    expect(await sendMessages(ctx, [message])).toMatchObject([{ verdict: 'delivered' }]);
    expect(ctx.sent).toEqual([tokenOf(1), tokenOf(1)]);
  });

  test('a message: a phone that moves is not marked, one with both targets gets it once, and a wrong kind is corrected', async () => {
    const { store, clock } = await open([
      { target: tokenOf(1), targetKind: 'token', memberId: 'ada' },
      { target: tokenOf(2), targetKind: 'fid', memberId: 'bob' },
      { target: fidOf(3), targetKind: 'fid', memberId: 'eve' },
      { target: 'x', targetKind: 'token', memberId: 'eve' },
    ]);
    const moved = new Set<string>();
    const ctx = makeContext(store, {
      clock,
      answer: answerFor(moved),
      async beforeSend() {
        moved.add(tokenOf(1));
        await store.registerDevice({ target: fidOf(1), targetKind: 'fid' });
      },
    });
    const messages = ['ada', 'bob'].map((memberId) => ({
      messageKey: memberId,
      source: 'default',
      recipient: toMember(memberId),
      ttlSeconds: null,
      content: draft.content,
    }));
    expect(await sendMessages(ctx, messages)).toMatchObject([
      { verdict: 'retryable', reason: 'TARGET_REPLACED', retryInMs: 0 },
      { verdict: 'retryable', reason: 'WRONG_KIND', retryInMs: 0 },
    ]);
    expect(await sendMessages(ctx, messages)).toMatchObject([
      { verdict: 'delivered', retryInMs: null },
      { verdict: 'delivered', retryInMs: null },
    ]);
    expect(await store.countDevices()).toBe(4);
  });
});

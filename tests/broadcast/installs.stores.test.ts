import { describe, expect, onTestFinished, test } from 'vitest';
import { runHop } from '../../src/broadcast/hop.ts';
import { scan } from '../../src/broadcast/scan.ts';
import { sendMessages } from '../../src/messages/send.ts';
import type { Device, NewDevice } from '../../src/model/device.ts';
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
  async function work(ctx: TestContext, store: Store, guarantee = draft.guarantee): Promise<number> {
    const announcementId = await store.createAnnouncement({ ...draft, guarantee });
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
      const announcementId = await work(ctx, store, guarantee);
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

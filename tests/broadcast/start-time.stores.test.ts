import type { Store } from '../../src/store.ts';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { moveAnnouncement } from '../../src/broadcast/announcement.ts';
import { runHop } from '../../src/broadcast/hop.ts';
import { scan } from '../../src/broadcast/scan.ts';
import { openDriver } from '../../src/db/open.ts';
import { type BroadcastJob, firstJob } from '../../src/job.ts';
import { fetchStanding, makeKnowledge } from '../../src/report/standing.ts';
import { makeTestClock, type TestClock } from '../support/clock.ts';
import { draft, madeUpDevices, makeContext, type TestContext } from '../support/context.ts';
import { databaseKinds, makeDatabase, type TestDatabase } from '../support/database.ts';
import { openTimedStore } from '../support/timed-store.ts';

const HOUR = 3_600_000;
const NOON = Date.parse('2026-06-01T12:00:00Z');

/** What the tests write. */
const TABLES = [
  ...['push_announcement', 'push_device', 'push_hop', 'push_audience', 'push_snapshot'],
  ...['push_delivery', 'push_budget', 'push_turn', 'push_tick'],
];

describe.each(databaseKinds())('when an announcement starts, on %s', (kind) => {
  let database: TestDatabase;
  let clock: TestClock;
  let store: Store;

  beforeAll(async () => {
    database = await makeDatabase(kind);
  });
  beforeEach(async () => {
    clock = makeTestClock({ startMs: NOON, isEager: true });
    store = openTimedStore(database.config, clock);
    await store.addDevices(madeUpDevices(25));
  });
  afterEach(async () => {
    const driver = openDriver(database.config, clock);
    for (const table of TABLES) await driver.run({ sql: `DELETE FROM ${table}`, values: [] });
    await driver.close();
    await store.close();
  });
  afterAll(() => database.drop());

  const contextOf = (env: Record<string, string> = {}): TestContext => makeContext(store, { clock, env });

  const schedule = async (inMs: number, announcement = draft): Promise<number> => {
    const announcementId = await store.createAnnouncement(announcement);
    await store.scheduleAnnouncement(announcementId, clock.now() + inMs);
    return announcementId;
  };

  const broadcastIn = ({ invoked }: TestContext): BroadcastJob => {
    const job = invoked.find((each) => each.kind === 'broadcast');
    if (!job) throw new Error('no hop was invoked');
    return job;
  };

  describe('to the second', () => {
    test('the tick before invokes the first hop, which waits for the time', async () => {
      const announcementId = await schedule(42_000);
      const ctx = contextOf();
      expect(await scan(ctx)).toMatchObject({ started: 0 });
      const job = broadcastIn(ctx);
      expect(job).toEqual({ ...firstJob(announcementId), startsAt: NOON + 42_000 });
      const [summary] = await store.fetchLatest(1);
      expect(summary).toMatchObject({ status: 'scheduled' });
      const report = await runHop(ctx, job);
      expect(report).toMatchObject({ end: 'done', sent: 10 });
      const [started] = await store.fetchLatest(1);
      expect((started?.startedAt ?? 0) - NOON - 42_000).toBeLessThan(1000);
      expect(started?.startedAt).toBeGreaterThanOrEqual(NOON + 42_000);
    });

    test('one that is cancelled or moved meanwhile does not start', async () => {
      const cancelled = await schedule(42_000);
      const moved = await schedule(42_000);
      const ctx = contextOf();
      await scan(ctx);
      expect(ctx.invoked).toHaveLength(2);
      await moveAnnouncement(ctx, cancelled, 'cancel');
      await store.scheduleAnnouncement(moved, NOON + HOUR);
      for (const job of ctx.invoked) {
        if (job.kind === 'broadcast') expect(await runHop(ctx, job)).toMatchObject({ end: 'idle' });
      }
      expect(ctx.sent).toEqual([]);
      expect(await store.fetchAnnouncement(moved)).toMatchObject({ status: 'scheduled' });
    });

    test('an invocation that ends before the time leaves it to the tick', async () => {
      const announcementId = await schedule(42_000);
      const ctx = { ...contextOf(), remainingMs: () => 20_000 };
      const job = { ...firstJob(announcementId), startsAt: NOON + 42_000 };
      expect(await runHop(ctx, job)).toMatchObject({ end: 'idle' });
      expect(clock.now()).toBe(NOON);
      await clock.advance(60_000);
      expect(await scan(contextOf())).toMatchObject({ started: 1 });
    });

    test('at most a quarter of the concurrency waits', async () => {
      const waiting: number[] = [];
      for (const concurrency of ['0', '4', '3']) {
        for (let nth = 0; nth < 12; nth++) await schedule(30_000 + nth);
        const ctx = contextOf({ MAX_CONCURRENCY: concurrency });
        await scan(ctx);
        waiting.push(ctx.invoked.filter((job) => job.kind === 'broadcast' && job.startsAt).length);
        await clock.advance(60_000);
        await scan(contextOf());
        await clock.advance(60_000);
      }
      expect(waiting).toEqual([10, 1, 0]);
    });

    test('ticks that come more often look less far ahead, so that each start is prepared about once', async () => {
      const announcementId = await schedule(65_000);
      const jobs: BroadcastJob[] = [];
      await store.recordTick();
      for (let passed = 0; passed < 60_000; passed += 10_000) {
        await clock.advance(10_000);
        const ctx = contextOf();
        await scan(ctx);
        for (const job of ctx.invoked) if (job.kind === 'broadcast') jobs.push(job);
      }
      expect(jobs).toEqual([{ ...firstJob(announcementId), startsAt: NOON + 65_000 }]);
    });
  });

  describe('in quiet hours', () => {
    const hold = { QUIET_HOURS: '11:00-14:00 UTC hold' };

    test('a broadcast that is due is held until their end, with the reason, and then starts', async () => {
      const announcementId = await schedule(-1000);
      const ctx = contextOf(hold);
      expect(await scan(ctx)).toMatchObject({ started: 0 });
      expect(await store.fetchAnnouncement(announcementId)).toMatchObject({
        status: 'scheduled',
        statusReason: 'quiet hours until 2026-06-01 14:00:00 UTC',
      });
      expect(await store.fetchDueTime(announcementId)).toBe(NOON + 2 * HOUR);
      await clock.advance(2 * HOUR);
      expect(await scan(ctx)).toMatchObject({ started: 1 });
      expect(await store.fetchAnnouncement(announcementId)).toMatchObject({
        status: 'running',
        statusReason: null,
      });
    });

    test('with expire it is cancelled', async () => {
      const announcementId = await schedule(-1000);
      expect(await scan(contextOf({ QUIET_HOURS: '11:00-14:00 UTC expire' }))).toMatchObject({ started: 0 });
      expect(await store.fetchAnnouncement(announcementId)).toMatchObject({
        status: 'cancelled',
        statusReason: 'quiet hours until 2026-06-01 14:00:00 UTC',
      });
    });

    test('a draft that a person pushes is held too; a dry run and another source are not', async () => {
      const ctx = contextOf(hold);
      const held = await store.createAnnouncement(draft);
      expect(await runHop(ctx, firstJob(held))).toMatchObject({ end: 'idle' });
      expect(await store.fetchAnnouncement(held)).toMatchObject({ status: 'scheduled' });
      const dryRun = await store.createAnnouncement({ ...draft, dryRun: true });
      expect(await runHop(ctx, firstJob(dryRun))).toMatchObject({ sent: 10 });
      await schedule(-1000, { ...draft, source: 'shop_b' });
      const shopB = { ...hold, FCM_CREDENTIALS_SHOP_B: 'application-default', FCM_PROJECT_ID_SHOP_B: 'p' };
      expect(await scan(contextOf(shopB))).toMatchObject({ started: 1 });
    });

    test('a broadcast that runs when they begin goes on at their end, and loses nothing', async () => {
      const announcementId = await store.createAnnouncement(draft);
      const before = contextOf();
      expect(await runHop(before, firstJob(announcementId))).toMatchObject({ end: 'done', sent: 10 });
      const ctx = contextOf(hold);
      expect(await runHop(ctx, broadcastIn(before))).toMatchObject({ end: 'stopped', sent: 0 });
      const observer = { store, clock, ...makeKnowledge(ctx.config) };
      const { waitsFor } = await fetchStanding(observer, announcementId);
      expect(waitsFor[0]).toEqual({
        what: 'the end of the quiet hours',
        until: NOON + 2 * HOUR,
        isStop: true,
      });
      await clock.advance(HOUR);
      expect(await scan(ctx)).toMatchObject({ woken: 0 });
      await clock.advance(HOUR);
      expect(await scan(ctx)).toMatchObject({ woken: 1 });
      for (const job of ctx.invoked) if (job.kind === 'broadcast') await runHop(ctx, job);
      expect(ctx.sent).toHaveLength(15);
      expect(await store.fetchAnnouncement(announcementId)).toMatchObject({ status: 'done' });
    });
  });
});

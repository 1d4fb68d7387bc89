import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { openDriver } from '../../src/db/open.ts';
import { sql } from '../../src/db/sql.ts';
import type { Outcome } from '../../src/model/delivery.ts';
import { brake, brakeIfThrottled } from '../../src/pace/brake.ts';
import { reserveTurn, reserveUrgent } from '../../src/pace/reserve.ts';
import type { Store } from '../../src/store.ts';
import { formatTime } from '../../src/words.ts';
import { makeTestClock, type TestClock } from '../support/clock.ts';
import { delivered, draft, makeContext, outcome, type TestContext } from '../support/context.ts';
import { databaseKinds, makeDatabase, type TestDatabase } from '../support/database.ts';
import { openTimedStore } from '../support/timed-store.ts';

/** 98% of 10 messages a millisecond. */
const MS_FOR_3000 = Math.ceil(3000 / 9.8);

describe.each(databaseKinds())('the shared budget, on %s', (kind) => {
  let clock: TestClock;
  let database: TestDatabase;
  let store: Store;
  let other: Store;

  beforeEach(async () => {
    clock = makeTestClock();
    database = await makeDatabase(kind);
    store = openTimedStore(database.config, clock);
    other = openTimedStore(database.config, clock);
  });
  afterEach(async () => {
    await store.close();
    await other.close();
    await database.drop();
  });

  let announcements = 0;
  /** A slot for an announcement that has reserved none before. */
  async function reserve(ctx: TestContext, messages: number, source = 'default') {
    const slot = await reserveTurn(ctx, { source, announcementId: ++announcements }, messages);
    if ('askAgainInMs' in slot) throw new Error('a new announcement does not wait for a turn');
    return slot;
  }

  async function reserveForMessages(ctx: TestContext, messages: number) {
    const slot = await reserveUrgent(ctx, 'default', messages);
    if ('askAgainInMs' in slot) throw new Error('a caller with time waits for its slot');
    return slot;
  }

  test('slots that many hops reserve at the same time follow one another and never overlap', async () => {
    const env = { FCM_MESSAGES_PER_MINUTE: '60000' };
    const contexts = [makeContext(store, { env }), makeContext(other, { env })];
    const slots = await Promise.all(Array.from({ length: 20 }, (_, nth) => reserve(contexts[nth % 2]!, 300)));
    // 300 messages at 98% of one a millisecond.
    const waits = slots.map(({ waitMs }) => waitMs).toSorted((one, two) => one - two);
    expect(waits).toEqual(Array.from({ length: 20 }, (_, nth) => nth * 307));
  });

  test('what is given back goes to the next hop, and never what is over, nor what a brake has cancelled', async () => {
    const env = { FCM_MESSAGES_PER_MINUTE: '60000' };
    const ctx = makeContext(store, { env });
    const { brakes, takenMs } = await reserve(ctx, 3000);
    const endsInMs = takenMs;
    await other.returnBudget('default', { ms: 1000, endsInMs, brakes });
    expect((await reserve(ctx, 300)).waitMs).toBe(takenMs - 1000);
    await other.returnBudget('default', { ms: 600_000, endsInMs, brakes });
    expect((await reserve(ctx, 1)).waitMs).toBe(0);
    await brake(ctx, 'default', { pauseMs: 5000, reason: 'throttled', isOutage: false, tookMs: 0 });
    await other.returnBudget('default', { ms: 1000, endsInMs: 5000, brakes });
    expect((await reserve(ctx, 1)).waitMs).toBe(5000);
  });

  test('what is given back before the slot of another page is sent by nobody: the two would send together', async () => {
    // A page of 3000 takes 31 s.
    const ctx = makeContext(store, { env: { FCM_MESSAGES_PER_MINUTE: '6000' } });
    const first = await reserve(ctx, 3000);
    const second = await reserve(ctx, 3000);
    expect(second.waitMs).toBe(first.takenMs);
    await clock.advance(10_000);
    await other.returnBudget('default', { ...first, ms: 20_000, endsInMs: first.takenMs - 10_000 });
    expect((await reserve(ctx, 1)).waitMs).toBe(first.takenMs + second.takenMs - 10_000);
  });

  test('what the caller cannot wait for is not reserved', async () => {
    const ctx = makeContext(store, { env: { FCM_MESSAGES_PER_MINUTE: '60000' } });
    const { takenMs } = await reserve(ctx, 3000);
    const urgent = await reserveForMessages(ctx, 300);
    const before = await store.fetchBudget('default', null);
    const announcement = { source: 'default', announcementId: ++announcements };
    const waitMs = takenMs + urgent.takenMs;
    expect(await reserveTurn(ctx, announcement, 3000, waitMs)).toEqual({ askAgainInMs: waitMs });
    expect(await reserveUrgent(ctx, 'default', 300, 200)).toEqual({ askAgainInMs: urgent.takenMs });
    expect(await store.fetchBudget('default', announcement.announcementId)).toEqual(before);
    expect(await reserveTurn(ctx, announcement, 3000, waitMs + 1)).toMatchObject({ waitMs });
  });

  test('two sources do not touch each other', async () => {
    const env = { FCM_MESSAGES_PER_MINUTE: '60', FCM_CREDENTIALS_TWO: 'two.json' };
    const ctx = makeContext(store, { env });
    await reserve(ctx, 100);
    await brake(ctx, 'default', { pauseMs: 1000, reason: 'throttled', isOutage: false, tookMs: 0 });
    await reserve(ctx, 100);
    expect((await reserve(ctx, 1)).waitMs).toBeGreaterThan(90_000);
    expect((await reserve(ctx, 1, 'two')).waitMs).toBe(0);
    await expect(reserve(ctx, 1, 'three')).rejects.toThrow(
      'source: expected one of default, two (each FCM_CREDENTIALS_NAME adds one), got 5 characters',
    );
  });

  test('of two announcements each gets half of the slots, though one has four lanes', async () => {
    // A page of 10 takes 21 ms.
    const ctx = makeContext(store, { env: { FCM_MESSAGES_PER_MINUTE: '30600' } });
    const slots = { 1: 0, 2: 0 };
    const until = clock.now() + 1500;
    const lanes = ([1, 2, 2, 2, 2] as const).map((announcementId) => ({
      announcementId,
      wakesAt: clock.now(),
    }));
    for (;;) {
      const [lane] = lanes.toSorted((one, two) => one.wakesAt - two.wakesAt);
      if (!lane || lane.wakesAt >= until) break;
      await clock.advance(lane.wakesAt - clock.now());
      const slot = await reserveTurn(ctx, { source: 'default', announcementId: lane.announcementId }, 10);
      if (!('askAgainInMs' in slot)) slots[lane.announcementId]++;
      lane.wakesAt += 'askAgainInMs' in slot ? slot.askAgainInMs : slot.waitMs;
    }
    expect(slots[1]).toBeGreaterThan(30);
    expect(Math.abs(slots[1] - slots[2])).toBeLessThanOrEqual(2);
  });

  test('an urgent message goes ahead of everything reserved, and delays it by as long as it takes', async () => {
    const ctx = makeContext(store, { env: { FCM_MESSAGES_PER_MINUTE: '60000' } });
    const page = await reserve(ctx, 30_000);
    expect(await reserveUrgent(ctx, 'default', 300)).toMatchObject({ waitMs: 0, takenMs: 307 });
    expect((await store.fetchBudget('default', null)).urgentMs - page.urgentMs).toBe(307);
    // Urgent messages wait for one another, so that they are not over the budget either.
    expect((await reserveForMessages(ctx, 300)).waitMs).toBe(307);
    const next = await reserve(ctx, 1);
    expect(next.waitMs).toBe(page.takenMs + 2 * 307);
    expect(next.urgentMs).toBe(page.urgentMs + 2 * 307);
  });

  const throttled = (count: number, of: number, retryAfterMs: number | null = 30_000): Outcome[] =>
    Array.from({ length: of }, (_, nth) =>
      nth < count ? { ...outcome('retryable', 'QUOTA_EXCEEDED'), retryAfterMs } : delivered,
    );

  test('a chunk that says the quota is used up stops every hop of its source, and cancels their reservations', async () => {
    const ctx = makeContext(store);
    const slot = await reserve(ctx, 1);
    await brakeIfThrottled(ctx, 'default', throttled(10, 100), { tookMs: 0 });
    const { brakeMs, freeInMs, brakes } = await other.fetchBudget('default', null);
    expect(brakeMs).toBe(30_000);
    expect(freeInMs).toBe(30_000);
    expect(brakes).toBe(slot.brakes + 1);
    expect((await other.fetchBudget('another', null)).brakeMs).toBeLessThan(0);
    expect((await reserveForMessages(ctx, 1)).waitMs).toBe(30_000);
  });

  test.each([
    ['a few per-device limits', throttled(9, 100), {}, null],
    ['all of a small retry round, which may be per-device limits', throttled(4, 4), { isPart: true }, null],
    ['all of a small chunk', throttled(4, 4), {}, 30_000],
    ['one in a hundred of a large chunk', throttled(20, 2000), {}, null],
    ['429 without Retry-After', throttled(500, 500, null), {}, 60_000],
    [
      '503 with Retry-After',
      throttled(100, 100).map((each) => ({ ...each, reason: 'UNAVAILABLE' })),
      {},
      30_000,
    ],
    [
      '503 without Retry-After',
      throttled(100, 100, null).map((each) => ({ ...each, reason: 'UNAVAILABLE' })),
      {},
      null,
    ],
  ])('%s: whether it stops the source', async (_words, outcomes, options, pauseMs) => {
    const ctx = makeContext(store);
    await brakeIfThrottled(ctx, 'default', outcomes, { tookMs: 0, ...options });
    const { brakes, brakeMs } = await store.fetchBudget('default', null);
    expect(brakes).toBe(pauseMs === null ? 0 : 1);
    if (pauseMs !== null) expect(brakeMs).toBe(pauseMs);
  });

  test.each([
    ['with a ramp', '60'],
    ['without a ramp', '0'],
  ])('after a brake the rate continues from half of what it was, and rises: %s', async (_words, ramp) => {
    const ctx = makeContext(store, { env: { FCM_RAMP_SECONDS: ramp } });
    const stop = { pauseMs: 1000, reason: 'throttled', isOutage: false, tookMs: 0 };
    await store.fetchBudget('default', null);
    await brake(ctx, 'default', stop);
    const half = await reserve(ctx, 3000);
    expect(half.rateShare).toBe(0.5);
    expect(half.takenMs).toBeGreaterThan(1.9 * MS_FOR_3000);
    expect((await reserve(ctx, 3000)).takenMs).toBeLessThan(half.takenMs);
    // A second brake, 100 ms after the pause: half of a half.
    await clock.advance(1100);
    await brake(ctx, 'default', stop);
    expect((await reserve(ctx, 3000)).rateShare).toBe((30_000 + 100) / 2 / 60_000);
  });

  test('a caller that only looks at a budget writes nothing: a source gets its row with the first reservation or brake', async () => {
    const driver = openDriver(database.config, clock);
    onTestFinished(() => driver.close());
    const sources = async () =>
      (await driver.all(sql`SELECT source FROM push_budget ORDER BY source`)).map((row) => row['source']);
    const idle = await store.fetchBudget('default', null);
    expect(idle).toMatchObject({ brakes: 0, outages: 0, urgentMs: 0, turnInMs: 0, answerMs: 0 });
    expect(Math.max(idle.freeInMs, idle.spreadInMs, idle.urgentInMs, idle.brakeMs)).toBeLessThan(-1e9);
    expect(idle.rampAgeMs).toBeGreaterThan(1e9);
    await store.endOutage('default');
    expect(await sources()).toEqual([]);
    const turn = { takenMs: 10, gapMs: 0, spreadMs: 10, startsRamp: false, isUrgent: false, turn: null };
    const both = await Promise.all([
      store.reserveBudget('default', idle.version, turn),
      other.reserveBudget('default', idle.version, turn),
    ]);
    expect(both.toSorted()).toEqual([false, true]);
    const { version } = await store.fetchBudget('shop', null);
    const stop = { pauseMs: 1000, rampAgeMs: 0, reason: 'throttled', outages: 0 };
    expect(await store.brakeBudget('shop', version, stop)).toBe(true);
    await store.recordAnswerTime('third', 80);
    expect(await store.fetchBudget('third', null)).toMatchObject({ answerMs: 80 });
    expect(await sources()).toEqual(['default', 'shop', 'third']);
  });

  test('hops that are throttled for the same cause brake once; a longer wait counts', async () => {
    const ctx = makeContext(store);
    for (let hop = 0; hop < 4; hop++) {
      await brakeIfThrottled(ctx, 'default', throttled(100, 100, 200), { tookMs: 50 });
    }
    expect((await reserve(ctx, 1)).rateShare).toBe(0.5);
    await clock.advance(250);
    // Sent before that brake, and answered after it.
    await brakeIfThrottled(ctx, 'default', throttled(100, 100, 5000), { tookMs: 400 });
    const late = await reserve(ctx, 1);
    expect(late.rateShare).toBe((30_000 + 50) / 60_000);
    expect(late.waitMs).toBe(5000);
  });

  test("an outage's later answers do not lengthen its pause, a failed probe doubles it", async () => {
    const ctx = makeContext(store);
    const answers = { pauseMs: 10_000, reason: 'FCM is down', isOutage: true, tookMs: 500 };
    await store.fetchBudget('default', null);
    for (let batch = 0; batch < 3; batch++) await brake(ctx, 'default', answers);
    expect(await store.fetchBudget('default', null)).toMatchObject({ brakeMs: 10_000, outages: 1 });
    await clock.advance(10_000);
    const probe = { ...answers, tookMs: 0 };
    // Two lanes probe at the same time.
    await brake(ctx, 'default', probe);
    await brake(ctx, 'default', probe);
    expect(await store.fetchBudget('default', null)).toMatchObject({ brakeMs: 20_000, outages: 2 });
    // Sent before the last brake, and answered after it.
    await clock.advance(20_100);
    await brake(ctx, 'default', answers);
    expect(await store.fetchBudget('default', null)).toMatchObject({ brakeMs: -100, outages: 2 });
  });

  test('a running announcement says that FCM throttles, and until when', async () => {
    const ctx = makeContext(store);
    const announcementId = await store.createAnnouncement(draft);
    await store.startAnnouncement({ announcementId, round: 0, fromId: 0 }, 1000);
    const reason = async () => (await other.fetchAnnouncement(announcementId))?.statusReason;
    await reserve(ctx, 1);
    expect(await reason()).toBeNull();
    await brakeIfThrottled(ctx, 'default', throttled(4, 4, 400), { tookMs: 0 });
    expect(await reason()).toBe(`throttled until ${formatTime(clock.now() + 400)} UTC`);
    await store.moveAnnouncement(announcementId, ['running'], 'paused', null);
    expect(await reason()).toBeNull();
    await store.moveAnnouncement(announcementId, ['paused'], 'running', null);
    await clock.advance(450);
    expect(await reason()).toBeNull();
  });
});

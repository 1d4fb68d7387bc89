import type { PaceConfig } from '../../src/config/config.ts';
import type { Outcome } from '../../src/model/delivery.ts';
import type { Store } from '../../src/store.ts';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { openStore } from '../../src/db/open.ts';
import { brake, brakeIfThrottled, planSlot, reserveSlot, reserveTurn } from '../../src/pace/reserve.ts';
import { delivered, draft, makeContext, outcome } from '../support/context.ts';
import { databaseKinds, makeDatabase, type TestDatabase } from '../support/database.ts';

const FULL = { perMinute: 600_000, rampMs: 0 };
const RAMPED = { perMinute: 600_000, rampMs: 60_000 };
/** 98% of 10 messages a millisecond. */
const MS_FOR_3000 = Math.ceil(3000 / 9.8);

/** A slot of 3000 messages, unless told otherwise, when the rate has long been the full one. */
function plan(pace: PaceConfig, { freeInMs = 0, urgentInMs = 0, rampAgeMs = 900_000, messages = 3000 }) {
  return planSlot({ freeInMs, urgentInMs, rampAgeMs }, messages, pace);
}

test('without a ramp a page takes its share of the minute, after what is reserved already', () => {
  expect(plan(FULL, {})).toEqual({ waitMs: 0, takenMs: MS_FOR_3000, startsRamp: false, share: 1 });
  expect(plan(FULL, { freeInMs: 700 })).toMatchObject({ waitMs: 700, takenMs: MS_FOR_3000 });
  expect(plan(FULL, { freeInMs: -500, messages: 0 })).toMatchObject({ waitMs: 0, takenMs: 0 });
  expect(plan(FULL, { freeInMs: -900_000 })).toMatchObject({ takenMs: MS_FOR_3000, startsRamp: false });
});

test('a source that was idle begins with the ramp, whatever ramp it had before', () => {
  expect(plan(RAMPED, { freeInMs: -60_001 })).toMatchObject({ startsRamp: true, share: 0 });
  expect(plan(RAMPED, { freeInMs: -59_999 })).toEqual({
    waitMs: 0,
    takenMs: MS_FOR_3000,
    startsRamp: false,
    share: 1,
  });
});

test('over the ramp half as much is sent as at the full rate, and page after page comes faster', () => {
  let at = 0;
  let sent = 0;
  let last = Infinity;
  while (at < 60_000) {
    const { takenMs } = plan(RAMPED, { rampAgeMs: at });
    expect(takenMs).toBeLessThanOrEqual(last);
    last = takenMs;
    at += takenMs;
    sent += 3000;
  }
  expect(sent / (60_000 * 9.8)).toBeCloseTo(0.5, 1);
  expect(plan(RAMPED, { rampAgeMs: at }).takenMs).toBe(MS_FOR_3000);
});

test('the ramp goes on while a hop waits for its slot', () => {
  const soon = plan(RAMPED, { rampAgeMs: 10_000 });
  const later = plan(RAMPED, { freeInMs: 20_000, rampAgeMs: 10_000 });
  expect(later.takenMs).toBeLessThan(soon.takenMs);
  expect(later.takenMs).toBe(plan(RAMPED, { rampAgeMs: 30_000 }).takenMs);
});

describe.each(databaseKinds())('the shared budget, on %s', (kind) => {
  let database: TestDatabase;
  let store: Store;
  let other: Store;

  beforeEach(async () => {
    database = await makeDatabase(kind);
    store = await openStore(database.config, systemClock);
    other = await openStore(database.config, systemClock);
  });
  afterEach(async () => {
    await store.close();
    await other.close();
    await database.drop();
  });

  test('slots that many reserve at once follow one another and never overlap', async () => {
    const env = { FCM_MESSAGES_PER_MINUTE: '60000' };
    const contexts = [makeContext(store, { env }), makeContext(other, { env })];
    const startedAt = Date.now();
    const slots = await Promise.all(
      Array.from({ length: 20 }, async (_, nth) => {
        const { waitMs, takenMs } = await reserveSlot(contexts[nth % 2]!, 'default', 300);
        return { from: Date.now() - startedAt + waitMs, takenMs };
      }),
    );
    const inOrder = slots.toSorted((one, two) => one.from - two.from);
    const span = inOrder.at(-1)!.from - inOrder[0]!.from;
    // 19 slots of 300 messages at 98% of one a millisecond; the clocks are read a little apart.
    expect(span).toBeGreaterThan(19 * 306 - 100);
    expect(span).toBeLessThan(19 * 307 + 300);
  });

  test('two sources do not touch each other', async () => {
    const env = { FCM_MESSAGES_PER_MINUTE: '60', FCM_CREDENTIALS_TWO: 'two.json' };
    const ctx = makeContext(store, { env });
    await reserveSlot(ctx, 'default', 100);
    await brake(ctx, 'default', { pauseMs: 1000, reason: 'throttled', isOutage: false, tookMs: 0 });
    await reserveSlot(ctx, 'default', 100);
    expect((await reserveSlot(ctx, 'default', 1)).waitMs).toBeGreaterThan(90_000);
    expect((await reserveSlot(ctx, 'two', 1)).waitMs).toBe(0);
    await expect(reserveSlot(ctx, 'three', 1)).rejects.toThrow(
      'source: expected one of default, two (each FCM_CREDENTIALS_NAME adds one), got "three"',
    );
  });

  test('of two announcements each gets half of the slots, though one has four lanes that ask', async () => {
    // A page takes 20 ms.
    const ctx = makeContext(store, { env: { FCM_MESSAGES_PER_MINUTE: '30600' } });
    const slots = [0, 0];
    const until = performance.now() + 1500;
    const lane = async (announcementId: number): Promise<void> => {
      while (performance.now() < until) {
        const slot = await reserveTurn(ctx, { source: 'default', announcementId }, 10);
        if ('askAgainInMs' in slot) {
          await sleep(slot.askAgainInMs);
          continue;
        }
        slots[announcementId - 1]!++;
        await sleep(slot.waitMs);
      }
    };
    await Promise.all([1, 2, 2, 2, 2].map(lane));
    expect(slots[0]!).toBeGreaterThan(10);
    expect(slots[1]! / slots[0]!).toBeGreaterThan(0.8);
    expect(slots[1]! / slots[0]!).toBeLessThan(1.25);
  });

  test('an urgent message goes ahead of all that is reserved, and puts it off by as much as it takes', async () => {
    const ctx = makeContext(store, { env: { FCM_MESSAGES_PER_MINUTE: '60000' } });
    const page = await reserveSlot(ctx, 'default', 30_000);
    const urgent = await reserveSlot(ctx, 'default', 300, { urgent: true });
    expect(urgent).toMatchObject({ waitMs: 0, takenMs: 307 });
    expect((await store.fetchBudget('default', null)).urgentMs - page.urgentMs).toBe(307);
    // Urgent ones wait for one another alone, so that they are not over the budget either.
    const { waitMs } = await reserveSlot(ctx, 'default', 300, { urgent: true });
    expect(waitMs).toBeGreaterThan(0);
    expect(waitMs).toBeLessThanOrEqual(307);
    const next = await reserveSlot(ctx, 'default', 1);
    expect(next.waitMs).toBeGreaterThan(30_000);
    expect(next.urgentMs).toBe(page.urgentMs + 614);
  });

  const throttled = (count: number, of: number, retryAfterMs: number | null = 30_000): Outcome[] =>
    Array.from({ length: of }, (_, nth) =>
      nth < count ? { ...outcome('retryable', 'QUOTA_EXCEEDED'), retryAfterMs } : delivered,
    );

  test('a chunk that says the quota is used up stops every hop of its source, and makes void what they had reserved', async () => {
    const ctx = makeContext(store);
    const slot = await reserveSlot(ctx, 'default', 1);
    await brakeIfThrottled(ctx, 'default', throttled(10, 100), { tookMs: 0 });
    const { brakeMs, freeInMs, brakes } = await other.fetchBudget('default', null);
    expect(brakeMs).toBeGreaterThan(29_000);
    expect(freeInMs).toBe(brakeMs);
    expect(brakes).toBe(slot.brakes + 1);
    expect((await other.fetchBudget('another', null)).brakeMs).toBeLessThan(0);
    expect((await reserveSlot(ctx, 'default', 1, { urgent: true })).waitMs).toBeGreaterThan(29_000);
  });

  test.each([
    ['a few phones that get too much', throttled(9, 100), {}, false],
    [
      'nearly all of a small retry round, which may be just such phones',
      throttled(4, 4),
      { isRetry: true },
      false,
    ],
    ['a small chunk whole', throttled(4, 4), {}, true],
    ['one in a hundred of a large chunk', throttled(20, 2000), {}, false],
    ['without Retry-After', throttled(500, 500, null), {}, true],
    [
      'Retry-After of a 503',
      throttled(100, 100).map((each) => ({ ...each, reason: 'UNAVAILABLE' })),
      {},
      true,
    ],
    [
      '503 without it',
      throttled(100, 100, null).map((each) => ({ ...each, reason: 'UNAVAILABLE' })),
      {},
      false,
    ],
  ])('what stops a source: %s', async (_words, outcomes, options, stops) => {
    const ctx = makeContext(store);
    await brakeIfThrottled(ctx, 'default', outcomes, { tookMs: 0, ...options });
    const { brakes, brakeMs } = await store.fetchBudget('default', null);
    expect(brakes).toBe(stops ? 1 : 0);
    if (stops) expect(brakeMs).toBeGreaterThan(29_000);
  });

  test.each([
    ['with a ramp', '60'],
    ['without', '0'],
  ])('after a brake the rate goes on from half of what it was, and rises: %s', async (_words, ramp) => {
    const ctx = makeContext(store, { env: { FCM_RAMP_SECONDS: ramp } });
    const stop = { pauseMs: 1000, reason: 'throttled', isOutage: false, tookMs: 0 };
    await store.fetchBudget('default', null);
    await brake(ctx, 'default', stop);
    const half = await reserveSlot(ctx, 'default', 3000);
    expect(half.share).toBeCloseTo(0.5, 1);
    expect(half.takenMs).toBeGreaterThan(1.8 * MS_FOR_3000);
    expect((await reserveSlot(ctx, 'default', 3000)).takenMs).toBeLessThan(half.takenMs);
    // Half of a half.
    await sleep(1100);
    await brake(ctx, 'default', stop);
    expect((await reserveSlot(ctx, 'default', 3000)).share).toBeCloseTo(0.25, 1);
  });

  test('hops that hear of the same trouble brake once; a longer wait counts', async () => {
    const ctx = makeContext(store);
    for (let hop = 0; hop < 4; hop++) {
      await brakeIfThrottled(ctx, 'default', throttled(100, 100, 200), { tookMs: 50 });
    }
    expect((await reserveSlot(ctx, 'default', 1)).share).toBeCloseTo(0.5, 1);
    await sleep(250);
    // Sent before that brake, and answered only now.
    await brakeIfThrottled(ctx, 'default', throttled(100, 100, 5000), { tookMs: 400 });
    const late = await reserveSlot(ctx, 'default', 1);
    expect(late.share).toBeCloseTo(0.5, 1);
    expect(late.waitMs).toBeGreaterThan(4000);
  });

  test('while FCM wants no message a running announcement says so, and no longer', async () => {
    const ctx = makeContext(store);
    const announcementId = await store.createAnnouncement(draft);
    await store.startAnnouncement({ announcementId, round: 0, fromId: 0 }, 1000);
    const reason = async () => (await other.fetchAnnouncement(announcementId))?.statusReason;
    await reserveSlot(ctx, 'default', 1);
    expect(await reason()).toBeNull();
    await brakeIfThrottled(ctx, 'default', throttled(4, 4, 400), { tookMs: 0 });
    const [, time = ''] = /^throttled until (\d{4}-\d\d-\d\dT\S+Z)$/.exec((await reason()) ?? '') ?? [];
    expect(Math.abs(Date.parse(time) - Date.now())).toBeLessThan(2000);
    await store.moveAnnouncement(announcementId, ['running'], 'paused', null);
    expect(await reason()).toBeNull();
    await store.moveAnnouncement(announcementId, ['paused'], 'running', null);
    await sleep(450);
    expect(await reason()).toBeNull();
  });
});

import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../src/clock.ts';
import type { Store } from '../src/context.ts';
import { openStore } from '../src/db/open.ts';
import { brakeIfThrottled, planSlot, reserveSlot } from '../src/pace.ts';
import { makeContext } from './support/context.ts';
import { databaseKinds, makeDatabase, type TestDatabase } from './support/database.ts';

const FULL = { perMinute: 600_000, rampMs: 0 };
const RAMPED = { perMinute: 600_000, rampMs: 60_000 };
/** 98% of 10 messages a millisecond. */
const MS_FOR_3000 = Math.ceil(3000 / 9.8);

test('without a ramp a page takes its share of the minute, after what is reserved already', () => {
  expect(planSlot({ freeInMs: 0, rampAgeMs: 0 }, 3000, FULL)).toEqual({
    waitMs: 0,
    takenMs: MS_FOR_3000,
    startsRamp: false,
  });
  expect(planSlot({ freeInMs: 700, rampAgeMs: 0 }, 3000, FULL)).toMatchObject({
    waitMs: 700,
    takenMs: MS_FOR_3000,
  });
  expect(planSlot({ freeInMs: -500, rampAgeMs: 0 }, 0, FULL)).toMatchObject({ waitMs: 0, takenMs: 0 });
});

test('a source that was idle begins with the ramp, whatever ramp it had before', () => {
  expect(planSlot({ freeInMs: -60_001, rampAgeMs: 900_000 }, 3000, RAMPED)).toMatchObject({
    startsRamp: true,
  });
  expect(planSlot({ freeInMs: -59_999, rampAgeMs: 900_000 }, 3000, RAMPED)).toEqual({
    waitMs: 0,
    takenMs: MS_FOR_3000,
    startsRamp: false,
  });
});

test('over the ramp half as much is sent as at the full rate, and page after page comes faster', () => {
  let at = 0;
  let sent = 0;
  let last = Infinity;
  while (at < 60_000) {
    const { takenMs } = planSlot({ freeInMs: 0, rampAgeMs: at }, 3000, RAMPED);
    expect(takenMs).toBeLessThanOrEqual(last);
    last = takenMs;
    at += takenMs;
    sent += 3000;
  }
  expect(sent / (60_000 * 9.8)).toBeCloseTo(0.5, 1);
  expect(planSlot({ freeInMs: 0, rampAgeMs: at }, 3000, RAMPED).takenMs).toBe(MS_FOR_3000);
});

test('the ramp goes on while a hop waits for its slot', () => {
  const soon = planSlot({ freeInMs: 0, rampAgeMs: 10_000 }, 3000, RAMPED);
  const later = planSlot({ freeInMs: 20_000, rampAgeMs: 10_000 }, 3000, RAMPED);
  expect(later.takenMs).toBeLessThan(soon.takenMs);
  expect(later.takenMs).toBe(planSlot({ freeInMs: 0, rampAgeMs: 30_000 }, 3000, RAMPED).takenMs);
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
    expect((await reserveSlot(ctx, 'default', 1)).waitMs).toBeGreaterThan(90_000);
    expect((await reserveSlot(ctx, 'two', 1)).waitMs).toBe(0);
    await expect(reserveSlot(ctx, 'three', 1)).rejects.toThrow(
      'source: expected one of default, two (each FCM_CREDENTIALS_NAME adds one), came "three"',
    );
  });

  test('a chunk that says the quota is used up stops every hop of its source, and the ramp begins after that', async () => {
    const ctx = makeContext(store, { env: { FCM_RAMP_SECONDS: '60' } });
    const chunk = (throttled: number) =>
      Array.from({ length: 100 }, (_, nth) =>
        nth < throttled
          ? {
              deviceId: nth,
              verdict: 'retryable' as const,
              reason: 'QUOTA_EXCEEDED',
              messageName: null,
              retryInMs: 30_000,
            }
          : { deviceId: nth, verdict: 'delivered' as const, reason: null, messageName: 'm', retryInMs: null },
      );
    await reserveSlot(ctx, 'default', 1);
    await brakeIfThrottled(ctx, 'default', chunk(9));
    expect(await other.fetchBrakeMs('default')).toBe(0);

    await brakeIfThrottled(ctx, 'default', chunk(10));
    expect(await other.fetchBrakeMs('default')).toBeGreaterThan(29_000);
    expect(await other.fetchBrakeMs('another')).toBe(0);
    const { freeInMs, rampAgeMs } = await other.fetchBudget('default');
    expect(freeInMs).toBeGreaterThan(29_000);
    expect(rampAgeMs + freeInMs).toBeLessThan(100);
  });

  test('a brake ends by itself', async () => {
    await store.fetchBudget('default');
    await store.brakeBudget('default', 30);
    expect(await store.fetchBrakeMs('default')).toBeGreaterThan(0);
    await sleep(60);
    expect(await store.fetchBrakeMs('default')).toBe(0);
  });
});

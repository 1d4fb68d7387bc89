import { afterEach, beforeEach, expect, test } from 'vitest';
import { parseConfig } from '../../../src/config/config.ts';
import { makePlan, type Plan } from '../../../src/report/plan/plan.ts';
import type { Store } from '../../../src/store.ts';
import { makeTestClock } from '../../support/clock.ts';
import { draft, madeUpDevices } from '../../support/context.ts';
import { makeDatabase, type TestDatabase } from '../../support/database.ts';
import { makeHop } from '../../support/summaries.ts';
import { openTimedStore } from '../../support/timed-store.ts';

/** Ten past: FCM is not busy then. */
const START_MS = Date.UTC(2026, 0, 1, 12, 8);
const HOUR_MS = 3_600_000;

const clock = makeTestClock({ startMs: START_MS });
const config = parseConfig({
  FCM_CREDENTIALS: 'application-default',
  FCM_PROJECT_ID: 'p',
  FCM_MESSAGES_PER_MINUTE: '6000',
  FCM_RAMP_SECONDS: '0',
  PAGE_SIZE: '100',
});

let database: TestDatabase;
let store: Store;

beforeEach(async () => {
  database = await makeDatabase('sqlite');
  store = openTimedStore(database.config, clock);
  await store.addDevices(madeUpDevices(1000));
});
afterEach(async () => {
  await store.close();
  await database.drop();
});

const plan = (announcementId: number, finishBy: number | null = null): Promise<Plan> =>
  makePlan({ store, config, clock }, announcementId, { finishBy });

test('a plan says what a draft takes if it starts now, and shows the message without a target', async () => {
  const id = await store.createAnnouncement({ ...draft, ttlSeconds: 3600 });
  const { cost, sample, ...rest } = await plan(id);
  expect(rest).toMatchObject({
    announcementId: id,
    audience: 1000,
    hops: 10,
    lanes: 1,
    startsAt: START_MS,
    perMinute: 6000,
    answerMs: 300,
    isMeasured: false,
    databaseConnections: 0,
    finishBy: null,
    warnings: [],
  });
  // 1000 pushes at 98% of 100 a second, and the answers to the last of them.
  expect(rest.durationMs / 1000).toBeGreaterThan(10.2);
  expect(rest.durationMs / 1000).toBeLessThan(13);
  expect(rest.endsAt).toBe(START_MS + rest.durationMs);
  expect(cost).toMatchObject({ memoryMb: 1769, requests: 11 });
  expect(cost.dollars.arm64).toBeLessThan(cost.dollars.x86_64);
  expect(sample).toMatchObject({ notification: { title: 'Hello' }, android: { ttl: '3600s' } });
  expect(JSON.stringify(sample)).not.toMatch(/token|target/);
});

test('it adds the retry rounds that the last announcements of the source had', async () => {
  const id = await store.createAnnouncement(draft);
  const smooth = await plan(id);
  expect(smooth.retries).toBeNull();
  const [own] = await store.fetchLatest(1);
  const done = { ...own!, status: 'done' as const };
  // Of two, one had a retry round with a tenth of its pushes.
  const hopsOf = new Map([
    [91, [makeHop({ devices: 500 })]],
    [92, [makeHop({ devices: 500 }), makeHop({ devices: 500 }), makeHop({ round: 1, devices: 100 })]],
  ]);
  const busy: Store = {
    ...store,
    fetchLatest: async () => [own!, { ...done, announcementId: 91 }, { ...done, announcementId: 92 }],
    fetchHopSummaries: async (announcementId) => hopsOf.get(announcementId) ?? [],
  };
  const planBusy = (finishBy: number | null) => makePlan({ store: busy, config, clock }, id, { finishBy });
  const { retries, durationMs, endsAt } = await planBusy(null);
  expect(retries).toMatchObject({ share: 0.05, rounds: 1 });
  // The wait with its jitter, half a minute until the tick, the answers, and 50 pushes at 100 a second.
  expect(retries?.ms).toBe(15_000 + 30_000 + 600 + 500);
  expect(durationMs).toBe(smooth.durationMs + 46_100);
  expect(endsAt).toBe(START_MS + durationMs);
  expect((await planBusy(endsAt - 1000)).finishBy).toMatchObject({ isPossible: false });
  expect((await plan(id, endsAt - 1000)).finishBy).toMatchObject({ isPossible: true });
});

test('it says whether the announcement ends by a time, and at what budget', async () => {
  const id = await store.createAnnouncement(draft);
  const soon = await plan(id, START_MS + 5000);
  expect(soon.finishBy).toMatchObject({ isPossible: false });
  expect(soon.finishBy?.perMinute).toBeGreaterThan(12_000);
  expect((await plan(id, START_MS + 60_000)).finishBy).toMatchObject({ isPossible: true, perMinute: 2000 });
  expect((await plan(id, START_MS + 1)).finishBy).toMatchObject({ isPossible: false, perMinute: null });
});

test('it warns of a busy time, a short time to live, a tick that does not come, and another announcement', async () => {
  const id = await store.createAnnouncement({ ...draft, ttlSeconds: 5 });
  await store.scheduleAnnouncement(id, Date.UTC(2026, 0, 1, 13, 1));
  const other = await store.createAnnouncement(draft);
  await store.scheduleAnnouncement(other, Date.UTC(2026, 0, 1, 13, 1));
  const { warnings, durationMs, startsAt } = await plan(id);
  expect(startsAt).toBe(Date.UTC(2026, 0, 1, 13, 1));
  expect(durationMs / 1000).toBeGreaterThan(20);
  expect(warnings.join('\n')).toMatch(/:00, :15, :30 or :45/);
  expect(warnings.join('\n')).toContain('time to live of 5 s');
  expect(warnings.join('\n')).toContain('there was no tick yet');
  expect(warnings.join('\n')).toContain(`shares the budget with announcement ${other}`);
});

test('it warns of an audience that is far from the last one, and of a source without credentials', async () => {
  const before = await store.createAnnouncement(draft);
  const key = { announcementId: before, round: 0, fromId: 0 };
  await store.startAnnouncement(key, HOUR_MS, [], { audience: { devices: 400, lastId: 400 } });
  await store.moveAnnouncement(before, ['running'], 'cancelled', null);
  const { warnings } = await plan(await store.createAnnouncement(draft));
  expect(warnings).toEqual([
    `the audience is 1000, that of the source's last announcement (${before}) was 400`,
  ]);
  const elsewhere = await plan(await store.createAnnouncement({ ...draft, source: 'shop' }));
  expect(elsewhere.warnings).toEqual(['the source shop is not configured here']);
});

test('an announcement that has started has no plan', async () => {
  const id = await store.createAnnouncement(draft);
  await store.startAnnouncement({ announcementId: id, round: 0, fromId: 0 }, HOUR_MS);
  await expect(plan(id)).rejects.toThrow('expected an announcement that is draft or scheduled');
});

import { beforeAll, afterAll, expect, test } from 'vitest';
import { describeStanding } from '../../src/cli/status-text.ts';
import { runHop } from '../../src/broadcast/hop.ts';
import { fetchListed, fetchStanding, type Observer, rateWithin } from '../../src/report/standing.ts';
import type { HopSummary } from '../../src/model/summary.ts';
import type { Store } from '../../src/store.ts';
import { formatTime } from '../../src/words.ts';
import { makeTestClock, type TestClock } from '../support/clock.ts';
import { delivered, draft, madeUpDevices, makeContext, outcome } from '../support/context.ts';
import { makeDatabase, type TestDatabase } from '../support/database.ts';
import { openTimedStore } from '../support/timed-store.ts';

let clock: TestClock;
let database: TestDatabase;
let store: Store;
let observer: Observer;

beforeAll(async () => {
  clock = makeTestClock({ isEager: true });
  database = await makeDatabase('sqlite');
  store = openTimedStore(database.config, clock);
  await store.addDevices(madeUpDevices(30));
  observer = { store, clock, paceOf: () => ({ perMinute: 600_000, rampMs: 0 }) };
});
afterAll(async () => {
  await store.close();
  await database.drop();
});

/** Starts an announcement and works its first hop, of ten devices. */
async function startOne(): Promise<number> {
  const announcementId = await store.createAnnouncement(draft);
  const ctx = makeContext(store, {
    clock,
    answer: ({ deviceId }) => (deviceId === 5 ? outcome('unregistered', 'UNREGISTERED') : delivered),
    env: { BATCH_SIZE: '20', WINDOW: '20' },
  });
  await store.recordTick();
  await runHop(ctx, { kind: 'broadcast', announcementId, round: 0, fromId: 0 });
  await store.restoreDevices(announcementId);
  return announcementId;
}

test('a standing has the balance, the rate, the answers, the errors and what is waited for, and counts no ledger', async () => {
  const announcementId = await startOne();
  const countDeliveries = () => Promise.reject(new Error('the ledger was counted'));
  const { announcement, ...standing } = await fetchStanding(
    { ...observer, store: { ...store, countDeliveries } },
    announcementId,
  );
  expect(announcement.status).toBe('running');
  expect(standing).toMatchObject({
    balance: {
      audience: 30,
      excluded: 0,
      delivered: 9,
      unregistered: 1,
      rejected: 0,
      unknown: 0,
      unsent: 20,
    },
    counts: { delivered: 9, unregistered: 1 },
    hops: { open: 1, held: 0, closed: 1 },
    errors: [{ reason: 'UNREGISTERED', pushes: 1 }],
    waitsFor: [{ what: 'an invocation of the hop at 11; without one, the tick wakes it' }],
  });
  expect(standing.perSecond.average).toBeGreaterThan(0);
  expect(standing.endsInMs).toBeGreaterThan(0);
  expect(standing.answers).not.toBeNull();
});

test('a hop whose lease has run out is stalled, and old ticks are said', async () => {
  const announcementId = await startOne();
  await clock.advance(600_000);
  const { waitsFor } = await fetchStanding(observer, announcementId);
  expect(waitsFor.map(({ what }) => what)).toEqual([
    expect.stringContaining('the tick to wake a stalled hop (round 0, from 11; for ') as string,
    expect.stringContaining('a tick: the last one was 10 min ago') as string,
  ]);
});

test('a brake, an outage, a pause and a failure say what is waited for, who made it, and until when', async () => {
  const announcementId = await startOne();
  const brake = async (outages: number): Promise<void> => {
    const { version } = await store.fetchBudget('default', null);
    await store.brakeBudget('default', version, {
      pauseMs: 30_000,
      rampAgeMs: 0,
      reason: 'throttled',
      outages,
    });
  };
  const waits = async () => (await fetchStanding(observer, announcementId)).waitsFor;
  await brake(0);
  expect(await waits()).toContainEqual({
    what: 'the source to go on (throttled)',
    until: clock.now() + 30_000,
    isStop: true,
  });
  await brake(1);
  expect((await waits())[0]?.what).toBe('FCM to be up again (throttled), next probe');
  await store.moveAnnouncement(announcementId, ['running'], 'paused', null, 'cli:ann');
  expect((await waits())[0]?.what).toMatch(/^a resume: paused by cli:ann at 2026-/);
  await store.moveAnnouncement(announcementId, ['paused'], 'failed', 'no such project');
  expect((await waits())[0]?.what).toMatch(/cause is fixed: failed by baton at .*: no such project$/);
});

test('while FCM is down, the status says why once, in a time for people, and foretells no end', async () => {
  const announcementId = await startOne();
  const lines = async () => describeStanding(await fetchStanding(observer, announcementId)).split('\n');
  expect((await lines())[1]).toMatch(/now .*average {2}ETA/);
  const { version } = await store.fetchBudget('default', null);
  const reason = 'FCM is down (UNAVAILABLE): waiting';
  await store.brakeBudget('default', version, { pauseMs: 30_000, rampAgeMs: 0, reason, outages: 1 });
  const until = `${formatTime(clock.now() + 30_000)} UTC`;
  expect((await store.fetchAnnouncement(announcementId))?.statusReason).toBe(`${reason} until ${until}`);
  const held = await lines();
  expect(held.filter((line) => line.includes('UNAVAILABLE'))).toEqual([
    `waits for FCM to be up again (FCM is down (UNAVAILABLE)), next probe, until ${until}`,
  ]);
  expect(held[1]).not.toMatch(/ETA|now/);
  expect(held.join()).not.toMatch(/\d\.\d{3}Z/);
  expect(await fetchStanding(observer, announcementId)).toMatchObject({ isHeld: true, endsInMs: null });
  await store.endOutage('default');
});

test('one that has not started waits for its time, and a list has the numbers of all', async () => {
  const scheduled = await store.createAnnouncement(draft);
  await store.scheduleAnnouncement(scheduled, clock.now() + 60_000);
  const standing = await fetchStanding(observer, scheduled);
  expect(standing).toMatchObject({ balance: null, endsInMs: null, perSecond: { now: null, average: null } });
  expect(standing.waitsFor[0]).toMatchObject({ what: 'its time', until: clock.now() + 60_000 });
  const listed = await fetchListed({ store, clock }, await store.fetchLatest(2));
  expect(listed).toMatchObject([
    { announcementId: scheduled, balance: null, tookMs: null },
    { balance: { audience: 30, delivered: 9 } },
  ]);
});

test('the rate is that of the hops that were sending within the time', () => {
  const hop = (openedAt: number | null, closedAt: number | null, sent: number) =>
    ({ openedAt, closedAt, work: { sent } }) as HopSummary;
  const hops = [hop(0, 10_000, 1000), hop(5000, 15_000, 1000), hop(12_000, null, 400), hop(null, null, 0)];
  expect(rateWithin(hops, 10_000, 20_000)).toBeCloseTo((500 + 400) / 10, 5);
  // It has not been sending for longer.
  expect(rateWithin([hop(18_000, null, 400)], 10_000, 20_000)).toBeCloseTo(200, 5);
  expect(rateWithin([], 10_000, 20_000)).toBe(0);
});

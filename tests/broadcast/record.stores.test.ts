import { afterEach, beforeEach, expect, test } from 'vitest';
import { runHop } from '../../src/broadcast/hop.ts';
import { scan } from '../../src/broadcast/scan.ts';
import { PushError } from '../../src/errors.ts';
import type { BroadcastJob } from '../../src/job.ts';
import { sendMessages } from '../../src/messages/send.ts';
import { type Guarantee, GUARANTEES } from '../../src/model/announcement.ts';
import type { Store } from '../../src/store.ts';
import { makeTestClock, type TestClock } from '../support/clock.ts';
import {
  draft,
  fixedSender,
  madeUpDevices,
  makeContext,
  type TestOptions,
  toDevice,
} from '../support/context.ts';
import { makeDatabase, type TestDatabase } from '../support/database.ts';
import { makeTestLambda } from '../support/test-lambda.ts';
import { openTimedStore } from '../support/timed-store.ts';

let database: TestDatabase;
let store: Store;
let clock: TestClock;

beforeEach(async () => {
  clock = makeTestClock({ isEager: true });
  database = await makeDatabase('sqlite');
  store = openTimedStore(database.config, clock);
});
afterEach(async () => {
  await store.close();
  await database.drop();
});

async function announce(devices: number, guarantee: Guarantee = 'at-least-once'): Promise<BroadcastJob> {
  await store.addDevices(madeUpDevices(devices));
  const announcementId = await store.createAnnouncement({ ...draft, guarantee });
  return { kind: 'broadcast', announcementId, round: 0, fromId: 0 };
}

/** The store with a ledger that takes no delivery from the second recording on, for so long; `Infinity`: never again. */
function refusingLedger(refusesMs: number): Store {
  let recordings = 0;
  let until = 0;
  return {
    ...store,
    async recordDeliveries(...asked) {
      if (++recordings === 2) until = clock.now() + refusesMs;
      if (clock.now() < until) throw new PushError('DATABASE', 'database: the server is read-only');
      return store.recordDeliveries(...asked);
    },
  };
}

/** A context whose invocation ends five minutes from now. */
function contextOf(options: TestOptions & { readonly store?: Store } = {}) {
  const endsAt = clock.now() + 300_000;
  return makeContext(options.store ?? store, { clock, remainingMs: () => endsAt - clock.now(), ...options });
}

test.each(GUARANTEES)(
  'while answers cannot be recorded nothing else is sent, the lease is kept, and nobody gets the push twice: %s',
  async (guarantee) => {
    const job = await announce(25, guarantee);
    const sentAt: number[] = [];
    const claims: string[] = [];
    const ctx = contextOf({
      store: refusingLedger(100_000),
      beforeSend: () => void sentAt.push(clock.now()),
    });
    const watch = async (): Promise<void> => {
      for (let minute = 0; minute < 2; minute++) {
        await clock.sleep(45_000);
        claims.push((await store.claimHop(job, 'another', 1000)).kind);
      }
    };
    const [report] = await Promise.all([runHop(ctx, job), watch()]);
    expect(report).toMatchObject({ end: 'done', sent: 10 });
    expect(claims).toEqual(['leased', 'leased']);
    expect(ctx.sent).toEqual(madeUpDevices(10).map(({ target }) => target));
    expect(sentAt[2]! - sentAt[1]!).toBeGreaterThanOrEqual(100_000);
    expect(await store.countDeliveries(job.announcementId)).toMatchObject({ delivered: 10, unknown: 0 });
    expect(ctx.logged).toContain('answers recorded after all');
  },
);

test('a database that takes no write for longer than a lease doubles nobody: whoever takes over waits for what is recorded', async () => {
  const job = await announce(10);
  const until = clock.now() + 100_000;
  let isRefusing = false;
  let isOver = false;
  const unlessRefusing = <T>(call: () => Promise<T>): Promise<T> =>
    isRefusing ? Promise.reject(new PushError('DATABASE', 'read-only')) : call();
  const stuck = contextOf({
    store: {
      ...store,
      recordDeliveries: (...asked) => unlessRefusing(() => store.recordDeliveries(...asked)),
      extendLease: (...asked) => unlessRefusing(() => store.extendLease(...asked)),
      holdHop: (...asked) => unlessRefusing(() => store.holdHop(...asked)),
    },
    beforeSend: () => void (isRefusing = !isOver),
  });
  const other = contextOf();
  const takeOver = async (): Promise<void> => {
    while (clock.now() <= until) await clock.sleep(500);
    isOver = true;
    isRefusing = false;
    expect(await scan(other)).toMatchObject({ woken: 1 });
    await runHop(other, job);
  };
  await Promise.all([runHop(stuck, job), takeOver()]);
  expect([...stuck.sent, ...other.sent]).toEqual(madeUpDevices(10).map(({ target }) => target));
  expect(other.sent).toHaveLength(6);
});

test('a pause does not let go of a hop whose answers are not recorded yet', async () => {
  const job = await announce(10);
  const { announcementId } = job;
  const ctx = contextOf({ store: refusingLedger(100_000) });
  const pause = async (): Promise<void> => {
    await clock.sleep(5000);
    await store.moveAnnouncement(announcementId, ['running'], 'paused', null);
    await clock.sleep(90_000);
    await store.moveAnnouncement(announcementId, ['paused'], 'running', null);
    expect(await store.fetchStalled(10)).toEqual([]);
  };
  const [report] = await Promise.all([runHop(ctx, job), pause()]);
  expect(report).toMatchObject({ end: 'stopped', sent: 8 });
  expect(await runHop(contextOf(), job)).toMatchObject({ end: 'done', sent: 2 });
});

test('a ledger that takes no answer of a hop fails the announcement after three claims, with the reason', async () => {
  const job = await announce(25);
  const { announcementId } = job;
  const lambda = makeTestLambda(refusingLedger(Infinity), clock);
  await lambda.run(job, 30);
  expect(await store.fetchAnnouncement(announcementId)).toMatchObject({ status: 'failed' });
  expect((await store.fetchAnnouncement(announcementId))?.statusReason).toMatch(
    /^the hop at (0|11|21), round 0, was claimed 3 times without recording anything: the answers of FCM could not be recorded: database: the server is read-only$/,
  );
  // The canary is recorded; of each of the three hops one chunk is not, and each claim sends it again.
  expect(lambda.pushes.size).toBe(16);
  expect(Math.max(...lambda.pushes.values())).toBe(3);
});

test('a hop that cannot write to the ledger sends nothing', async () => {
  const job = await announce(25);
  const refusing: Store = {
    ...store,
    proveRecording: () => Promise.reject(new PushError('DATABASE', 'database: INSERT command denied')),
  };
  const lambda = makeTestLambda(refusing, clock);
  await lambda.run(job, 30);
  expect(lambda.pushes.size).toBe(0);
  expect(await store.fetchAnnouncement(job.announcementId)).toMatchObject({
    status: 'failed',
    statusReason:
      "the hop at 0, round 0, was claimed 20 times without recording anything: the function's log says why",
  });
  await store.moveAnnouncement(job.announcementId, ['failed'], 'running', null);
  const fixed = makeTestLambda(store, clock);
  await fixed.run(job, 3);
  expect([...fixed.pushes.values()]).toEqual(madeUpDevices(25).map(() => 1));
});

test("a sender's reply of another length than the chunk fails the announcement after three claims", async () => {
  const job = await announce(10);
  const short = { ...contextOf(), senders: fixedSender({ send: async () => [], close: async () => {} }) };
  for (let times = 1; times < 3; times++)
    await expect(runHop(short, job)).rejects.toMatchObject({ code: 'BAD_REPLY' });
  expect(await runHop(short, job)).toMatchObject({ end: 'stopped' });
  const { statusReason } = (await store.fetchAnnouncement(job.announcementId)) ?? {};
  expect(statusReason).toContain('sender: expected 4 outcomes, one for each push, got 0');
});

test.each(GUARANTEES)(
  'a sender that fails each time fails the announcement after 20 claims: %s',
  async (guarantee) => {
    const job = await announce(10, guarantee);
    const failing = contextOf({
      beforeSend: () => {
        throw new Error('no route');
      },
    });
    for (let times = 1; times < 20; times++) await expect(runHop(failing, job)).rejects.toThrow('no route');
    expect(await runHop(failing, job)).toMatchObject({ end: 'stopped' });
    expect(await store.fetchAnnouncement(job.announcementId)).toMatchObject({ status: 'failed' });
  },
);

test('a hop that waits for its slot in many invocations is not taken for one that fails', async () => {
  const job = await announce(10);
  const throttled = { verdict: 'retryable', reason: 'QUOTA_EXCEEDED', messageName: null } as const;
  const first = contextOf({ answer: () => ({ ...throttled, retryAfterMs: 80_000_000 }) });
  expect(await runHop(first, job)).toMatchObject({ end: 'repeated', sent: 4 });
  for (let times = 0; times < 60; times++) {
    expect(await runHop(contextOf(), job)).toMatchObject({ end: 'stopped', sent: 0 });
  }
  await clock.advance(80_000_000);
  expect(await runHop(contextOf(), job)).toMatchObject({ end: 'done', sent: 6 });
});

test('the answers to messages are kept until they can be recorded, too', async () => {
  await store.addDevices(madeUpDevices(2));
  const refusedUntil = clock.now() + 20_000;
  const ctx = contextOf({
    store: {
      ...store,
      recordMessages: (...asked) =>
        clock.now() < refusedUntil
          ? Promise.reject(new PushError('DATABASE', 'database: the server is read-only'))
          : store.recordMessages(...asked),
    },
  });
  const message = { messageKey: 'a', source: 'default', recipient: toDevice(2), ttlSeconds: null };
  const send = () => sendMessages(ctx, [{ ...message, content: draft.content }]);
  expect(await send()).toMatchObject([{ verdict: 'delivered' }]);
  expect(await send()).toMatchObject([{ verdict: 'delivered' }]);
  expect(ctx.sent).toEqual(['target-2']);
});

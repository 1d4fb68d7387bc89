import type { BroadcastJob } from '../../src/job.ts';
import type { Device } from '../../src/model/device.ts';
import type { Sender } from '../../src/context.ts';
import type { Store } from '../../src/store.ts';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { runHop } from '../../src/broadcast/hop.ts';
import { PushError } from '../../src/errors.ts';
import { reserveTurn, reserveUrgent } from '../../src/pace/reserve.ts';
import { scan } from '../../src/broadcast/scan.ts';
import {
  delivered,
  draft,
  madeUpDevices,
  makeContext,
  outcome,
  type TestContext,
  type TestOptions,
  fixedSender,
} from '../support/context.ts';
import { makeTestClock, type TestClock } from '../support/clock.ts';
import { makeDatabase, type TestDatabase } from '../support/database.ts';
import { openTimedStore } from '../support/timed-store.ts';

let database: TestDatabase;
let store: Store;
let clock: TestClock;

beforeEach(async () => {
  clock = makeTestClock({ isEager: true });
  database = await makeDatabase('sqlite');
  store = openTimedStore(database.config, clock);
});

/** A context on the test's clock. */
function contextOf(options: TestOptions = {}): TestContext {
  return makeContext(store, { clock, ...options });
}
afterEach(async () => {
  await store.close();
  await database.drop();
});

async function announce(devices: number, lanes = 1): Promise<BroadcastJob> {
  await store.addDevices(madeUpDevices(devices));
  const announcementId = await store.createAnnouncement({ ...draft, lanes });
  return { kind: 'broadcast', announcementId, round: 0, fromId: 0 };
}

/** Runs the job and every job that it leads to, one after another. */
async function runAll(job: BroadcastJob, options: TestOptions = {}): Promise<TestContext> {
  const ctx = contextOf(options);
  const jobs: BroadcastJob[] = [job];
  for (let next = jobs.shift(); next; next = jobs.shift()) {
    const before = ctx.invoked.length;
    await runHop(ctx, next);
    jobs.push(...ctx.invoked.slice(before).filter((each) => each.kind === 'broadcast'));
  }
  return ctx;
}

test('every device is pushed to once, in pages, and the announcement ends as done', async () => {
  const job = await announce(25);
  const ctx = await runAll(job);
  expect(ctx.sent).toEqual(madeUpDevices(25).map(({ target }) => target));
  expect(ctx.invoked).toEqual([11, 21].map((fromId) => ({ ...job, fromId })));
  expect(await store.fetchAnnouncement(job.announcementId)).toMatchObject({ status: 'done' });
  expect(await store.countDeliveries(job.announcementId)).toMatchObject({ delivered: 25 });
  expect(await store.countHops(job.announcementId)).toEqual({ open: 0, closed: 3 });
});

test('a full page hands the baton on before it sends its own pushes', async () => {
  const job = await announce(21);
  const ctx = contextOf();
  await runHop(ctx, job);
  ctx.story.length = 0;
  expect(await runHop(ctx, { ...job, fromId: 11 })).toMatchObject({ end: 'done', sent: 10 });
  expect(ctx.story).toEqual(['invoke 21', 'send 4', 'send 4', 'send 2']);
});

test('the canary is judged before any other hop is woken', async () => {
  const job = await announce(25);
  const ctx = contextOf();
  expect(await runHop(ctx, job)).toMatchObject({ end: 'done', sent: 10 });
  expect(ctx.story).toEqual(['send 4', 'invoke 11', 'send 4', 'send 2']);

  const second = await store.createAnnouncement(draft);
  const failing = contextOf({ answer: () => outcome('misconfigured', 'HTTP_404_NOT_FOUND') });
  await runHop(failing, { ...job, announcementId: second });
  expect(failing.story).toEqual(['send 4']);
  expect((await store.fetchAnnouncement(second))?.statusReason).toContain('check FCM_PROJECT_ID');
});

test("tokens of another project are the project's fault when they are most of a chunk, and the devices' fault when few", async () => {
  const job = await announce(8);
  const mismatch = outcome('rejected', 'SENDER_ID_MISMATCH');
  const few = contextOf({ answer: ({ deviceId }) => (deviceId % 4 === 0 ? mismatch : delivered) });
  expect(await runHop(few, job)).toMatchObject({ end: 'done' });
  expect(await store.countDeliveries(job.announcementId)).toMatchObject({ delivered: 6, rejected: 2 });

  const second = { ...job, announcementId: await store.createAnnouncement(draft) };
  expect(await runHop(contextOf({ answer: () => mismatch }), second)).toMatchObject({
    end: 'stopped',
    sent: 4,
  });
  expect(await store.countDeliveries(second.announcementId)).toMatchObject({ misconfigured: 4, rejected: 0 });
  await store.moveAnnouncement(second.announcementId, ['failed'], 'running', null);
  expect(await runHop(contextOf(), second)).toMatchObject({ end: 'done', sent: 8 });
});

test('a page of exactly the page size is the last one', async () => {
  const ctx = await runAll(await announce(10));
  expect(ctx.story).toEqual(['send 4', 'send 4', 'send 2']);
});

test('a broadcast to no devices at all is done', async () => {
  const job = await announce(0);
  const ctx = await runAll(job);
  expect(ctx.story).toEqual([]);
  expect(await store.fetchAnnouncement(job.announcementId)).toMatchObject({ status: 'done' });
});

test('a duplicate event does nothing', async () => {
  const job = await announce(25);
  const ctx = contextOf();
  await runHop(ctx, job);
  expect(await runHop(ctx, job)).toMatchObject({ end: 'idle', sent: 0 });
  expect(ctx.invoked).toHaveLength(1);
  expect(ctx.sent).toHaveLength(10);
});

test('of several invocations of one hop at the same time, one works', async () => {
  const job = await announce(10);
  const ctx = contextOf();
  const ends = await Promise.all([runHop(ctx, job), runHop(ctx, job), runHop(ctx, job)]);
  expect(ends.map(({ end }) => end).toSorted()).toEqual(['done', 'idle', 'idle']);
  expect(ctx.sent).toHaveLength(10);
});

test('an event for a cursor at which no hop was planted does nothing', async () => {
  const job = await announce(25);
  const ctx = contextOf();
  await runHop(ctx, job);
  expect(await runHop(ctx, { ...job, fromId: 5 })).toMatchObject({ end: 'idle' });
  expect(ctx.sent).toHaveLength(10);
});

test('a broadcast may begin at a later device', async () => {
  const job = await announce(25);
  const ctx = await runAll({ ...job, fromId: 16 });
  expect(ctx.sent).toEqual(
    madeUpDevices(25)
      .slice(15)
      .map(({ target }) => target),
  );
});

test('an unknown announcement is an error that names its id', async () => {
  const job = { kind: 'broadcast', announcementId: 4711, round: 0, fromId: 0 } as const;
  await expect(runHop(contextOf(), job)).rejects.toThrow(
    'announcementId: expected the id of a row in push_announcement, got 4711',
  );
});

test('a pause takes effect before the next chunk, and the rest is sent after a resume', async () => {
  const job = await announce(10);
  const { announcementId } = job;
  const ctx = contextOf({
    beforeSend: async () => void (await store.moveAnnouncement(announcementId, ['running'], 'paused', null)),
  });
  expect(await runHop(ctx, job)).toMatchObject({ end: 'stopped', sent: 4 });
  expect(await runHop(ctx, job)).toMatchObject({ end: 'stopped', sent: 0 });
  await store.moveAnnouncement(announcementId, ['paused'], 'running', null);
  const resumed = contextOf();
  expect(await runHop(resumed, job)).toMatchObject({ end: 'done', sent: 6 });
  expect(resumed.sent).toEqual(['target-5', 'target-6', 'target-7', 'target-8', 'target-9', 'target-10']);
});

test('an invocation that breaks off is repeated: the same page, without what was sent, handed over once', async () => {
  const job = await announce(25);
  let chunks = 0;
  const breaking = contextOf({
    beforeSend: () => {
      if (++chunks === 2) throw new Error('the database went away');
    },
  });
  await expect(runHop(breaking, job)).rejects.toThrow('the database went away');
  const repeat = contextOf();
  expect(await runHop(repeat, job)).toMatchObject({ end: 'done', sent: 6 });
  expect(repeat.invoked).toEqual([]);
  expect([...breaking.sent, ...repeat.sent]).toEqual(madeUpDevices(10).map(({ target }) => target));
});

test('an invocation that could not hand over sends only the canary, and its repeat hands over', async () => {
  const job = await announce(25);
  const failing = contextOf({ invoke: () => Promise.reject(new PushError('INVOKE_FAILED', 'no')) });
  await expect(runHop(failing, job)).rejects.toThrow(PushError);
  expect(failing.sent).toHaveLength(4);
  const repeat = contextOf();
  expect(await runHop(repeat, job)).toMatchObject({ end: 'done', sent: 6 });
  expect(repeat.invoked).toEqual([{ ...job, fromId: 11 }]);
});

test('a hop that runs out of time leaves the rest to a repeat of itself', async () => {
  const job = await announce(10);
  let leftMs = 300_000;
  const ctx = contextOf({
    beforeSend: () => void (leftMs = leftMs === 300_000 ? 14_999 : 300_001),
    remainingMs: () => leftMs,
  });
  expect(await runHop(ctx, job)).toMatchObject({ end: 'repeated', sent: 4 });
  expect(ctx.invoked).toEqual([job]);
  leftMs = 300_001;
  expect(await runHop(ctx, job)).toMatchObject({ end: 'done', sent: 6 });
  expect(ctx.sent).toHaveLength(10);
});

test('a hop without time for a single chunk fails, and does not repeat itself without end', async () => {
  const job = await announce(10);
  const ctx = contextOf({ remainingMs: () => 10_000 });
  await expect(runHop(ctx, job)).rejects.toMatchObject({ code: 'OUT_OF_TIME' });
  expect(ctx.invoked).toEqual([]);
});

test('each device gets the verdict that FCM gave for it', async () => {
  const job = await announce(10);
  const verdicts = ['delivered', 'unregistered', 'rejected'] as const;
  await runAll(job, { answer: ({ deviceId }) => outcome(verdicts[deviceId % 3]!, 'SO_IT_IS') });
  const recorded = await store.fetchVerdicts(job.announcementId, 1, 10);
  expect(recorded.size).toBe(10);
  for (const [deviceId, verdict] of recorded) expect(verdict).toBe(verdicts[deviceId % 3]);
});

test('what FCM did not take is sent again in a retry round when it is due, and nothing else is', async () => {
  const job = await announce(25);
  const first = await runAll(job, {
    answer: ({ deviceId }) => (deviceId % 2 === 0 ? outcome('retryable', 'UNAVAILABLE') : delivered),
  });
  expect(first.sent).toHaveLength(25);
  expect(await store.fetchAnnouncement(job.announcementId)).toMatchObject({ status: 'running' });

  await clock.advance(15_000);
  const ctx = contextOf();
  await scan(ctx);
  expect(ctx.invoked).toEqual([{ ...job, round: 1 }]);
  const second = await runAll({ ...job, round: 1 });
  expect(second.sent).toEqual(Array.from({ length: 12 }, (_, nth) => `target-${2 * (nth + 1)}`));
  expect(await store.fetchAnnouncement(job.announcementId)).toMatchObject({ status: 'done' });
  expect(await store.countDeliveries(job.announcementId)).toMatchObject({ delivered: 25, retryable: 0 });
});

test('after the last attempt a refusal is final', async () => {
  const job = await announce(3);
  const env = { MAX_ATTEMPTS: '2' };
  const answer = ({ deviceId }: Device) => (deviceId === 1 ? delivered : outcome('retryable', 'UNAVAILABLE'));
  await runAll(job, { env, answer });
  await clock.advance(15_000);
  await scan(contextOf({ env }));
  await runAll({ ...job, round: 1 }, { env, answer });
  expect(await store.fetchAnnouncement(job.announcementId)).toMatchObject({ status: 'done' });
  expect(await store.countDeliveries(job.announcementId)).toMatchObject({
    delivered: 1,
    rejected: 2,
    retryable: 0,
  });
});

test('at most once: a push caught in a crash stays unknown, and is not sent again', async () => {
  await store.addDevices(madeUpDevices(10));
  const announcementId = await store.createAnnouncement({ ...draft, guarantee: 'at-most-once' });
  const job = { kind: 'broadcast', announcementId, round: 0, fromId: 0 } as const;
  let chunks = 0;
  const recordDeliveries: Store['recordDeliveries'] = (hop, deliveries) =>
    ++chunks === 2 ? Promise.reject(new Error('killed')) : store.recordDeliveries(hop, deliveries);
  const remainingMs = () => (chunks < 2 ? 300_000 : 0);
  const dying = { ...contextOf({ remainingMs }), store: { ...store, recordDeliveries } };
  await expect(runHop(dying, job)).rejects.toThrow('killed');
  const repeat = contextOf();
  expect(await runHop(repeat, job)).toMatchObject({ end: 'done', sent: 2 });
  expect(repeat.sent).toEqual(['target-9', 'target-10']);
  expect(await store.countDeliveries(announcementId)).toMatchObject({ delivered: 6, unknown: 4 });
});

test('at most once: what could not be sent without an access token is sent after the fix', async () => {
  await store.addDevices(madeUpDevices(10));
  const announcementId = await store.createAnnouncement({ ...draft, guarantee: 'at-most-once' });
  const job = { kind: 'broadcast', announcementId, round: 0, fromId: 0 } as const;
  const ctx = contextOf({
    beforeSend: () => {
      throw new PushError('BAD_CREDENTIALS', 'no access token for FCM: invalid_grant');
    },
  });
  expect(await runHop(ctx, job)).toMatchObject({ end: 'stopped', sent: 0 });
  await store.moveAnnouncement(announcementId, ['failed'], 'running', null);
  expect(await runHop(contextOf(), job)).toMatchObject({ end: 'done', sent: 10 });
  expect(await store.countDeliveries(announcementId)).toMatchObject({ delivered: 10, unknown: 0 });
});

test("a failure that is not the devices' fault stops the announcement after one chunk, and is sent again after a resume", async () => {
  const job = await announce(10);
  const ctx = contextOf({ answer: () => outcome('misconfigured', 'HTTP_401_UNAUTHENTICATED') });
  expect(await runHop(ctx, job)).toMatchObject({ end: 'stopped', sent: 4 });
  const failed = await store.fetchAnnouncement(job.announcementId);
  expect(failed?.status).toBe('failed');
  expect(failed?.statusReason).toContain(
    'FCM refused 4 of 4 pushes, and not because of the devices (HTTP_401_UNAUTHENTICATED)',
  );

  await store.moveAnnouncement(job.announcementId, ['failed'], 'running', null);
  const fixed = contextOf();
  expect(await runHop(fixed, job)).toMatchObject({ end: 'done', sent: 10 });
  expect(await store.countDeliveries(job.announcementId)).toMatchObject({ delivered: 10, misconfigured: 0 });
});

test('credentials that give no access token stop the announcement with the reason', async () => {
  const job = await announce(10);
  const ctx = contextOf({
    beforeSend: () => {
      throw new PushError('BAD_CREDENTIALS', 'no access token for FCM: invalid_grant');
    },
  });
  expect(await runHop(ctx, job)).toMatchObject({ end: 'stopped', sent: 0 });
  expect(await store.fetchAnnouncement(job.announcementId)).toMatchObject({
    status: 'failed',
    statusReason: 'no access token for FCM: invalid_grant',
  });
});

test("a sender's reply of another length than the chunk is refused, and nothing is recorded", async () => {
  const job = await announce(10);
  const ctx = contextOf();
  const short = { ...ctx, senders: fixedSender({ send: async () => [], close: async () => {} }) };
  await expect(runHop(short, job)).rejects.toThrow('sender: expected 4 outcomes, one for each push, got 0');
  expect(await store.fetchVerdicts(job.announcementId, 1, 10)).toEqual(new Map());
});

test('a hop that fails again and again stops the announcement, and is tried again after a resume', async () => {
  const job = await announce(10);
  const broken = contextOf();
  const failing = { ...broken, store: { ...store, fetchPage: () => Promise.reject(new Error('a bad row')) } };
  for (let times = 1; times < 20; times++) await expect(runHop(failing, job)).rejects.toThrow('a bad row');
  expect(await runHop(failing, job)).toMatchObject({ end: 'stopped' });
  expect(await store.fetchAnnouncement(job.announcementId)).toMatchObject({
    status: 'failed',
    statusReason:
      "the hop at 0, round 0, was claimed 20 times without recording anything: the function's log says why",
  });
  await store.moveAnnouncement(job.announcementId, ['failed'], 'running', null);
  expect(await runHop(contextOf(), job)).toMatchObject({ end: 'done', sent: 10 });
});

test('a slot that opens after the invocation has to end is left to another invocation', async () => {
  const job = await announce(25);
  const env = { FCM_MESSAGES_PER_MINUTE: '1' };
  await reserveTurn(contextOf({ env }), { source: 'default', announcementId: 4711 }, 10);
  const ctx = contextOf({ env });
  expect(await runHop(ctx, job)).toMatchObject({ end: 'stopped', sent: 0 });
  expect(ctx.invoked).toEqual([]);
  expect(await scan(ctx)).toMatchObject({ woken: 0 });
  expect(await store.claimHop(job, 'another', 1000)).toMatchObject({ kind: 'claimed' });
});

test("after a 429 no chunk is sent before FCM's Retry-After is over", async () => {
  const job = await announce(10);
  const { announcementId } = job;
  const throttled = { ...outcome('retryable', 'QUOTA_EXCEEDED'), retryAfterMs: 400_000 };
  const ctx = contextOf({ answer: () => throttled });
  expect(await runHop(ctx, job)).toMatchObject({ end: 'repeated', sent: 4 });
  expect(ctx.invoked).toEqual([job]);
  expect(await runHop(ctx, job)).toMatchObject({ end: 'stopped', sent: 0 });
  expect(await scan(ctx)).toMatchObject({ woken: 0 });
  expect(await store.countDeliveries(announcementId)).toMatchObject({ retryable: 4 });
});

test("a few refusals that are not the devices' fault are retried in a round of their own", async () => {
  const job = await announce(4);
  const answer = ({ deviceId }: Device) =>
    deviceId > 2 ? outcome('misconfigured', 'HTTP_401_UNAUTHENTICATED') : delivered;
  await runAll(job, { answer });
  await clock.advance(15_000);
  await scan(contextOf());
  const second = await runAll({ ...job, round: 1 });
  expect(second.sent).toEqual(['target-3', 'target-4']);
  expect(await store.fetchAnnouncement(job.announcementId)).toMatchObject({ status: 'done' });
  expect(await store.countDeliveries(job.announcementId)).toMatchObject({ delivered: 4, misconfigured: 0 });
});

test('lanes begin once the canary is judged, and go over every device once', async () => {
  const job = await announce(60, 3);
  const ctx = await runAll(job);
  expect(ctx.story.slice(0, 5)).toEqual(['send 4', 'invoke 11', 'invoke 21', 'invoke 41', 'send 4']);
  expect(ctx.sent.toSorted()).toEqual(
    madeUpDevices(60)
      .map(({ target }) => target)
      .toSorted(),
  );
  expect(await store.countHops(job.announcementId)).toEqual({ open: 0, closed: 6 });

  // A start event may ask for another number of them.
  const second = { ...job, announcementId: await store.createAnnouncement(draft) };
  expect((await runAll({ ...second, lanes: 2 })).story.slice(0, 3)).toEqual([
    'send 4',
    'invoke 11',
    'invoke 31',
  ]);
});

test('an urgent message in the middle of a page delays the rest of the page', async () => {
  const job = await announce(8);
  // Each push takes 25 ms.
  const env = { FCM_MESSAGES_PER_MINUTE: '2449' };
  const sentAt: number[] = [];
  const ctx = contextOf({
    env,
    beforeSend: async () => {
      sentAt.push(clock.now());
      if (sentAt.length > 1) return;
      expect(await reserveUrgent(ctx, 'default', 20)).toMatchObject({ waitMs: 0, takenMs: 500 });
    },
  });
  await runHop(ctx, job);
  // Seven pushes' own 175 ms and the 500 ms of the urgent messages; what is due within a tick is sent with it.
  expect(sentAt.at(-1)! - sentAt[0]!).toBeGreaterThanOrEqual(675 - 20);
  expect(sentAt.at(-1)! - sentAt[0]!).toBeLessThanOrEqual(675);
  // At most a batch is sent before the hop reads the budget again.
  expect(sentAt.filter((at) => at - sentAt[0]! < 500).length).toBeLessThanOrEqual(4);
});

test('a page that fell behind its slot does not catch up in a rush: the rest reserves again', async () => {
  const job = await announce(8);
  const { announcementId } = job;
  const env = { FCM_MESSAGES_PER_MINUTE: '2449' };
  const versions: number[] = [];
  const ctx = contextOf({
    env,
    beforeSend: async () => {
      versions.push((await store.fetchBudget('default', announcementId)).version);
      // The process stands still for 1500 ms: more than MAX_LATE_MS.
      if (versions.length === 1) await clock.advance(1500);
    },
  });
  await runHop(ctx, job);
  expect(versions.at(-1)).toBe(versions[0]! + 1);
  expect(ctx.sent).toHaveLength(8);
});

test('a device that another announcement finds unregistered after the page was read is still sent to by the repeat', async () => {
  const job = await announce(10);
  let chunks = 0;
  const breaking = contextOf({
    beforeSend: () => {
      if (++chunks === 2) throw new Error('the database went away');
    },
  });
  await expect(runHop(breaking, job)).rejects.toThrow('went away');
  const other = { ...job, announcementId: await store.createAnnouncement(draft) };
  const gone = outcome('unregistered', 'UNREGISTERED');
  await runAll(other, { answer: ({ deviceId }) => (deviceId === 10 ? gone : delivered) });
  expect(await runHop(contextOf(), job)).toMatchObject({ end: 'done', sent: 6 });
  expect((await store.fetchVerdicts(job.announcementId, 1, 10)).size).toBe(10);

  const third = await runAll({ ...job, announcementId: await store.createAnnouncement(draft) });
  expect(third.sent).toHaveLength(9);
});

test('answers are recorded in batches, and wake the sender with each batch, not one by one', async () => {
  const job = await announce(400);
  let waits = 0;
  const counting: TestClock = {
    ...clock,
    sleep: (ms, signal) => {
      if (signal) waits++;
      return clock.sleep(ms, signal);
    },
  };
  const recorded: number[] = [];
  const counted: Store = {
    ...store,
    recordDeliveries: (hop, deliveries, options) => {
      recorded.push(deliveries.length);
      return store.recordDeliveries(hop, deliveries, options);
    },
  };
  // One answer in each turn of the event loop.
  let answering = Promise.resolve();
  const nextTurn = () => (answering = answering.then(() => new Promise((resolve) => setImmediate(resolve))));
  const sender: Sender = {
    send: ({ devices }, _signal, onOutcome) =>
      Promise.all(
        devices.map(async (_, nth) => {
          await nextTurn();
          onOutcome?.(nth, delivered);
          return delivered;
        }),
      ),
    close: async () => {},
  };
  const env = { PAGE_SIZE: '400', BATCH_SIZE: '50', WINDOW: '100' };
  const ctx = { ...makeContext(counted, { clock: counting, env }), senders: fixedSender(sender) };
  expect(await runHop(ctx, job)).toMatchObject({ end: 'done', sent: 400 });
  expect(recorded.reduce((sum, each) => sum + each, 0)).toBe(400);
  expect(recorded.length).toBeLessThanOrEqual(12);
  expect(waits).toBeLessThan(60);
});

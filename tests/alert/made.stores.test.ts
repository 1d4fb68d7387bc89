import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { raiseAlerts } from '../../src/alert/alert.ts';
import { alertFromAudit } from '../../src/alert/from-audit.ts';
import { watchRunning } from '../../src/alert/watch.ts';
import { failAnnouncement, moveAnnouncement } from '../../src/broadcast/announcement.ts';
import { runHop } from '../../src/broadcast/hop.ts';
import { firstJob } from '../../src/job.ts';
import type { Alert } from '../../src/model/alert.ts';
import type { Store } from '../../src/store.ts';
import { makeTestClock, type TestClock } from '../support/clock.ts';
import {
  delivered,
  draft,
  madeUpDevices,
  makeContext,
  outcome,
  type TestOptions,
  toDevice,
} from '../support/context.ts';
import { databaseKinds, makeDatabase, type TestDatabase } from '../support/database.ts';
import { openTimedStore } from '../support/timed-store.ts';

const ALL = 'started,done,failed,stalled,throttled,failure-rate';
const ENV = {
  ALERT_WEBHOOK_URL: 'http://127.0.0.1:1/',
  ALERT_WEBHOOK_FORMAT: 'slack',
  ALERT_ON: ALL,
  PAGE_SIZE: '1000',
  WINDOW: '1000',
  BATCH_SIZE: '500',
};
const MINUTE = 60_000;

describe.each(databaseKinds())('alerts are made, on %s:', (kind) => {
  let database: TestDatabase;
  let clock: TestClock;
  let store: Store;

  beforeEach(async () => {
    database = await makeDatabase(kind);
    clock = makeTestClock({ isEager: true });
    store = openTimedStore(database.config, clock);
    await store.addDevices(madeUpDevices(120));
  });
  afterEach(async () => {
    await store.close();
    await database.drop();
  });

  const contextOf = (options: TestOptions = {}) =>
    makeContext(store, { clock, ...options, env: { ...ENV, ...options.env } });

  async function look(options: TestOptions = {}): Promise<void> {
    const ctx = contextOf(options);
    await alertFromAudit(ctx);
    await watchRunning(ctx);
  }

  /** All alerts that wait to be sent, in the order in which they were made. */
  async function alerts(): Promise<Alert[]> {
    const due = await store.fetchDueAlerts(['webhook', 'sns'], 100);
    return due.flatMap(({ alert }) => alert ?? []);
  }

  const kinds = async (): Promise<string[]> => (await alerts()).map((alert) => alert.kind);

  async function start(): Promise<number> {
    const announcementId = await store.createAnnouncement(draft, 'cli:ada');
    await store.startAnnouncement({ ...firstJob(announcementId) }, 30_000, [], {
      audience: { devices: 120, lastId: 120 },
      actor: 'cli:ada',
    });
    return announcementId;
  }

  async function broadcast(options: TestOptions = {}): Promise<number> {
    const announcementId = await start();
    await runHop(contextOf(options), firstJob(announcementId));
    return announcementId;
  }

  test('a broadcast that is done has one of its start and one of its end, with its numbers; however many ticks look', async () => {
    const announcementId = await broadcast({
      answer: ({ deviceId }) => (deviceId <= 3 ? outcome('unregistered', 'UNREGISTERED') : delivered),
    });
    await Promise.all([look(), look()]);
    await clock.advance(MINUTE);
    await look();
    expect(await alerts()).toMatchObject([
      { kind: 'started', announcementId, text: expect.stringContaining('(by cli:ada): 120 pushes to send') },
      {
        kind: 'done',
        ...{ stage: 'dev', source: 'default', reason: null },
        text: `Announcement ${announcementId} is done: 117 of 120 pushes delivered.`,
        balance: { audience: 120, delivered: 117, unregistered: 3, unsent: 0 },
      },
    ]);
  });

  test('a change of which the last tick could not know is found by the next, also hours later', async () => {
    await look();
    await clock.advance(5 * 60 * MINUTE);
    await broadcast();
    await clock.advance(3 * 60 * MINUTE);
    await look();
    expect(await kinds()).toEqual(['started', 'done']);
  });

  test('one that was paused at its start has one with the reason; a pause by a person has none', async () => {
    const waits = await store.createAnnouncement({ ...draft, expectedAudience: 5000 }, 'cli:ada');
    await runHop(contextOf(), firstJob(waits));
    await moveAnnouncement({ store, actor: 'cli:ada' }, await start(), 'pause');
    await look({ env: { ALERT_ON: 'paused,failure-rate' } });
    await look({ env: { ALERT_ON: 'paused,failure-rate' } });
    expect(await alerts()).toMatchObject([
      {
        ...{ kind: 'paused', announcementId: waits, balance: null, counts: null },
        reason: 'audience: expected about 5,000, got 120: resume to send it all the same',
        next: expect.stringContaining(`\`baton explain ${waits}\` says what lets it start`),
      },
    ]);
  });

  test('what happened long before the first look is no news', async () => {
    await broadcast();
    await clock.advance(11 * MINUTE);
    await look();
    await clock.advance(MINUTE);
    await look();
    expect(await kinds()).toEqual([]);
  });

  test('each failure of an announcement has its reason, also the second one after a resume', async () => {
    const announcementId = await start();
    const ctx = contextOf();
    await failAnnouncement(ctx, announcementId, 'FCM refuses the first key');
    await look();
    await moveAnnouncement(ctx, announcementId, 'resume');
    await failAnnouncement(ctx, announcementId, 'FCM refuses the second key');
    await look();
    expect((await alerts()).filter((alert) => alert.kind === 'failed').map(({ reason }) => reason)).toEqual([
      'FCM refuses the first key',
      'FCM refuses the second key',
    ]);
  });

  test('one that failed before it started has no numbers', async () => {
    const announcementId = await store.createAnnouncement(draft);
    await failAnnouncement(contextOf(), announcementId, 'no such source', ['draft']);
    await look();
    expect(await alerts()).toMatchObject([
      { text: `Announcement ${announcementId} has failed.`, balance: null, counts: null },
    ]);
  });

  test('only what ALERT_ON names is an alert, for each channel that is configured', async () => {
    await broadcast();
    const topic = { ALERT_SNS_TOPIC_ARN: 'arn:aws:sns:eu-central-1:123456789012:alerts' };
    await look({ env: { ALERT_ON: 'done', ...topic } });
    const due = await store.fetchDueAlerts(['webhook', 'sns'], 100);
    expect(due.map(({ kind: one, channel }) => [one, channel])).toEqual([
      ['done', 'webhook'],
      ['done', 'sns'],
    ]);
    expect(new Set(due.map(({ alert }) => alert?.id)).size).toBe(1);
  });

  test('a mailing has none of its start and its end, and one of its failure', async () => {
    const message = { messageKey: 'a', source: 'default', recipient: toDevice(1), ttlSeconds: null };
    await store.addMessages([{ ...message, content: draft.content }], 0);
    const announcementId = (await store.makeMailing('default', 10)) ?? 0;
    await store.startAnnouncement(firstJob(announcementId), 30_000);
    await look();
    await failAnnouncement(contextOf(), announcementId, 'a reason');
    await look();
    expect(await kinds()).toEqual(['failed']);
  });

  test('too many refusals are one alert at the end, however often a tick looks', async () => {
    const refuse = outcome('rejected', 'INVALID_ARGUMENT');
    await broadcast({ answer: ({ deviceId }) => (deviceId % 10 === 0 ? refuse : delivered) });
    await look({ env: { ALERT_ON: 'failure-rate' } });
    await look({ env: { ALERT_ON: 'failure-rate' } });
    expect(await alerts()).toMatchObject([
      { kind: 'failure-rate', text: expect.stringContaining('10.0% of 120 pushes') },
    ]);
  });

  test('fewer refusals than ALERT_FAILURE_RATE are none', async () => {
    const refuse = outcome('rejected', 'INVALID_ARGUMENT');
    await broadcast({ answer: ({ deviceId }) => (deviceId % 10 === 0 ? refuse : delivered) });
    await look({ env: { ALERT_ON: 'failure-rate', ALERT_FAILURE_RATE: '11' } });
    expect(await kinds()).toEqual([]);
  });

  test('an announcement whose events are lost stalls, although the tick wakes its hop again and again; one alert', async () => {
    await start();
    const made: string[][] = [];
    for (let minute = 0; minute <= 6; minute++) {
      await watchRunning(contextOf());
      made.push(await kinds());
      await clock.advance(MINUTE);
      for (const key of await store.fetchStalled(10)) await store.reviveHop(key, 30_000);
    }
    expect(made.map(({ length }) => length)).toEqual([0, 0, 0, 0, 0, 1, 1]);
    expect((await alerts())[0]).toMatchObject({
      kind: 'stalled',
      text: expect.stringContaining('no progress for 5 min'),
    });
  });

  test('one that waits for its retries, is paused, or whose invocation is at work, does not stall', async () => {
    const announcementId = await start();
    const claim = await store.claimHop(firstJob(announcementId), 'one', 30_000);
    if (claim.kind !== 'claimed') throw new Error('expected a claimed hop');
    await store.postponeHop(claim.hop, 20 * MINUTE);
    for (let minute = 0; minute < 20; minute++) {
      await watchRunning(contextOf());
      await clock.advance(MINUTE);
    }
    await moveAnnouncement(contextOf(), announcementId, 'pause');
    await clock.advance(20 * MINUTE);
    await watchRunning(contextOf());
    await moveAnnouncement(contextOf(), announcementId, 'resume');
    await watchRunning(contextOf());
    expect(await kinds()).toEqual([]);
  });

  test('a source that FCM throttles for long, in all, is one alert with its reason; so is one pause that is long enough', async () => {
    await start();
    const brakeFor = async (pauseMs: number): Promise<void> => {
      const { version } = await store.fetchBudget('default', null);
      await store.brakeBudget('default', version, { pauseMs, rampAgeMs: 0, reason: 'throttled', outages: 0 });
    };
    for (let minute = 0; minute < 9; minute++) {
      await brakeFor(MINUTE - 1);
      await watchRunning(contextOf());
      await clock.advance(MINUTE);
    }
    expect(await kinds()).toEqual([]);
    await brakeFor(2 * MINUTE);
    await watchRunning(contextOf());
    await watchRunning(contextOf());
    expect(await alerts()).toMatchObject([
      { kind: 'throttled', reason: expect.stringMatching(/^throttled until 2026/) },
    ]);
    const second = await start();
    await brakeFor(10 * MINUTE);
    await watchRunning(contextOf());
    expect((await alerts()).at(-1)).toMatchObject({ kind: 'throttled', announcementId: second });
  });

  test('nothing is made, looked at or sent where no channel is configured', async () => {
    await broadcast();
    const { ALERT_WEBHOOK_URL: _, ...env } = ENV;
    const ctx = makeContext(store, { clock, env });
    await raiseAlerts(ctx, { step: () => Promise.reject(new Error('expected no step')) });
    expect(await store.fetchAuditMark()).toMatchObject({ markMs: null });
  });

  test('what was seen of an announcement is forgotten when it runs no more', async () => {
    const announcementId = await start();
    await watchRunning(contextOf());
    expect(await store.fetchWatches(10)).toMatchObject([{ announcementId, progress: expect.any(String) }]);
    await moveAnnouncement(contextOf(), announcementId, 'pause');
    await watchRunning(contextOf());
    await moveAnnouncement(contextOf(), announcementId, 'resume');
    expect(await store.fetchWatches(10)).toMatchObject([{ announcementId, progress: null }]);
  });
});

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { runHop } from '../../src/broadcast/hop.ts';
import { scan } from '../../src/broadcast/scan.ts';
import { systemClock } from '../../src/clock.ts';
import { openStore } from '../../src/db/open.ts';
import { firstJob } from '../../src/job.ts';
import { sendMessages } from '../../src/messages/send.ts';
import type { Metrics } from '../../src/metrics.ts';
import { countVerdicts } from '../../src/model/delivery.ts';
import type { Store } from '../../src/store.ts';
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

const NONE = countVerdicts([]);

describe.each(databaseKinds())('metrics, on %s', (kind) => {
  let database: TestDatabase;
  let store: Store;

  beforeEach(async () => {
    database = await makeDatabase(kind);
    store = await openStore(database.config, systemClock);
    await store.addDevices(madeUpDevices(9));
  });
  afterEach(async () => {
    await store.close();
    await database.drop();
  });

  /** A context that keeps the values of every call, in order. */
  function makeRecorder(options: TestOptions) {
    const values: Parameters<Metrics['record']>[0][] = [];
    const pushes: Parameters<Metrics['recordPushes']>[0][] = [];
    const metrics: Metrics = {
      record: (each) => values.push(each),
      recordPushes: (each) => pushes.push(each),
    };
    return { ctx: { ...makeContext(store, options), metrics }, values, pushes };
  }

  async function broadcast(options: TestOptions) {
    const { ctx, values, pushes } = makeRecorder(options);
    const announcementId = await store.createAnnouncement(draft);
    await store.scheduleAnnouncement(announcementId, 0);
    await scan(ctx);
    await runHop(ctx, firstJob(announcementId));
    return { names: values.flatMap((each) => Object.keys(each)), values, pushes };
  }

  test('a hop counts each of its pushes once by verdict, and times its slot, its chunks and itself', async () => {
    const { names, values, pushes } = await broadcast({
      answer: ({ deviceId }) => (deviceId === 4 ? outcome('unregistered', 'UNREGISTERED') : delivered),
    });
    expect(pushes).toEqual([
      { ...NONE, delivered: 3, unregistered: 1 },
      { ...NONE, delivered: 4 },
      { ...NONE, delivered: 1 },
    ]);
    expect(names).toEqual([
      'SlotWait',
      'FcmAnswerTime',
      'FcmAnswerTime',
      'FcmAnswerTime',
      'AnnouncementsDone',
      'HopDuration',
    ]);
    for (const value of values.flatMap((each) => Object.values(each)))
      expect(value).toBeGreaterThanOrEqual(0);
  });

  test('an announcement that FCM refuses in its second chunk counts as failed, its refused pushes as misconfigured', async () => {
    const { names, pushes } = await broadcast({
      answer: ({ deviceId }) => {
        if (deviceId > 4) return outcome('misconfigured', 'HTTP_403');
        if (deviceId === 4) return outcome('unregistered', 'UNREGISTERED');
        return delivered;
      },
    });
    expect(pushes).toEqual([
      { ...NONE, delivered: 3, unregistered: 1 },
      { ...NONE, misconfigured: 4 },
    ]);
    expect(names).toEqual([
      'SlotWait',
      'FcmAnswerTime',
      'FcmAnswerTime',
      'AnnouncementsFailed',
      'HopDuration',
    ]);
  });

  test('pushes that FCM throttles are counted', async () => {
    const { values } = await broadcast({
      answer: ({ deviceId }) => (deviceId < 3 ? outcome('retryable', 'QUOTA_EXCEEDED') : delivered),
    });
    expect(values).toContainEqual({ Throttled: 2 });
  });

  test('a stalled hop that the scan invokes again is counted', async () => {
    const { ctx, values } = makeRecorder({});
    const announcementId = await store.createAnnouncement(draft);
    await store.scheduleAnnouncement(announcementId, 0);
    await scan(ctx);
    expect(values).toEqual([]);
    await store.claimHop(firstJob(announcementId), 'owner-1', -1000);
    await scan(ctx);
    expect(values).toEqual([{ HopsWoken: 1 }]);
  });

  test('a message sent at once is counted with its pushes and with FCM’s answer time; a repeat is not', async () => {
    const { ctx, values, pushes } = makeRecorder({});
    const message = {
      ...{ messageKey: 'key-1', source: 'default', recipient: toDevice(1), ttlSeconds: null },
      content: draft.content,
    };
    await sendMessages(ctx, [message]);
    expect(pushes).toEqual([{ ...NONE, delivered: 1 }]);
    expect(values).toEqual([{ MessagesAtOnce: 1, MessageAnswerTime: expect.any(Number) }]);
    await sendMessages(ctx, [message]);
    expect(pushes).toHaveLength(1);
    expect(values).toHaveLength(1);
  });
});

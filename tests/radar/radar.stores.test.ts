import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { runHop } from '../../src/broadcast/hop.ts';
import { firstJob } from '../../src/job.ts';
import { runRadar } from '../../src/radar/radar.ts';
import type { Store } from '../../src/store.ts';
import { makeTestClock, type TestClock } from '../support/clock.ts';
import { delivered, draft, madeUpDevices, makeContext, outcome } from '../support/context.ts';
import { databaseKinds, makeDatabase, type TestDatabase } from '../support/database.ts';
import { openTimedStore } from '../support/timed-store.ts';

const DAY = 86_400_000;
const env = {
  ALERT_WEBHOOK_URL: 'http://127.0.0.1:1/',
  ALERT_WEBHOOK_FORMAT: 'slack',
  PAGE_SIZE: '3000',
  WINDOW: '1000',
  BATCH_SIZE: '500',
};

describe.each(databaseKinds())('the radar, on %s:', (kind) => {
  let database: TestDatabase;
  let clock: TestClock;
  let store: Store;

  beforeEach(async () => {
    database = await makeDatabase(kind);
    clock = makeTestClock({ isEager: true });
    store = openTimedStore(database.config, clock);
  });
  afterEach(async () => {
    await store.close();
    await database.drop();
  });

  const headersAndMix = async () => {
    // Too little time to send an alert: it stays due.
    const ctx = makeContext(store, { clock, env, remainingMs: () => 1000 });
    const { notices } = await runRadar(ctx, { kind: 'radar' });
    return notices.filter(({ name }) => /^(header|mix):/.test(name));
  };

  const alertsOf = async (words: string) =>
    (await store.fetchDueAlerts(['webhook'], 100)).flatMap(({ alert }) =>
      alert !== null && alert.text.includes(words) ? [alert] : [],
    );

  test('a header that a push has met is a notice and an alert, until it is not seen for long', async () => {
    expect(await headersAndMix()).toEqual([]);
    const ctx = makeContext(store, { clock, env });
    const header = { kind: 'header', source: 'default' } as const;
    const value = new Date(clock.now() + 50 * DAY).toUTCString();
    const day = new Date(clock.now() + 50 * DAY).toISOString().slice(0, 10);
    for (let nth = 0; nth < 3; nth++) ctx.signals.note({ ...header, name: 'fcm:sunset', value });
    ctx.signals.note({ ...header, name: 'google-token:deprecation', value: '@1688169599' });
    await ctx.signals.flush();
    expect(await store.fetchSignals('header', 1)).toMatchObject([{ times: 3, value }, { times: 1 }]);

    expect(await headersAndMix()).toMatchObject([
      { name: 'header:fcm:sunset', level: 'red', dueOn: day },
      { name: 'header:google-token:deprecation', level: 'amber', dueOn: '2023-06-30' },
    ]);
    const [alert] = await alertsOf(`radar (red, due on ${day}): FCM announces`);
    expect(alert?.next).toContain(`deploy a release of Baton that uses the successor before ${day}`);
    expect(await alertsOf('radar (amber')).toHaveLength(1);
    await headersAndMix();
    expect(await alertsOf('radar (')).toHaveLength(2);

    await clock.advance(41 * DAY);
    expect(await headersAndMix()).toEqual([]);
  });

  test('a jump of unregistered devices is a notice and an alert; broadcasts as ever are none', async () => {
    await store.addDevices(madeUpDevices(1000));
    const broadcast = async (gone: (deviceId: number) => boolean): Promise<void> => {
      const announcementId = await store.createAnnouncement(draft);
      await store.startAnnouncement(firstJob(announcementId), 30_000, [], {
        audience: await store.countAudience({ announcementId, audience: 'devices', filter: null }, 0),
      });
      const answer = ({ deviceId }: { deviceId: number }) =>
        gone(deviceId) ? outcome('rejected', 'SENDER_ID_MISMATCH') : delivered;
      await runHop(makeContext(store, { clock, env, answer }), firstJob(announcementId));
      expect((await store.fetchAnnouncement(announcementId))?.status).toBe('done');
      await clock.advance(DAY);
    };
    for (let nth = 0; nth < 4; nth++) await broadcast((deviceId) => deviceId % 100 === 0);
    expect(await headersAndMix()).toEqual([]);
    await broadcast((deviceId) => deviceId % 10 === 0);
    expect(await headersAndMix()).toMatchObject([{ name: 'mix:default:rejected', level: 'amber' }]);
    expect(await alertsOf('10.0% of the 1,000 pushes')).toHaveLength(1);
  });
});

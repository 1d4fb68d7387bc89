import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { recordCheck } from '../../src/alert/record-check.ts';
import { startChecks } from '../../src/broadcast/checks.ts';
import { scan } from '../../src/broadcast/scan.ts';
import { sendCanariesAtStart } from '../../src/canary/wants.ts';
import { openDriver } from '../../src/db/open.ts';
import { sql } from '../../src/db/sql.ts';
import type { CheckJob, PushJob } from '../../src/job.ts';
import type { Store } from '../../src/store.ts';
import { makeTestClock, type TestClock } from '../support/clock.ts';
import { draft, makeContext, type TestContext, type TestOptions } from '../support/context.ts';
import { databaseKinds, makeDatabase, type TestDatabase } from '../support/database.ts';
import { openTimedStore } from '../support/timed-store.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
/** What the tests write. */
const TABLES = ['push_announcement', 'push_device', 'push_check', 'push_signal', 'push_tick'];
const CHECKS = 'doctor,radar,canary';
const WEBHOOK = {
  ALERT_WEBHOOK_URL: 'https://example.com/hook',
  ALERT_WEBHOOK_SECRET: `whsec_${Buffer.alloc(24, 1).toString('base64')}`,
};

describe.each(databaseKinds())('checks on a schedule, on %s', (kind) => {
  let database: TestDatabase;
  let clock: TestClock;
  let store: Store;

  beforeAll(async () => {
    database = await makeDatabase(kind);
  });
  beforeEach(() => {
    clock = makeTestClock({ isEager: true });
    store = openTimedStore(database.config, clock);
  });
  afterEach(async () => {
    await store.close();
    const driver = openDriver(database.config, clock);
    for (const table of TABLES) await driver.run({ sql: `DELETE FROM ${table}`, values: [] });
    await driver.close();
  });
  afterAll(() => database.drop());

  const contextOf = (options: TestOptions = {}): TestContext =>
    makeContext(store, { clock, ...options, env: { CHECKS, ...options.env } });
  const rows = { row: (_fields: unknown, work: () => Promise<number>) => work() };
  const start = (ctx = contextOf()) => startChecks(ctx, rows);
  const schedule = async (inMs: number, more = {}): Promise<number> => {
    const announcementId = await store.createAnnouncement({ ...draft, ...more });
    await store.scheduleAnnouncement(announcementId, clock.now() + inMs);
    return announcementId;
  };

  test('over 30 quiet days each check is started once a day, and nothing is found', async () => {
    const started: { job: CheckJob; at: number }[] = [];
    const ctx = contextOf({
      env: WEBHOOK,
      invoke: async (job: PushJob) => {
        if (job.kind !== 'doctor' && job.kind !== 'radar' && job.kind !== 'canary') return;
        started.push({ job, at: clock.now() });
        await recordCheck(ctx, job, []);
      },
    });
    const from = clock.now();
    const publishAt = from + 10 * DAY_MS + 7 * 3_600_000;
    const announcementId = await store.createAnnouncement(draft);
    await store.scheduleAnnouncement(announcementId, publishAt);
    // Ticks come late, are missed, or come twice; a minute apart where it matters.
    for (let nth = 0; clock.now() < from + 30 * DAY_MS; nth++) {
      const isNear = Math.abs(clock.now() - (publishAt - 30 * MINUTE_MS)) < 90 * MINUTE_MS;
      await Promise.all(nth % 3 === 0 ? [start(ctx), start(ctx)] : [start(ctx)]);
      await clock.advance((isNear ? 1 + (nth % 3) : 60 + ((nth * 7) % 11)) * MINUTE_MS);
    }
    const times = (check: string) =>
      started.filter(({ job }) => job.kind === check && job.announcementId === undefined).length;
    for (const check of CHECKS.split(',')) {
      expect(times(check)).toBeGreaterThanOrEqual(28);
      expect(times(check)).toBeLessThanOrEqual(31);
    }
    const before = started.filter(({ job }) => job.announcementId !== undefined);
    expect(before.map(({ job }) => job)).toEqual([{ kind: 'doctor', announcementId }]);
    const aheadMs = publishAt - (before[0]?.at ?? 0);
    expect(aheadMs).toBeGreaterThan(26 * MINUTE_MS);
    expect(aheadMs).toBeLessThanOrEqual(30 * MINUTE_MS);
    expect(await store.fetchNotices()).toEqual([]);
    expect(await store.fetchDueAlerts(['webhook'], 10)).toEqual([]);
  });

  test('a broadcast is checked once for each time, half an hour before it; of one in parts, the whole', async () => {
    const checked = async () => {
      const ctx = contextOf();
      await start(ctx);
      return ctx.invoked.flatMap((job) => ('announcementId' in job ? [job] : []));
    };
    const soon = await schedule(20 * MINUTE_MS);
    await schedule(40 * MINUTE_MS);
    const mailing = await schedule(20 * MINUTE_MS);
    const driver = openDriver(database.config, clock);
    await driver.run(
      sql`UPDATE push_announcement SET audience = 'messages' WHERE announcement_id = ${mailing}`,
    );
    await driver.close();
    const whole = await schedule(25 * MINUTE_MS, { repeat: { at: '0 9 * * *', zone: 'UTC' } });
    await schedule(25 * MINUTE_MS, { partOf: whole });
    await store.createAnnouncement(draft);
    expect(await checked()).toEqual([
      { kind: 'doctor', announcementId: soon },
      { kind: 'doctor', announcementId: whole },
    ]);
    expect(await checked()).toEqual([]);
    // It is put off.
    await store.scheduleAnnouncement(soon, clock.now() + DAY_MS);
    await clock.advance(DAY_MS - 25 * MINUTE_MS);
    expect(await checked()).toEqual([{ kind: 'doctor', announcementId: soon }]);
  });

  test('a broadcast above CANARY_ABOVE has a round of canaries before it, which the start does not repeat; a smaller one and one in parts have none', async () => {
    await store.registerDevice({ target: 'phone', isCanary: true });
    await store.registerDevice({ target: 'other', platform: 'ios' });
    const env = { RECEIPTS: 'on', CANARY_ABOVE: '1' };
    const large = await schedule(20 * MINUTE_MS);
    const small = await schedule(21 * MINUTE_MS, { filter: { platform: ['ios'] } });
    const whole = await schedule(22 * MINUTE_MS, { repeat: { at: '0 9 * * *', zone: 'UTC' } });
    const checksOf = async (more = {}) => {
      const ctx = contextOf({ env: { ...env, ...more } });
      await start(ctx);
      return ctx.invoked.flatMap((job) => ('announcementId' in job ? [job] : []));
    };
    expect(await checksOf({ CHECKS: 'radar' })).toEqual([]);
    expect(await checksOf()).toEqual([
      { kind: 'canary', announcementId: large },
      ...[large, small, whole].map((announcementId) => ({ kind: 'doctor', announcementId })),
    ]);
    expect(await checksOf()).toEqual([]);
    await clock.advance(20 * MINUTE_MS);
    const ctx = contextOf({ env });
    await sendCanariesAtStart(ctx, (await store.fetchAnnouncement(large))!, 2);
    expect(ctx.invoked).toEqual([]);
  });

  test('a check that ran a short while ago, whoever started it, is not started; one that could not be invoked is', async () => {
    const broken = contextOf({ invoke: () => Promise.reject(new Error('Lambda is down')) });
    await expect(start(broken)).rejects.toThrow('Lambda is down');
    await store.endCheck('radar', true);
    const ctx = contextOf();
    await start(ctx);
    expect(ctx.invoked).toEqual([{ kind: 'doctor' }, { kind: 'canary' }]);
    await clock.advance(DAY_MS);
    await recordCheck(contextOf(), { kind: 'doctor' }, []);
    await clock.advance(DAY_MS / 2);
    const later = contextOf();
    await start(later);
    expect(later.invoked).toEqual([{ kind: 'radar' }, { kind: 'canary' }]);
  });

  test('the tick starts checks after it has recorded itself, and a check that fails to start fails the tick', async () => {
    let ageMs: number | null = null;
    const ctx = contextOf({
      invoke: async () => {
        ageMs = await store.fetchTickAgeMs();
      },
    });
    await scan(ctx);
    expect(ctx.story).toEqual(['doctor', 'radar', 'canary']);
    expect(ageMs).toBeCloseTo(0);
    await clock.advance(2 * DAY_MS);
    const broken = contextOf({ invoke: () => Promise.reject(new Error('Lambda is down')) });
    await expect(scan(broken)).rejects.toThrow('Lambda is down');
    const next = contextOf();
    await scan(next);
    expect(next.story).toEqual(['doctor', 'radar', 'canary']);
  });

  test('a check that never ends is started again an hour later, once', async () => {
    await start();
    await store.endCheck('radar', true);
    await store.endCheck('canary', true);
    await clock.advance(59 * MINUTE_MS);
    const early = contextOf();
    await start(early);
    expect(early.invoked).toEqual([]);
    await clock.advance(2 * MINUTE_MS);
    const [one, two] = [contextOf(), contextOf()];
    await Promise.all([start(one), start(two)]);
    expect([...one.invoked, ...two.invoked]).toEqual([{ kind: 'doctor' }]);
  });

  test('CHECKS says which checks the tick starts', async () => {
    const ctx = contextOf({ env: { CHECKS: 'radar' } });
    await schedule(20 * MINUTE_MS);
    await start(ctx);
    expect(ctx.invoked).toEqual([{ kind: 'radar' }]);
    const none = contextOf({ env: { CHECKS: 'none' } });
    expect(await start(none)).toBe(0);
  });

  test('runs for single announcements are deleted after 30 days, and signals after 400', async () => {
    await store.endCheck('doctor', true);
    await store.endCheck('doctor-1', true);
    await store.recordSignals([{ kind: 'header', source: '', name: 'a', value: 'x' }]);
    await clock.advance(31 * DAY_MS);
    await store.endCheck('doctor-2', true);
    await store.pruneChecks();
    expect((await store.fetchChecks()).map(({ name }) => name)).toEqual(['doctor', 'doctor-2']);
    await clock.advance(360 * DAY_MS);
    await store.pruneChecks();
    expect(await store.fetchSignals('header', 1000)).toHaveLength(1);
    await clock.advance(12 * DAY_MS);
    await store.pruneChecks();
    expect(await store.fetchSignals('header', 1000)).toEqual([]);
  });
});

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { answerCanaries } from '../../src/canary/answers.ts';
import { askCanaries } from '../../src/canary/ask.ts';
import { runCanary } from '../../src/canary/canary.ts';
import { judgeCanaries } from '../../src/canary/judge.ts';
import { sendCanariesAtStart, wantsCanary } from '../../src/canary/wants.ts';
import { scan } from '../../src/broadcast/scan.ts';
import { systemClock } from '../../src/clock.ts';
import { openDriver } from '../../src/db/open.ts';
import { sql } from '../../src/db/sql.ts';
import type { Batch } from '../../src/context.ts';
import { PushError } from '../../src/errors.ts';
import { restMessage } from '../../src/fcm/message.ts';
import type { NewDevice } from '../../src/model/device.ts';
import type { Store } from '../../src/store.ts';
import { explain } from '../db/plan.ts';
import { makeTestClock, type TestClock } from '../support/clock.ts';
import { delivered, draft, makeContext, outcome, type TestOptions } from '../support/context.ts';
import { databaseKinds, makeDatabase, type TestDatabase } from '../support/database.ts';
import { openTimedStore } from '../support/timed-store.ts';

const TABLES = ['device', 'announcement', 'canary', 'check', 'notice', 'alert', 'budget', 'tick', 'hop'].map(
  (name) => `push_${name}`,
);
const SENDING = { RECEIPTS: 'on', FCM_CREDENTIALS: 'application-default', FCM_PROJECT_ID: 'p' };
const MINUTE = 60_000;
const DAY = 1440 * MINUTE;
const TODAY = 'canary-2026-01-01';
const WEBHOOK = {
  ALERT_WEBHOOK_URL: 'http://127.0.0.1:9/hook',
  ALERT_WEBHOOK_SECRET: `whsec_${Buffer.alloc(24, 1).toString('base64')}`,
};

describe.each(databaseKinds())('canaries (%s)', (kind) => {
  let database: TestDatabase;
  let store: Store;
  let clock: TestClock;
  beforeAll(async () => {
    database = await makeDatabase(kind);
  });
  afterAll(() => database.drop());
  beforeEach(async () => {
    clock = makeTestClock({ isEager: true });
    store = openTimedStore(database.config, clock);
    const driver = openDriver(database.config, clock);
    for (const table of TABLES) await driver.run({ sql: `DELETE FROM ${table}`, values: [] });
    await driver.close();
  });
  afterEach(() => store.close());

  const world = (options: TestOptions = {}) =>
    makeContext(store, { clock, ...options, env: { ...SENDING, ...options.env } });
  const add = async (...devices: Partial<NewDevice>[]): Promise<number[]> => {
    const ids: number[] = [];
    for (const [nth, device] of devices.entries()) {
      const made = { target: `phone-${nth + 1}`, targetKind: 'token', isCanary: true, ...device } as const;
      ids.push(await store.registerDevice(made));
    }
    return ids;
  };
  const answer = (...targets: string[]) =>
    answerCanaries(
      { store },
      targets.map((target) => ({ round: TODAY, target })),
    );
  const found = async () => (await store.fetchNotices()).map(({ name, level }) => `${name} ${level}`);

  test('a round is one silent push to each canary, and to nobody else; no phone gets it twice', async () => {
    await add({ platform: 'ios' }, { platform: 'android', targetKind: 'fid' }, { isCanary: false });
    const batches: Batch[] = [];
    const ctx = world();
    const of = (source: string) => ctx.senders.of(source);
    const spied = {
      ...ctx,
      senders: {
        ...ctx.senders,
        of: async (source: string) => {
          const sender = await of(source);
          const send: typeof sender.send = (batch, signal) => {
            batches.push(batch);
            return sender.send(batch, signal);
          };
          return { ...sender, send };
        },
      },
    };
    expect(await runCanary(spied, { kind: 'canary' })).toEqual({ kind: 'canary', ok: true, notices: [] });
    expect(ctx.sent).toEqual(['phone-1', 'phone-2']);
    const message = restMessage(batches[0]!, clock.now());
    expect(message).not.toHaveProperty('notification');
    expect(message).toMatchObject({
      data: { baton_id: TODAY },
      android: { priority: 'high', ttl: '86400s' },
      apns: {
        headers: { 'apns-push-type': 'background', 'apns-priority': '5' },
        payload: { aps: { 'content-available': 1 } },
      },
    });
    const again = world();
    await runCanary(again, { kind: 'canary' });
    expect(again.sent).toEqual([]);
    await clock.advance(DAY);
    await runCanary(again, { kind: 'canary' });
    expect(again.sent).toHaveLength(2);
    expect(await store.countDeliveries(0)).toMatchObject({ delivered: 0 });
  });

  test('accepted but not received: red after 15 minutes at the next tick, with an alert; an answer ends it', async () => {
    const [first] = await add({ platform: 'ios' }, { platform: 'android' });
    const ctx = world({ env: WEBHOOK });
    await runCanary(ctx, { kind: 'canary' });
    await clock.advance(MINUTE);
    await answer('phone-2');
    await scan(ctx);
    expect(await found()).toEqual([]);
    await clock.advance(14 * MINUTE);
    await scan(ctx);
    expect(await store.fetchNotices()).toMatchObject([
      {
        name: `canary:${first}`,
        level: 'red',
        says: `FCM accepted the push to canary ${first} (ios) and the phone did not answer in 15 minutes`,
      },
    ]);
    const pending = async () => (await store.fetchUnalertedNotices(['canary'], 10)).length;
    expect(await pending()).toBe(0);
    expect((await store.fetchChecks()).find(({ name }) => name === 'canary-judged')).toMatchObject({
      ok: false,
    });

    await clock.advance(60 * MINUTE);
    await answer('phone-1');
    await scan(ctx);
    expect(await found()).toEqual([]);
  });

  test('the tick judges only if there is news', async () => {
    const ctx = world();
    expect(await judgeCanaries(ctx)).toBe(0);
    const [, second] = await add({}, {});
    await runCanary(ctx, { kind: 'canary' });
    await clock.advance(5 * MINUTE);
    expect(await judgeCanaries(ctx)).toBe(0);
    await answer('phone-1');
    // Once more a minute later, for answers that were under way.
    for (const judged of [1, 1, 0]) {
      expect(await judgeCanaries(ctx)).toBe(judged);
      await clock.advance(MINUTE);
    }
    await clock.advance(7 * MINUTE);
    expect(await judgeCanaries(ctx)).toBe(1);
    expect(await found()).toEqual([`canary:${second} red`]);
    await clock.advance(MINUTE);
    expect(await judgeCanaries(ctx)).toBe(1);
    await clock.advance(MINUTE);
    expect(await judgeCanaries(ctx)).toBe(0);
    await clock.advance(2 * DAY);
    expect(await judgeCanaries(ctx)).toBe(0);
  });

  test('nothing but the answer of a canary of the round counts', async () => {
    await add({}, {}, { isCanary: false });
    const ctx = world();
    await runCanary(ctx, { kind: 'canary' });
    await answer('phone-3', 'nobody', 'two words', 'x'.repeat(600), '');
    await answerCanaries(ctx, [
      { round: 'canary-2020-01-01', target: 'phone-1' },
      { round: '42', target: 'phone-1' },
      { round: `canary-${'x'.repeat(100)}`, target: 'phone-1' },
    ]);
    await answerCanaries(ctx, []);
    const answers = async () => (await store.fetchCanaryPushes(DAY, 10)).map(({ answeredAt }) => answeredAt);
    expect(await answers()).toEqual([null, null]);
    const at = clock.now();
    await answer('phone-2');
    await clock.advance(MINUTE);
    await answer('phone-2', 'phone-2');
    expect(await answers()).toEqual([null, at]);
  });

  test('a phone whose app is gone is reported and stays in the table; one that a broadcast found gone gets no push', async () => {
    const [first] = await add({}, {}, {});
    const ctx = world({
      answer: ({ target }) => (target === 'phone-1' ? outcome('unregistered', 'UNREGISTERED') : delivered),
    });
    const { ok } = await runCanary(ctx, { kind: 'canary' });
    expect(ok).toBe(true);
    expect(await found()).toEqual([`canary:${first} amber`]);
    expect(await store.countDevices()).toBe(3);
    expect((await store.fetchCanaries(10)).map(({ unregisteredAt }) => unregisteredAt)).toEqual([
      null,
      null,
      null,
    ]);
  });

  test('a crash before the answers are recorded repeats no push, and the tick says what is not known', async () => {
    await add({}, {});
    const ctx = world();
    const crashing: Store = {
      ...store,
      recordCanaries: () => Promise.reject(new PushError('DATABASE', 'gone')),
    };
    await expect(runCanary({ ...ctx, store: crashing }, { kind: 'canary' })).rejects.toThrow('gone');
    expect(ctx.sent).toHaveLength(2);
    await runCanary(ctx, { kind: 'canary' });
    expect(ctx.sent).toHaveLength(2);
    await answer('phone-2');
    await clock.advance(16 * MINUTE);
    await scan(ctx);
    expect(await found()).toEqual(['canary:not-known amber']);
  });

  test('a source that cannot send is red at once; one without room in its budget sends nothing', async () => {
    await add({}, {});
    const refused = {
      ...world(),
      senders: { ...world().senders, of: () => Promise.reject(new PushError('BAD_CREDENTIALS', 'no key')) },
    };
    expect((await runCanary(refused, { kind: 'canary' })).ok).toBe(false);
    expect(await found()).toEqual(['canary:BAD_CREDENTIALS red']);
    await clock.advance(DAY);
    const brake = { pauseMs: 10 * MINUTE, reason: 'down', rampAgeMs: 0, outages: 1 };
    await store.brakeBudget('default', (await store.fetchBudget('default', null)).version, brake);
    const ctx = world();
    await runCanary(ctx, { kind: 'canary' });
    expect(ctx.sent).toEqual([]);
    expect(await found()).toEqual(['canary:NO_BUDGET red']);
    await clock.advance(DAY);
    await runCanary(ctx, { kind: 'canary' });
    expect(ctx.sent).toHaveLength(2);
  });

  test('with RECEIPTS=off no canary gets a push, and the check says why; without canaries it says nothing', async () => {
    const ctx = world({ env: { RECEIPTS: 'off' } });
    expect((await runCanary(ctx, { kind: 'canary' })).notices).toEqual([]);
    await add({});
    expect((await runCanary(ctx, { kind: 'canary' })).ok).toBe(true);
    expect(ctx.sent).toEqual([]);
    expect(await found()).toEqual(['canary:receipts amber']);
    await store.registerDevice({ target: 'phone-1', isCanary: false });
    await runCanary(ctx, { kind: 'canary' });
    expect(await found()).toEqual([]);
  });

  test('a broadcast above CANARY_ABOVE has a round of its own, by its source, and one at its start only once', async () => {
    await add({}, {}, { isCanary: false });
    const env = { CANARY_ABOVE: '2', FCM_CREDENTIALS_SHOP: 'application-default', FCM_PROJECT_ID_SHOP: 's' };
    const ctx = world({ env });
    const make = async (fields: Partial<typeof draft> = {}) => {
      const id = await store.createAnnouncement({ ...draft, ...fields });
      return (await store.fetchAnnouncement(id))!;
    };
    const shop = await make({ source: 'shop' });
    expect(await wantsCanary(ctx, shop)).toBe(true);
    expect(await wantsCanary(world({ env: { CANARY_ABOVE: '3' } }), shop)).toBe(false);
    expect(await wantsCanary(world(), shop)).toBe(false);
    expect(await wantsCanary(world({ env: { ...env, RECEIPTS: 'off' } }), shop)).toBe(false);
    expect(await wantsCanary(ctx, await make({ dryRun: true }))).toBe(false);

    const { announcementId } = shop;
    const sources: string[] = [];
    const of = (source: string) => ctx.senders.of(source);
    const byShop = {
      ...ctx,
      senders: {
        ...ctx.senders,
        of: (source: string) => {
          sources.push(source);
          return of(source);
        },
      },
    };
    await runCanary(byShop, { kind: 'canary', announcementId });
    expect(sources).toEqual(['shop']);
    const [push] = await store.fetchCanaryPushes(DAY, 1);
    expect(push?.round).toBe(`canary-a${announcementId}`);

    const now = await make();
    await store.scheduleAnnouncement(now.announcementId, clock.now());
    await scan(ctx);
    const job = { kind: 'canary', announcementId: now.announcementId };
    expect(ctx.invoked).toContainEqual(job);
    await sendCanariesAtStart(ctx, now, 3);
    expect(ctx.invoked.filter((each) => each.kind === 'canary')).toEqual([job]);
    const failing = world({ env, invoke: () => Promise.reject(new PushError('INVOKE_FAILED', 'no')) });
    await sendCanariesAtStart(failing, shop, 3);
    expect(failing.logged).toEqual([]);
    await sendCanariesAtStart(failing, await make(), 3);
    expect(failing.logged).toEqual(['canaries not sent']);
  });

  test('a tick without canaries is one statement, which an index keeps from the rounds of earlier days', async () => {
    const driver = openDriver(database.config, systemClock);
    const days = Array.from({ length: 90 }, (_, nth) => nth + 2);
    for (const day of days) {
      const round = `canary-day-${day}`;
      const phones = Array.from(
        { length: 20 },
        (_, nth) => sql`(${[round, nth + 1, driver.dialect.nowPlus(-day * DAY)]})`,
      );
      const rows = phones.reduce((all, each) => sql`${all}, ${each}`);
      await driver.run(sql`INSERT INTO push_canary (round, device_id, sent_at) VALUES ${rows}`);
    }
    await driver.all(kind === 'sqlite' ? sql`ANALYZE` : sql`ANALYZE TABLE push_canary`);
    await driver.close();
    await store.endCheck('canary', true);
    const plan = await explain(database.config, (explained) =>
      judgeCanaries({ ...world(), store: explained }),
    );
    const steps = plan.map(({ detail, type, key }) => detail ?? `${String(type)} ${String(key)}`);
    expect(steps).toEqual(
      kind === 'sqlite'
        ? [
            'SEARCH push_canary USING INDEX push_canary_sent (sent_at>?)',
            expect.stringMatching(/^SEARCH push_check USING .*\(name=\?\)/),
          ]
        : ['range push_canary_sent', expect.stringMatching(/^(const|eq_ref) PRIMARY$/)],
    );
  });

  test('a person who asks gets a reply for each phone: answered, silent, refused, gone; a phone that answers late is silent', async () => {
    const [first, second, third, fourth] = await add({ platform: 'ios' }, {}, {}, {});
    const ctx = world({
      answer: ({ target }) => {
        if (target === 'phone-3') return outcome('misconfigured', 'THIRD_PARTY_AUTH_ERROR');
        return target === 'phone-4' ? outcome('unregistered', 'UNREGISTERED') : delivered;
      },
    });
    const round = 'canary-2026-01-01T000000';
    const live: number[] = [];
    let looks = 0;
    const answering: Store = {
      ...store,
      async fetchCanaryPushes(...args) {
        if (looks++ === 1) await store.answerCanaries([{ round, target: 'phone-1' }]);
        return store.fetchCanaryPushes(...args);
      },
    };
    const replies = await askCanaries({ ...ctx, store: answering }, 60_000, ({ deviceId }) =>
      live.push(deviceId),
    );
    expect(replies).toMatchObject([
      { deviceId: first, state: 'answered', afterMs: 500, remedy: null },
      { deviceId: second, state: 'silent', afterMs: null, reason: null },
      {
        deviceId: third,
        state: 'refused',
        reason: 'THIRD_PARTY_AUTH_ERROR',
        remedy: expect.stringContaining('APNs') as string,
      },
      { deviceId: fourth, state: 'gone', reason: 'UNREGISTERED' },
    ]);
    expect(live).toEqual([third, fourth, first, second]);
    expect(ctx.sent).toHaveLength(4);
    expect((await store.fetchCanaryPushes(DAY, 10)).map((push) => push.round)).toEqual(
      Array.from({ length: 4 }, () => round),
    );
    const off = world({ env: { RECEIPTS: 'off' } });
    await expect(askCanaries(off, 0)).rejects.toThrow('RECEIPTS: expected on');
  });

  test('old rounds are forgotten', async () => {
    await add({});
    const ctx = world();
    await runCanary(ctx, { kind: 'canary' });
    await clock.advance(91 * DAY);
    await runCanary(ctx, { kind: 'canary' });
    expect(await store.fetchCanaryPushes(365 * DAY, 10)).toHaveLength(1);
  });
});

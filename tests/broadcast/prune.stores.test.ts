import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { prune } from '../../src/broadcast/prune.ts';
import { runHop } from '../../src/broadcast/hop.ts';
import { scan } from '../../src/broadcast/scan.ts';
import { openDriver } from '../../src/db/open.ts';
import { sql } from '../../src/db/sql.ts';
import { balanceOf } from '../../src/model/summary.ts';
import { checkExportable } from '../../src/report/export.ts';
import type { Store } from '../../src/store.ts';
import { makeTestClock, type TestClock } from '../support/clock.ts';
import { devicesOf, draft, makeContext, outcome, toMember } from '../support/context.ts';
import { databaseKinds, makeDatabase, type TestDatabase } from '../support/database.ts';
import { openTimedStore } from '../support/timed-store.ts';

const DAY = 86_400_000;
const AGE = { ageMs: 90 * DAY, actor: 'cli:somebody' } as const;

describe.each(databaseKinds())('pruning, on %s', (kind) => {
  let database: TestDatabase;
  let clock: TestClock;
  let store: Store;

  beforeEach(async () => {
    database = await makeDatabase(kind);
    clock = makeTestClock({ isEager: true });
    store = openTimedStore(database.config, clock);
    await store.addDevices(devicesOf('a', 'b', 'c', 'd', 'e', 'f', 'g'));
  });
  afterEach(async () => {
    await store.close();
    await database.drop();
  });

  /** Pushes an announcement to its end; the second device has no app any more. */
  const broadcast = async (): Promise<number> => {
    const announcementId = await store.createAnnouncement(draft);
    const ctx = makeContext(store, {
      clock,
      env: { PAGE_SIZE: '3' },
      answer: ({ target }) =>
        target === 'target-2'
          ? outcome('unregistered', 'UNREGISTERED')
          : { verdict: 'delivered', reason: null, messageName: 'm', retryAfterMs: null },
    });
    ctx.invoked.push({ kind: 'broadcast', announcementId, round: 0, fromId: 0 });
    for (let job = ctx.invoked.shift(); job?.kind === 'broadcast'; job = ctx.invoked.shift()) {
      await runHop(ctx, job);
    }
    expect(await store.fetchAnnouncement(announcementId)).toMatchObject({ status: 'done' });
    return announcementId;
  };

  /** A started announcement with a delivery that is moved to a status. */
  const inStatus = async (status: 'paused' | 'failed' | 'cancelled' | 'running'): Promise<number> => {
    const announcementId = await store.createAnnouncement(draft);
    const key = { announcementId, round: 0, fromId: 0 };
    await store.startAnnouncement(key, 1000);
    const claim = await store.claimHop(key, 'me', 1000);
    if (claim.kind !== 'claimed') throw new Error(claim.kind);
    await store.turnPage(claim.hop, { lastId: 7, nextId: null }, 1000, 7);
    await store.recordDeliveries(claim.hop, [
      { deviceId: 1, verdict: 'delivered', reason: null, messageName: 'm', retryInMs: null },
      { deviceId: 2, verdict: 'retryable', reason: 'UNAVAILABLE', messageName: null, retryInMs: 1000 },
    ]);
    if (status !== 'running') await store.moveAnnouncement(announcementId, ['running'], status, 'because');
    return announcementId;
  };

  const rowsOf = async (announcementId: number): Promise<number> =>
    Object.values(await store.countDeliveries(announcementId)).reduce((sum, count) => sum + count, 0);
  const totalsOf = async (announcementId: number) =>
    (await store.fetchTotals([announcementId])).get(announcementId)!;
  const contextOf = (own: Store = store) => makeContext(own, { clock });
  /** A store that deletes few rows at a time. */
  const inSmallBatches = (limit: number): Store => ({
    ...store,
    pruneBatch: (announcementId) => store.pruneBatch(announcementId, limit),
    pruneAtOnce: (ageMs) => store.pruneAtOnce(ageMs, limit),
  });

  test('deletes alerts that were closed long ago, and what the tick remembers, but of nothing that runs or is to be sent', async () => {
    const [done, runs] = [await broadcast(), await inStatus('running')];
    const driver = openDriver(database.config, clock);
    onTestFinished(() => driver.close());
    const { at } = driver.dialect;
    const addAlert = (announcementId: number, name: string, closedAt: number | null) =>
      driver.run(
        sql`INSERT INTO push_alert (announcement_id, kind, cause, channel, content, made_at, due_at, closed_at)
            VALUES (${announcementId}, ${name}, 0, 'webhook', '{}', ${at(0)}, ${at(0)}, ${closedAt === null ? sql`NULL` : at(closedAt)})`,
      );
    const longAgo = clock.now();
    for (const id of [0, done, runs]) {
      await driver.run(
        sql`INSERT INTO push_watch (announcement_id, progress, changed_at, looked_at)
            VALUES (${id}, '', ${at(longAgo)}, ${at(longAgo)})`,
      );
    }
    await addAlert(done, 'stalled', longAgo);
    await addAlert(done, 'throttled', null);
    await addAlert(runs, 'stalled', longAgo);
    await clock.advance(91 * DAY);
    await addAlert(done, 'done', clock.now());
    const listAll = async () => [
      (await driver.all(sql`SELECT announcement_id, kind FROM push_alert ORDER BY alert_id`)).map((row) => ({
        ...row,
      })),
      (await driver.all(sql`SELECT announcement_id FROM push_watch ORDER BY announcement_id`)).map(
        (row) => row['announcement_id'],
      ),
    ];
    await prune(contextOf(), AGE);
    const left = [
      [
        { announcement_id: done, kind: 'throttled' },
        { announcement_id: runs, kind: 'stalled' },
        { announcement_id: done, kind: 'done' },
      ],
      [0, runs],
    ];
    expect(await listAll()).toEqual(left);
    expect(await store.pruneAlerts(AGE.ageMs, 1)).toBeNull();
    expect(await listAll()).toEqual(left);
  });

  test('deletes the deliveries of what ended long ago; the numbers, the hops and the audit stay', async () => {
    const old = await broadcast();
    await clock.advance(91 * DAY);
    const recent = await broadcast();
    const before = await totalsOf(old);
    const hops = await store.fetchHopSummaries(old);

    const announcements: number[] = [];
    const report = await prune(contextOf(inSmallBatches(3)), {
      ...AGE,
      onAnnouncement: ({ announcementId }) => announcements.push(announcementId),
    });
    expect(report).toEqual({ announcements: 1, deliveries: 7, messages: 0, isComplete: true });
    expect(announcements).toEqual([old]);
    expect([await rowsOf(old), await rowsOf(recent)]).toEqual([0, 6]);

    const after = await totalsOf(old);
    expect(after).toEqual({ ...before, audience: { ...before.audience, prunedAt: expect.any(Number) } });
    expect(balanceOf(after)).toMatchObject({ audience: 7, delivered: 6, unregistered: 1, unsent: 0 });
    expect(await store.fetchHopSummaries(old)).toEqual(hops);
    expect(await store.fetchAnnouncement(old)).toMatchObject({ status: 'done', content: draft.content });
    const audit = await store.fetchAudit(old, 100);
    expect(audit.map(({ action, actor }) => [action, actor]).slice(-2)).toEqual([
      ['done', 'baton'],
      ['pruned', 'cli:somebody'],
    ]);
    expect(audit.at(-1)?.why).toBe('it ended more than 90 days ago');
    await expect(checkExportable({ store }, old)).rejects.toMatchObject({ code: 'PRUNED' });
    await expect(checkExportable({ store }, recent)).resolves.toBeUndefined();
    expect(await prune(contextOf(), AGE)).toMatchObject({ announcements: 0, deliveries: 0 });
    expect((await store.fetchAudit(old, 100)).length).toBe(audit.length);
  });

  test('never touches what may go on; what failed long ago is cancelled, so that it cannot be resumed', async () => {
    const [running, paused, failed, cancelled] = [
      await inStatus('running'),
      await inStatus('paused'),
      await inStatus('failed'),
      await inStatus('cancelled'),
    ];
    const scheduled = await store.createAnnouncement(draft);
    await store.scheduleAnnouncement(scheduled, clock.now());
    await clock.advance(91 * DAY);
    const recent = await inStatus('failed');
    expect(await prune(contextOf(), AGE)).toMatchObject({ announcements: 2, deliveries: 4 });

    for (const kept of [running, paused, recent]) expect(await rowsOf(kept)).toBe(2);
    for (const gone of [failed, cancelled]) expect(await rowsOf(gone)).toBe(0);
    expect(await store.fetchAnnouncement(failed)).toMatchObject({
      status: 'cancelled',
      statusReason: 'because',
    });
    expect(await store.fetchAnnouncement(recent)).toMatchObject({ status: 'failed' });
    expect(await store.fetchAnnouncement(scheduled)).toMatchObject({ status: 'scheduled' });
    expect((await store.fetchAudit(failed, 100)).slice(-2)).toMatchObject([
      { action: 'cancelled', was: 'failed', became: 'cancelled', actor: 'cli:somebody' },
      { action: 'pruned' },
    ]);
    // Nothing of what was to be retried is left.
    const driver = openDriver(database.config, clock);
    for (const gone of [failed, cancelled]) {
      expect(
        await driver.all(sql`SELECT * FROM push_retry WHERE announcement_id IN (${failed}, ${gone})`),
      ).toEqual([]);
    }
    await driver.close();
  });

  test('that is killed goes on the next time, whichever statement was the last one', async () => {
    const small = inSmallBatches(3);
    for (const nth of [1, 2, 4, 5]) {
      const old = await broadcast();
      await clock.advance(91 * DAY);
      let calls = 0;
      const dying =
        <A extends unknown[], R>(call: (...args: A) => Promise<R>) =>
        async (...args: A): Promise<R> => {
          calls++;
          if (calls === nth) throw new Error('killed before it');
          const result = await call(...args);
          if (calls === nth + 1) throw new Error('killed after it');
          return result;
        };
      const killed = contextOf({
        ...small,
        beginPruning: dying((...args: Parameters<Store['beginPruning']>) => small.beginPruning(...args)),
        pruneBatch: dying((announcementId: number) => small.pruneBatch(announcementId, 3)),
      });
      await expect(prune(killed, AGE)).rejects.toThrow('killed');
      expect(await prune(contextOf(), AGE)).toMatchObject({ isComplete: true });
      expect(await rowsOf(old)).toBe(0);
      const balance = balanceOf(await totalsOf(old));
      expect(balance?.delivered).toBe(balance!.audience - balance!.unregistered);
      const actions = (await store.fetchAudit(old, 100)).map(({ action }) => action);
      expect(actions.filter((action) => action === 'pruned')).toHaveLength(1);
    }
  });

  test('keeps the numbers of an announcement that an earlier release has sent', async () => {
    const old = await broadcast();
    const counts = await store.countDeliveries(old);
    const driver = openDriver(database.config, clock);
    await driver.run(
      sql`UPDATE push_hop SET devices = NULL, delivered = 0, unregistered = 0 WHERE announcement_id = ${old}`,
    );
    await driver.run(sql`DELETE FROM push_audience WHERE announcement_id = ${old}`);
    expect(await totalsOf(old)).toMatchObject({ isCounted: false, audience: null });
    await clock.advance(91 * DAY);

    // Killed while it counts: nothing is deleted yet, and all is counted again.
    let counted = 0;
    const countPage: Store['countPage'] = (hop) => {
      counted++;
      return counted === 2 ? Promise.reject(new Error('killed')) : store.countPage(hop);
    };
    await expect(prune(contextOf({ ...store, countPage }), AGE)).rejects.toThrow('killed');
    expect(await rowsOf(old)).toBe(7);

    await prune(contextOf(), AGE);
    expect(await rowsOf(old)).toBe(0);
    const totals = await totalsOf(old);
    expect(totals).toMatchObject({ isCounted: true, counts });
    expect(balanceOf(totals)).toMatchObject({ audience: 7, delivered: 6, unregistered: 1, unsent: 0 });
    await driver.close();
  });

  test('deletes messages that were sent at once long ago, with their deliveries, and those of old mailings', async () => {
    const messageOf = (messageKey: string) => ({
      ...{ messageKey, source: 'default', recipient: toMember('a'), ttlSeconds: null },
      content: draft.content,
    });
    const sendAtOnce = async (...keys: string[]): Promise<void> => {
      const claims = await store.claimMessages(keys.map(messageOf), 'me', 1000);
      const deliveries = claims.map(({ messageId }) => ({
        ...{ messageId, deviceId: 1, verdict: 'delivered', reason: null, messageName: 'm', retryInMs: null },
      }));
      await store.recordMessages(deliveries as Parameters<Store['recordMessages']>[0], []);
    };
    await sendAtOnce('1', '2', '3', '4', '5');
    await store.addMessages([messageOf('6'), messageOf('7')], clock.now());
    const mailing = (await store.makeMailing('default', 10))!;
    await store.moveAnnouncement(mailing, ['scheduled'], 'cancelled', null);
    await clock.advance(91 * DAY);
    await store.addMessages([messageOf('8')], clock.now() - 100 * DAY);
    await sendAtOnce('9');
    expect(await store.countOldMessages(AGE.ageMs)).toBe(5);

    const report = await prune(contextOf(inSmallBatches(2)), AGE);
    expect(report).toEqual({ announcements: 1, deliveries: 5, messages: 7, isComplete: true });
    const driver = openDriver(database.config, clock);
    const left = await driver.all(sql`SELECT message_key FROM push_message ORDER BY message_id`);
    expect(left.map((row) => row['message_key'])).toEqual(['8', '9']);
    expect(await driver.all(sql`SELECT COUNT(*) AS n FROM push_delivery`)).toEqual([{ n: 1 }]);
    await driver.close();
  });

  test('rests nine times as long as it works, and two at a time take turns', async () => {
    await broadcast();
    await broadcast();
    await clock.advance(91 * DAY);
    const spans: { from: number; to: number }[] = [];
    const WORK_MS = 100;
    const slow: Store = {
      ...store,
      async pruneBatch(announcementId) {
        const from = clock.now();
        await clock.advance(WORK_MS);
        const pruned = await store.pruneBatch(announcementId, 2);
        spans.push({ from, to: clock.now() });
        return pruned;
      },
    };
    await Promise.all([prune(contextOf(slow), AGE), prune(contextOf(slow), AGE)]);
    const sorted = spans.toSorted((one, other) => one.from - other.from);
    expect(sorted.length).toBeGreaterThan(8);
    for (const [nth, { from }] of sorted.entries()) {
      const before = sorted[nth - 1];
      if (before) expect(from - before.to).toBeGreaterThanOrEqual(9 * WORK_MS);
    }
    expect(await prune(contextOf(), AGE)).toMatchObject({ announcements: 0 });
  });

  test('by the tick takes a part of the invocation, and the next tick goes on', async () => {
    const old = await broadcast();
    await clock.advance(31 * DAY);
    const slow: Store = {
      ...store,
      async pruneBatch(announcementId) {
        await clock.advance(1000);
        return store.pruneBatch(announcementId, 3);
      },
    };
    const env = { RETENTION_DAYS: '30' };
    const tick = async (): Promise<number> => {
      const startedAt = clock.now();
      await scan(makeContext(slow, { clock, env }));
      return clock.now() - startedAt;
    };
    await scan(makeContext(slow, { clock }));
    expect(await rowsOf(old)).toBe(7);
    expect(await tick()).toBeLessThanOrEqual(21_000);
    expect(await rowsOf(old)).toBe(1);
    await clock.advance(60_000);
    await tick();
    expect(await rowsOf(old)).toBe(0);
    expect(await store.fetchTickAgeMs()).toBeLessThan(60_000);
    expect((await store.fetchAudit(old, 100)).at(-1)).toMatchObject({ action: 'pruned', actor: 'schedule' });
  });

  test('that fails is logged, and the tick counts all the same', async () => {
    const ctx = makeContext(
      { ...store, claimPruning: () => Promise.reject(new Error('no')) },
      { clock, env: { RETENTION_DAYS: '30' } },
    );
    await scan(ctx);
    expect(ctx.logged).toContain('pruning failed');
    expect(await store.fetchTickAgeMs()).not.toBeNull();
  });
});

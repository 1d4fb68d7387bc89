import type { Store } from '../../src/store.ts';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { runHop } from '../../src/broadcast/hop.ts';
import { scan } from '../../src/broadcast/scan.ts';
import { makeTestClock, type TestClock } from '../support/clock.ts';
import { draft, madeUpDevices, makeContext, type TestContext } from '../support/context.ts';
import { databaseKinds, makeDatabase, type TestDatabase } from '../support/database.ts';
import { openTimedStore } from '../support/timed-store.ts';

describe.each(databaseKinds())('the tick, on %s', (kind) => {
  let database: TestDatabase;
  let clock: TestClock;
  let store: Store;
  let other: Store;

  beforeEach(async () => {
    database = await makeDatabase(kind);
    clock = makeTestClock({ isEager: true });
    store = openTimedStore(database.config, clock);
    other = openTimedStore(database.config, clock);
    await store.addDevices(madeUpDevices(25));
  });
  afterEach(async () => {
    await store.close();
    await other.close();
    await database.drop();
  });

  const contextOf = (own = store): TestContext => makeContext(own, { clock });

  const NOTHING = { kind: 'scan', started: 0, woken: 0, finished: 0 };

  test('a tick without work does nothing', async () => {
    const ctx = contextOf();
    expect(await scan(ctx)).toEqual(NOTHING);
    expect(ctx.story).toEqual([]);
  });

  test('a tick records its time, even if there was nothing to do', async () => {
    expect(await store.fetchTickAgeMs()).toBe(null);
    await scan(contextOf());
    await clock.advance(1234);
    expect(await store.fetchTickAgeMs()).toBe(1234);
  });

  test('of two ticks at the same time one starts what is due, and what is not due waits', async () => {
    const due = await store.createAnnouncement(draft);
    const later = await store.createAnnouncement(draft);
    await store.scheduleAnnouncement(due, clock.now() - 1000);
    await store.scheduleAnnouncement(later, clock.now() + 120_000);
    const one = contextOf();
    const two = contextOf(other);
    const reports = await Promise.all([scan(one), scan(two)]);
    expect(reports.map(({ started }) => started).reduce((sum, count) => sum + count)).toBe(1);
    expect([...one.invoked, ...two.invoked]).toEqual([
      { kind: 'broadcast', announcementId: due, round: 0, fromId: 0 },
    ]);
    expect(await store.fetchAnnouncement(later)).toMatchObject({ status: 'scheduled' });
  });

  test('a hop whose event was lost is woken when its lease has run out, and only once', async () => {
    const announcementId = await store.createAnnouncement(draft);
    const key = { announcementId, round: 0, fromId: 0 };
    await store.startAnnouncement(key, 50);
    const ctx = contextOf();
    expect(await scan(ctx)).toEqual(NOTHING);
    await clock.advance(51);
    const reports = await Promise.all([scan(ctx), scan(contextOf(other))]);
    expect(reports.map(({ woken }) => woken).reduce((sum, count) => sum + count)).toBe(1);
    expect(await scan(ctx)).toEqual(NOTHING);
  });

  test('a hop whose invocation was killed is woken, and sends its page', async () => {
    const announcementId = await store.createAnnouncement(draft);
    const key = { announcementId, round: 0, fromId: 0 };
    await store.startAnnouncement(key, 50);
    await store.claimHop(key, 'killed', 50);
    await clock.advance(51);
    const ctx = contextOf();
    expect(await scan(ctx)).toMatchObject({ woken: 1 });
    expect(await runHop(ctx, { kind: 'broadcast', ...key })).toMatchObject({ end: 'done', sent: 10 });
  });

  test('a tick does not touch a paused announcement', async () => {
    const announcementId = await store.createAnnouncement(draft);
    await store.startAnnouncement({ announcementId, round: 0, fromId: 0 }, 1);
    await store.moveAnnouncement(announcementId, ['running'], 'paused', null);
    await clock.advance(2);
    expect(await scan(contextOf())).toEqual(NOTHING);
  });

  test('an announcement whose last invocation was killed before it could finish it is finished', async () => {
    const announcementId = await store.createAnnouncement(draft);
    const key = { announcementId, round: 0, fromId: 0 };
    await store.startAnnouncement(key, 1000);
    const claim = await store.claimHop(key, 'killed', 1000);
    if (claim.kind !== 'claimed') throw new Error(claim.kind);
    await store.closeHop(claim.hop);
    expect(await scan(contextOf())).toMatchObject({ finished: 1 });
    expect(await store.fetchAnnouncement(announcementId)).toMatchObject({ status: 'done' });
  });
});

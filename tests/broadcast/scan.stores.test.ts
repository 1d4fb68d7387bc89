import type { Store } from '../../src/store.ts';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { runHop } from '../../src/broadcast/hop.ts';
import { systemClock } from '../../src/clock.ts';
import { openStore } from '../../src/db/open.ts';
import { scan } from '../../src/broadcast/scan.ts';
import { draft, madeUpDevices, makeContext } from '../support/context.ts';
import { databaseKinds, makeDatabase, type TestDatabase } from '../support/database.ts';

describe.each(databaseKinds())('the tick, on %s', (kind) => {
  let database: TestDatabase;
  let store: Store;
  let other: Store;

  beforeEach(async () => {
    database = await makeDatabase(kind);
    store = await openStore(database.config, systemClock);
    other = await openStore(database.config, systemClock);
    await store.addDevices(madeUpDevices(25));
  });
  afterEach(async () => {
    await store.close();
    await other.close();
    await database.drop();
  });

  const NOTHING = { kind: 'scan', started: 0, woken: 0, finished: 0 };

  test('nothing to do is nothing done', async () => {
    const ctx = makeContext(store);
    expect(await scan(ctx)).toEqual(NOTHING);
    expect(ctx.story).toEqual([]);
  });

  test('a tick leaves its time behind, whatever there was to do', async () => {
    expect(await store.fetchTickAgeMs()).toBe(null);
    await scan(makeContext(store));
    expect(await store.fetchTickAgeMs()).toBeLessThan(60_000);
  });

  test('of two ticks at once, one starts what is due, and what is not due waits', async () => {
    const due = await store.createAnnouncement(draft);
    const later = await store.createAnnouncement(draft);
    await store.scheduleAnnouncement(due, Date.now() - 1000);
    await store.scheduleAnnouncement(later, Date.now() + 60_000);
    const one = makeContext(store);
    const two = makeContext(other);
    const reports = await Promise.all([scan(one), scan(two)]);
    expect(reports.map(({ started }) => started).reduce((sum, count) => sum + count)).toBe(1);
    expect([...one.invoked, ...two.invoked]).toEqual([
      { kind: 'broadcast', announcementId: due, round: 0, fromId: 0 },
    ]);
    expect(await store.fetchAnnouncement(later)).toMatchObject({ status: 'scheduled' });
  });

  test('a hop whose event was lost is woken once its time is up, and only once', async () => {
    const announcementId = await store.createAnnouncement(draft);
    const key = { announcementId, round: 0, fromId: 0 };
    await store.startAnnouncement(key, 50);
    const ctx = makeContext(store);
    expect(await scan(ctx)).toEqual(NOTHING);
    await sleep(80);
    const reports = await Promise.all([scan(ctx), scan(makeContext(other))]);
    expect(reports.map(({ woken }) => woken).reduce((sum, count) => sum + count)).toBe(1);
    expect(await scan(ctx)).toEqual(NOTHING);
  });

  test('a hop whose run was killed is woken, and its page goes on', async () => {
    const announcementId = await store.createAnnouncement(draft);
    const key = { announcementId, round: 0, fromId: 0 };
    await store.startAnnouncement(key, 50);
    await store.claimHop(key, 'killed', 50);
    await sleep(80);
    const ctx = makeContext(store);
    expect(await scan(ctx)).toMatchObject({ woken: 1 });
    expect(await runHop(ctx, { kind: 'broadcast', ...key })).toMatchObject({ end: 'done', sent: 10 });
  });

  test('a paused announcement is left alone', async () => {
    const announcementId = await store.createAnnouncement(draft);
    await store.startAnnouncement({ announcementId, round: 0, fromId: 0 }, 1);
    await store.moveAnnouncement(announcementId, ['running'], 'paused', null);
    await sleep(20);
    expect(await scan(makeContext(store))).toEqual(NOTHING);
  });

  test('an announcement whose last run was killed before it could say so is closed', async () => {
    const announcementId = await store.createAnnouncement(draft);
    const key = { announcementId, round: 0, fromId: 0 };
    await store.startAnnouncement(key, 1000);
    const claim = await store.claimHop(key, 'killed', 1000);
    if (claim.kind !== 'claimed') throw new Error(claim.kind);
    await store.closeHop(claim.hop);
    expect(await scan(makeContext(store))).toMatchObject({ finished: 1 });
    expect(await store.fetchAnnouncement(announcementId)).toMatchObject({ status: 'done' });
  });
});

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import type { Driver } from '../../src/db/driver.ts';
import { openDriver } from '../../src/db/open.ts';
import { sql } from '../../src/db/sql.ts';
import { makeStore } from '../../src/db/store.ts';
import type { Store } from '../../src/store.ts';
import { draft, madeUpDevices } from '../support/context.ts';
import { databaseKinds, makeDatabase, type TestDatabase } from '../support/database.ts';

describe.each(databaseKinds())('times of announcements, on %s', (kind) => {
  let database: TestDatabase;
  let driver: Driver;
  let store: Store;

  beforeEach(async () => {
    database = await makeDatabase(kind);
    driver = openDriver(database.config, systemClock);
    store = makeStore(driver);
  });
  afterEach(async () => {
    await store.close();
    await database.drop();
  });

  test("a view of the team's own without the columns has no announcements in parts, and none can be made", async () => {
    const id = await store.createAnnouncement(draft);
    await store.scheduleAnnouncement(id, Date.now());
    await driver.run(sql`ALTER TABLE push_announcement RENAME TO notifications`);
    await driver.run(
      sql`CREATE VIEW push_announcement AS SELECT announcement_id, title, body, image, data, options, source, guarantee,
            ttl_seconds, dry_run, lanes, accept_unregistered, audience, status, status_reason, publish_at, idempotency_key,
            created_at, started_at, finished_at FROM notifications`,
    );
    await driver.run(sql`ALTER TABLE push_device RENAME TO phones`);
    await driver.run(sql`CREATE VIEW push_device AS SELECT device_id, target, target_kind FROM phones`);
    const own = makeStore(driver);
    expect(await own.fetchDueSeries(10, 60_000)).toEqual([]);
    expect(await own.fetchParts(id, 10)).toEqual([]);
    await expect(own.createAnnouncement({ ...draft, localTime: '2026-12-24T18:00' })).rejects.toThrow(
      /^push_announcement.local_time: expected a column, got a view without it/,
    );
    await expect(own.fetchTimeZones()).rejects.toThrow(
      /^push_device.time_zone: expected a column, got a view without it/,
    );
  });

  test('a time moves on only from the one that was read, and only while the announcement is scheduled', async () => {
    const id = await store.createAnnouncement({ ...draft, repeat: { at: '0 9 * * *', zone: 'UTC' } });
    const now = Date.now();
    const next = { publishAt: now + 1000, reason: 'r', why: null };
    expect(await store.moveTime(id, null, next)).toBe(false);
    await store.scheduleAnnouncement(id, now);
    expect(await store.fetchDueSeries(10, 60_000)).toEqual([{ announcementId: id, publishAt: now }]);
    expect(await store.moveTime(id, now + 1, next)).toBe(false);
    expect(await store.moveTime(id, now, { ...next, why: '3 parts skipped' })).toBe(true);
    expect(await store.moveTime(id, now, next)).toBe(false);
    expect(await store.fetchDueTime(id)).toBe(now + 1000);
    expect((await store.fetchAudit(id, 10)).map(({ why }) => why)).toContain('3 parts skipped');
    await store.moveAnnouncement(id, ['scheduled'], 'cancelled', null);
    expect(await store.moveTime(id, now + 1000, next)).toBe(false);
    expect(await store.fetchDueTime(id)).toBeNull();
  });

  test('series, and parts of one that is paused, take no place of those that start', async () => {
    const now = Date.now();
    const repeat = { at: '0 9 * * *', zone: 'UTC' };
    const schedule = async (inMs: number, more: object): Promise<number> => {
      const id = await store.createAnnouncement({ ...draft, ...more });
      await store.scheduleAnnouncement(id, now + inMs);
      return id;
    };
    const series = await schedule(20_000, { repeat });
    const stopped = await schedule(20_000, { localTime: '2026-12-24T18:00' });
    await store.moveAnnouncement(stopped, ['scheduled'], 'paused', null);
    await schedule(-30_000, { repeat });
    for (const inMs of [-20_000, 30_000]) await schedule(inMs, { partOf: stopped });
    const due = [await schedule(-10_000, { partOf: series }), await schedule(-5_000, {})];
    const coming = [await schedule(40_000, { partOf: series }), await schedule(50_000, {})];
    expect(await store.fetchDue(2)).toEqual(due);
    expect((await store.fetchComing(2, 75_000)).map(({ announcementId }) => announcementId)).toEqual(coming);
  });

  test('the zones of devices are each named once', async () => {
    await store.addDevices(madeUpDevices(5));
    expect(await store.fetchTimeZones()).toEqual([null]);
    await driver.run(sql`UPDATE push_device SET time_zone = 'Asia/Tokyo' WHERE device_id IN (1, 2)`);
    await driver.run(sql`UPDATE push_device SET time_zone = '' WHERE device_id = 3`);
    expect(new Set(await store.fetchTimeZones())).toEqual(new Set([null, 'Asia/Tokyo']));
  });
});

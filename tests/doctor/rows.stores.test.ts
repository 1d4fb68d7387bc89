import { describe, expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import type { Driver } from '../../src/db/driver.ts';
import { openDriver } from '../../src/db/open.ts';
import { sql } from '../../src/db/sql.ts';
import { makeStore } from '../../src/db/store.ts';
import { checkCanaries } from '../../src/doctor/canaries.ts';
import { checkColumns } from '../../src/doctor/columns.ts';
import { checkStartTimes } from '../../src/doctor/start-times.ts';
import { checkTargets } from '../../src/doctor/targets.ts';
import { draft } from '../support/context.ts';
import { databaseKinds, makeDatabase } from '../support/database.ts';

describe.each(databaseKinds())('what others write to the tables, on %s', (kind) => {
  async function open(): Promise<Driver> {
    const database = await makeDatabase(kind);
    const driver = openDriver(database.config, systemClock);
    onTestFinished(async () => {
      await driver.close();
      await database.drop();
    });
    return driver;
  }

  const run = (driver: Driver, text: string) => driver.run({ sql: text, values: [] });
  const insert = (driver: Driver, deviceId: number, target: string, targetKind = 'token') =>
    driver.run(
      sql`INSERT INTO push_device (device_id, target, target_kind, created_at)
          VALUES (${[deviceId, target, targetKind, driver.dialect.now]})`,
    );

  test('a fresh database has nothing to say, and neither has one with a device', async () => {
    const driver = await open();
    for (const check of [checkColumns, checkTargets, checkStartTimes]) {
      expect(await check(driver)).toMatchObject({ ok: true, advice: null });
    }
    await insert(driver, 7, `c${'x'.repeat(21)}:APA91b${'y'.repeat(134)}`);
    await insert(driver, 9, `d${'x'.repeat(21)}`, 'fid');
    expect(await checkTargets(driver)).toEqual({
      ok: true,
      says: 'none of 2 that were looked at is wrong',
      advice: null,
    });
  });

  test('targets of other services are counted in a sample, and none is shown', async () => {
    const driver = await open();
    const apns = 'ab12'.repeat(16);
    await insert(driver, 1, apns);
    await insert(driver, 2, 'NULL');
    await insert(driver, 1_000_000, 'ExponentPushToken[0123456789abcdefghijkl]');
    await insert(driver, 2_000_000, `e${'x'.repeat(21)}`, 'apns');
    await insert(driver, 2_000_001, `f${'x'.repeat(21)}`, 'fid');
    await insert(driver, 2_000_002, 'gone');
    await run(driver, `UPDATE push_device SET unregistered_at = created_at WHERE target = 'gone'`);
    const finding = await checkTargets(driver);
    expect(finding).toMatchObject({
      ok: true,
      level: 'amber',
      says:
        '4 of 5 devices that were looked at have a target that FCM cannot know: 1 is a device token of APNs, 1 is a word for ' +
        'no value, 1 is a token of Expo, 1 is another target_kind than token or fid (device_id 1, 2, 1000000, 2000000)',
    });
    expect(JSON.stringify(finding)).not.toMatch(/ab12|0123456789/);
  });

  test('a view that lacks columns is amber: which, and what is lost', async () => {
    const driver = await open();
    await run(driver, 'ALTER TABLE push_device RENAME TO app_device');
    await run(
      driver,
      `CREATE VIEW push_device AS SELECT device_id, target, target_kind, member_id, created_at, unregistered_at,
         unregistered_reason, unregistered_by, platform, locale, app_version, last_seen_at, is_test FROM app_device`,
    );
    expect(await checkColumns(driver)).toEqual({
      ok: true,
      level: 'amber',
      says: 'push_device lacks time_zone, is_canary: no audiences by time zone, and local time, no canaries',
      advice: 'create the view again with these columns, or leave it so if nobody needs them',
    });
    expect(await checkCanaries(driver, false)).toMatchObject({ ok: true, advice: null });
  });

  test('what is scheduled for no time, and a draft with a time, are named', async () => {
    const driver = await open();
    const store = makeStore(driver);
    for (let made = 0; made < 3; made++) await store.createAnnouncement(draft);
    await store.createAnnouncement({ ...draft, repeat: { at: '0 9 * * *', zone: 'UTC' } });
    await run(
      driver,
      `UPDATE push_announcement SET status = 'scheduled', publish_at = NULL WHERE announcement_id IN (2, 4)`,
    );
    await run(
      driver,
      'UPDATE push_announcement SET publish_at = created_at WHERE announcement_id = 3 AND publish_at IS NULL',
    );
    expect(await checkStartTimes(driver)).toEqual({
      ok: true,
      level: 'amber',
      says:
        'scheduled for no time (publish_at is NULL), and never started: announcement 2; a draft with a time (publish_at), and ' +
        'never started: announcement 3',
      advice:
        "set publish_at, or start it by `baton push --announcement ID`; set status to 'scheduled', or publish_at to NULL",
    });
  });

  test('canaries without RECEIPTS are amber', async () => {
    const driver = await open();
    expect(await checkCanaries(driver, false)).toMatchObject({ says: 'no devices are marked as canaries' });
    await insert(driver, 1, `c${'x'.repeat(21)}`, 'fid');
    await run(driver, 'UPDATE push_device SET is_canary = 1');
    expect(await checkCanaries(driver, true)).toMatchObject({ ok: true, advice: null });
    expect(await checkCanaries(driver, false)).toEqual({
      ok: true,
      level: 'amber',
      says: '1 device is marked as a canary, but RECEIPTS is off: canaries get no pushes, and cannot answer',
      advice: 'set RECEIPTS=on, or unmark the canaries',
    });
  });
});

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import type { Row } from '../../src/db/driver.ts';
import { openDriver } from '../../src/db/open.ts';
import { sql } from '../../src/db/sql.ts';
import { makeStore } from '../../src/db/store.ts';
import type { DeviceFilter } from '../../src/model/filter.ts';
import { databaseKinds, makeDatabase, type TestDatabase } from '../support/database.ts';
import { makeOwnTables } from './audience.ts';
import { explain } from './plan.ts';

const DEVICES = 10_000;

/** Each kind of filter; the devices of each are few, and lie evenly. */
const FEW: readonly DeviceFilter[] = [
  { memberIds: ['member-100', 'member-200'] },
  { tags: { plan: ['pro'] } },
  { locale: ['is'] },
  { timeZone: ['Asia/Tokyo'] },
  { timeZone: ['Asia/Tokyo', null] },
  { locale: ['is', 'fr-CH'] },
  { isTest: true },
  { view: 'push_audience_ids' },
  { view: 'push_audience_members' },
  { tags: { plan: ['pro'] }, locale: ['is'], platform: ['ios'], sample: '0-50%' },
  { appVersion: { from: '9' } },
  { appVersion: { from: '5', below: '9.1.1' }, platform: ['ios'], seenWithin: '30d' },
  { sample: '3-4%' },
];

/** Filters that no index finds. */
const SCATTERED: readonly DeviceFilter[] = [
  { platform: ['web'] },
  { appVersion: { below: '9' } },
  { seenWithin: '30d' },
  { sample: '3-40%' },
  { isTest: false },
  { platform: ['web'], appVersion: { below: '9' }, seenWithin: '30d', sample: '0-50%' },
];

describe.each(databaseKinds())('how the pages of an audience are read (%s)', (kind) => {
  let database: TestDatabase;

  beforeAll(async () => {
    database = await makeDatabase(kind);
    const driver = openDriver(database.config, systemClock);
    await makeOwnTables(driver);
    const numbers =
      kind === 'mysql'
        ? `seq_1_to_${DEVICES}`
        : `(WITH RECURSIVE numbers (seq) AS (
              SELECT 1 UNION ALL SELECT seq + 1 FROM numbers WHERE seq < ${DEVICES}) SELECT seq FROM numbers)`;
    await driver.runScript(
      `INSERT INTO push_device (device_id, target, member_id, platform, locale, time_zone, app_version, is_test, created_at)
       SELECT seq, CONCAT('target-', seq), CONCAT('member-', seq), 'ios', CASE WHEN seq % 100 = 7 THEN 'is' ELSE 'de' END,
         CASE WHEN seq % 100 = 8 THEN 'Asia/Tokyo' ELSE 'Europe/Berlin' END,
         CASE WHEN seq % 100 = 10 THEN '9.1' ELSE '4.12' END,
         CASE WHEN seq % 100 = 9 THEN 1 ELSE 0 END, ${driver.dialect.now.sql}
       FROM ${numbers} AS numbered`,
    );
    await driver.runScript(
      `INSERT INTO push_tag (device_id, name, value)
       SELECT seq, 'plan', CASE WHEN seq % 100 = 11 THEN 'pro' ELSE 'free' END FROM ${numbers} AS numbered`,
    );
    await driver.runScript(
      `INSERT INTO push_audience_ids (device_id) SELECT seq FROM ${numbers} AS numbered WHERE seq % 100 = 13`,
    );
    if (kind === 'mysql') await driver.runScript('ANALYZE TABLE push_device, push_tag, push_audience_ids');
    await driver.close();
  });
  afterAll(() => database.drop());

  /** The steps of the database for a page, and before it for the count of what the indexes find. */
  const stepsOf = (filter: DeviceFilter, fromId: number): Promise<Row[]> =>
    explain(database.config, (store) => store.fetchPage(fromId, null, 3001, { filter }), ['push_audience_*']);

  test.each(FEW)('%j: by an index, and only these devices are read', async (filter) => {
    for (const fromId of [0, DEVICES / 2]) {
      for (const step of await stepsOf(filter, fromId)) {
        if (kind === 'sqlite') expect(String(step['detail'])).not.toMatch(/SCAN push_(device|tag)/);
        else if (typeof step['table'] === 'string') {
          // Without a table: the first and the last id, which MySQL knows from the index.
          expect(step['type'], JSON.stringify(step)).toMatch(
            step['table'].startsWith('push_') ? /^(range|ref|eq_ref)$/ : /./,
          );
          expect(Number(step['rows'])).toBeLessThan(DEVICES / 25);
        }
      }
    }
  });

  test.each(SCATTERED)(
    '%j: a range of the primary key, from the cursor on, nothing sorted',
    async (filter) => {
      for (const fromId of [0, DEVICES / 2]) {
        const all = await stepsOf(filter, fromId);
        // Before the page, the devices are counted that the index on versions finds.
        const steps = filter.appVersion ? all.slice(-1) : all;
        if (kind === 'sqlite') {
          expect(steps.map(({ detail }) => detail)).toEqual([
            'SEARCH push_device USING INTEGER PRIMARY KEY (rowid>?)',
          ]);
        } else {
          expect(steps).toMatchObject([{ type: 'range', key: 'PRIMARY' }]);
          expect(String(steps[0]?.['Extra'])).not.toMatch(/filesort|temporary/);
        }
      }
    },
  );

  test('a range of versions of which devices have many finds them by one search of the index', async () => {
    const driver = openDriver(database.config, systemClock);
    const ids = Array.from({ length: 30 }, (_, nth) => 100 * (nth + 1));
    for (const id of ids) {
      await driver.run(sql`UPDATE push_device SET app_version = ${`9.1.${id}`} WHERE device_id = ${id}`);
    }
    const page = await makeStore(driver).fetchPage(0, null, 3001, {
      filter: { appVersion: { from: '9.1.1' } },
    });
    await driver.run(sql`UPDATE push_device SET app_version = '4.12' WHERE device_id IN (${ids})`);
    await driver.close();
    expect(page.map(({ deviceId }) => deviceId)).toEqual(ids);
  });
});

import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import type { Driver } from '../../src/db/driver.ts';
import { FILTER_COLUMNS } from '../../src/db/filter.ts';
import { openDriver } from '../../src/db/open.ts';
import { makeStore } from '../../src/db/store.ts';
import type { DeviceFilter, DeviceSelection } from '../../src/model/filter.ts';
import type { Store } from '../../src/store.ts';
import { databaseKinds, makeDatabase, type TestDatabase } from '../support/database.ts';
import { FILTERS, isTaken, makeOwnTables, people, type Person, seed } from './audience.ts';

const ALL = { announcementId: 1, audience: 'devices' } as const;
const RUNS = Number(process.env['AUDIENCE_RUNS'] ?? 60);

describe.each(databaseKinds())('audiences (%s)', (kind) => {
  let database: TestDatabase;
  let driver: Driver;
  let store: Store;
  const [all = []] = fc.sample(people(400), { numRuns: 1, seed: 7 });

  beforeAll(async () => {
    database = await makeDatabase(kind);
    driver = openDriver(database.config, systemClock);
    await makeOwnTables(driver);
    await seed(driver, all);
    store = makeStore(driver, ['push_audience_*']);
  });
  afterAll(async () => {
    await store.close();
    await database.drop();
  });

  /** All pages of an audience, each from where the one before ends, and what a repeat of one page reads. */
  async function check(filter: DeviceFilter, fromId: number, pageSize: number): Promise<void> {
    const isIn = (person: Person): boolean =>
      !person.isGone && person.deviceId >= fromId && isTaken(person, filter);
    const expected = all.filter(isIn).map(({ deviceId }) => deviceId);
    const pages: number[] = [];
    let next: number | undefined = fromId;
    while (next !== undefined) {
      const ids: number[] = (await store.fetchPage(next, null, pageSize + 1, { filter })).map(
        ({ deviceId }) => deviceId,
      );
      pages.push(...ids.slice(0, pageSize));
      next = ids[pageSize];
    }
    expect(pages, JSON.stringify(filter)).toEqual(expected);
    const { devices, lastId } = await store.countAudience({ ...ALL, filter }, fromId);
    expect({ devices, lastId }).toEqual({
      devices: expected.length,
      lastId: expected.at(-1) ?? Math.max(0, fromId - 1),
    });
    const middle = expected[Math.floor(expected.length / 2)] ?? fromId;
    const again = await store.fetchPageAgain({ announcementId: 1, round: 0, fromId }, middle, { filter });
    expect(again.map(({ deviceId }) => deviceId)).toEqual(expected.filter((id) => id <= middle));
  }

  test.each(Object.keys(FILTERS) as (keyof typeof FILTERS)[])(
    '%s alone takes exactly its devices',
    async (field) => {
      const arbitrary: fc.Arbitrary<unknown> = FILTERS[field];
      const values = fc.sample(arbitrary, { numRuns: 12, seed: 11 });
      for (const value of values) await check({ [field]: value }, 0, 50);
    },
  );

  test('filters in any combination take the devices that each of them takes', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record(FILTERS, { requiredKeys: [] }),
        fc.integer({ min: 0, max: 600 }),
        fc.integer({ min: 1, max: 40 }),
        (filter, fromId, pageSize) => check(filter, fromId, pageSize),
      ),
      { numRuns: RUNS, seed: 13 },
    );
  });

  test.each([
    ['of plain texts', ['anna', 'bob', '007']],
    ['of which some are not ASCII', ['anna', 'čeněk', "o'hara"]],
  ])('a list of many member ids, %s, takes the devices of each', async (_, members) => {
    const others = Array.from({ length: 150 }, (_each, nth) => `nobody-${nth}`);
    const memberIds = [...members, ...others, ...members];
    await check({ memberIds }, 0, 10);
    await check({ memberIds, platform: ['ios', 'web'], sample: '0-60%' }, 30, 10);
  });

  test('a member whom a view has twice counts once', async () => {
    await driver.runScript(
      `CREATE VIEW push_audience_twice AS SELECT member_id FROM push_audience_members
       UNION ALL SELECT member_id FROM push_audience_members`,
    );
    const count = (view: string) => store.countAudience({ ...ALL, filter: { view } }, 0);
    const once = await count('push_audience_members');
    expect(once.devices).toBeGreaterThan(0);
    expect(await count('push_audience_twice')).toEqual(once);
  });

  test('devices are read with what they say about themselves, where it is asked for', async () => {
    const [first] = all.filter(({ isGone, memberId }) => !isGone && memberId !== null);
    const { deviceId, memberId, locale, appVersion } = first!;
    const page = (selection: DeviceSelection) => store.fetchPage(deviceId, deviceId, 1, selection);
    const canonical = Intl.getCanonicalLocales(locale ?? '')[0];
    expect(await page({ withTraits: true })).toMatchObject([
      { deviceId, memberId, locale: canonical, appVersion },
    ]);
    expect(await page({})).toEqual([{ deviceId, target: `target-${deviceId}`, targetKind: 'token' }]);
  });

  test('a view in the place of push_device that lacks a column is named; other audiences are read', async () => {
    const lacking = makeStore({
      ...driver,
      fetchColumns: async (table) =>
        table === 'push_device' ? new Set(['device_id', 'member_id']) : driver.fetchColumns(table),
    });
    for (const [field, column] of FILTER_COLUMNS) {
      const [value] = fc.sample<unknown>(FILTERS[field], { numRuns: 1, seed: 1 });
      await expect(lacking.fetchPage(0, null, 1, { filter: { [field]: value } })).rejects.toMatchObject({
        code: 'DATABASE',
        message: expect.stringContaining(`push_device.${column}: expected a column`),
      });
    }
    expect(
      await lacking.fetchPage(0, null, 1, { filter: { sample: '0-1%' }, withTraits: true }),
    ).toMatchObject(
      all
        .filter((person) => !person.isGone && isTaken(person, { sample: '0-1%' }))
        .slice(0, 1)
        .map(({ deviceId }) => ({ deviceId, locale: null })),
    );
  });
});

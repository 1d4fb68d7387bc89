import * as fc from 'fast-check';
import type { Driver } from '../../src/db/driver.ts';
import { sql } from '../../src/db/sql.ts';
import { daysOf, type DeviceFilter, PLATFORMS, sampleOf } from '../../src/model/filter.ts';
import { shareOf } from '../../src/model/sample.ts';

const DAY_MS = 86_400_000;

/** A device as a test knows it. Texts are as other hands may have written them. */
export interface Person {
  readonly deviceId: number;
  readonly memberId: string | null;
  readonly platform: string | null;
  readonly locale: string | null;
  readonly timeZone: string | null;
  readonly appVersion: string | null;
  /** Days since the app was last used; never a whole number, so that no test depends on its own time. */
  readonly seenDaysAgo: number | null;
  readonly isTest: boolean;
  readonly isGone: boolean;
  readonly tags: Readonly<Record<string, string>>;
}

const LOCALES = [
  'de',
  'DE',
  'de-CH',
  'de-ch-1996',
  'zh',
  'zh-TW',
  'ZH-Hant-TW',
  'zhx',
  'zh_TW',
  'en',
  'e',
  '',
  "de' OR 1=1 --",
];
const ZONES = ['Europe/Berlin', 'Asia/Tokyo', 'America/Lima', ''];
const VERSIONS = [
  '4',
  '4.0',
  '4.9',
  '4.12',
  '4.12.0',
  '4.12.0.1',
  '4.12.1',
  '10.0',
  '007.5',
  '4.x',
  '',
  '4.12.',
  '4.12\n',
  'v4',
  '1.2.3.4.5',
];
const MEMBERS = ['anna', 'Anna', 'anna ', 'bob', 'čeněk', "o'hara", 'x\\', '007', '7'];
const TAGS: Readonly<Record<string, readonly string[]>> = {
  plan: ['pro', 'Pro', 'free', 'pro '],
  'city`; DROP TABLE push_tag': ['Oslo', "O'slo", '%', '_', 'ö'],
  n: ['1', '01'],
};

const orNull = <T>(values: readonly T[]) => fc.option(fc.constantFrom(...values), { freq: 6 });

/** Devices with what real ones say, and what only broken ones do. Their ids have gaps. */
export const people = (count: number): fc.Arbitrary<Person[]> =>
  fc
    .array(
      fc.record({
        gap: fc.integer({ min: 1, max: 5 }),
        memberId: orNull(MEMBERS),
        platform: orNull([...PLATFORMS, 'iOS', 'symbian']),
        locale: orNull(LOCALES),
        timeZone: orNull(ZONES),
        appVersion: orNull(VERSIONS),
        seenDaysAgo: orNull([0.5, 3.5, 29.5, 100.5, 269.5, 270.5, 1000.5]),
        isTest: fc.boolean(),
        isGone: fc.constantFrom(false, false, false, false, true),
        tags: fc.record(
          Object.fromEntries(
            Object.entries(TAGS).map(([name, values]) => [name, fc.constantFrom(...values)]),
          ),
          { requiredKeys: [] },
        ),
      }),
      { minLength: count, maxLength: count, size: 'max' },
    )
    .map((all) => {
      let deviceId = 0;
      return all.map(({ gap, tags, ...person }) => ({
        ...person,
        tags: Object.fromEntries(
          Object.entries(tags).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
        ),
        deviceId: (deviceId += gap),
      }));
    });

const some = <T>(values: readonly T[]) => fc.subarray([...values], { minLength: 1, maxLength: 3 });
const VERSION_ASKED = ['4', '4.9', '4.12', '4.12.0.1', '5', '7.5'];
const versionAsked = fc.constantFrom(...VERSION_ASKED);

/** Each filter by its field. */
export const FILTERS = {
  platform: some(PLATFORMS),
  locale: some(['de', 'DE-ch', 'zh', 'zh-TW', 'en', 'fr']),
  appVersion: fc.oneof(
    fc.record({ from: versionAsked, below: versionAsked }),
    fc.record({ from: versionAsked }),
    fc.record({ below: versionAsked }),
  ),
  seenWithin: fc.constantFrom('1d', '30d', '270d', '99999d'),
  tags: fc
    .record(
      Object.fromEntries(Object.entries(TAGS).map(([name, values]) => [name, some([...values, 'nobody'])])),
      { requiredKeys: [] },
    )
    .map((tags) =>
      Object.fromEntries(Object.entries(tags).flatMap(([name, values]) => (values ? [[name, values]] : []))),
    )
    .filter((tags) => Object.keys(tags).length > 0),
  memberIds: some([...MEMBERS, 'nobody']),
  sample: fc.constantFrom('0-10%', '10-55.5%', '99.99-100%', '0-100%', '0-0.01%'),
  view: fc.constantFrom('push_audience_ids', 'push_audience_members', 'push_audience_numbers'),
  timeZone: some<string | null>([...ZONES.filter((zone) => zone !== ''), null]),
  isTest: fc.boolean(),
} satisfies { [Field in keyof DeviceFilter]-?: fc.Arbitrary<NonNullable<DeviceFilter[Field]>> };

/** Tables of a team's own: one of device ids, some twice; one of members; one whose members are numbers. */
export const VIEWS: Readonly<Record<string, (person: Person) => boolean>> = {
  push_audience_ids: ({ deviceId }) => deviceId % 3 === 0,
  push_audience_members: ({ memberId }) => memberId !== null && ['anna', 'bob', "o'hara"].includes(memberId),
  push_audience_numbers: ({ memberId }) => memberId === '7',
};

/** True if a filter takes a device: written as its description has it, one field after the other. */
export function isTaken(person: Person, filter: DeviceFilter): boolean {
  const { platform, locale, appVersion, seenWithin, tags, memberIds, sample, view, timeZone, isTest } =
    filter;
  if (platform && !platform.some((each) => each === person.platform?.toLowerCase())) return false;
  if (locale && !locale.some((tag) => isOfLocale(person.locale ?? '', tag))) return false;
  if (appVersion && !isInRange(person.appVersion, appVersion)) return false;
  if (seenWithin && !(person.seenDaysAgo !== null && person.seenDaysAgo <= daysOf(seenWithin))) return false;
  for (const [name, values] of Object.entries(tags ?? {})) {
    if (!values.includes(person.tags[name] ?? '')) return false;
  }
  if (memberIds && !memberIds.includes(person.memberId ?? '')) return false;
  if (sample) {
    const { from, below } = sampleOf(sample)!;
    const share = shareOf(person.deviceId);
    if (share < from || share >= below) return false;
  }
  if (view && !VIEWS[view]!(person)) return false;
  if (timeZone && !timeZone.includes(person.timeZone === '' ? null : person.timeZone)) return false;
  return isTest === undefined || isTest === person.isTest;
}

function isOfLocale(locale: string, tag: string): boolean {
  const [one, other] = [locale.toLowerCase(), tag.toLowerCase()];
  return one === other || one.startsWith(`${other}-`);
}

function isInRange(
  version: string | null,
  { from, below }: NonNullable<DeviceFilter['appVersion']>,
): boolean {
  if (version === null || !/^[0-9]+([.][0-9]+){0,3}(?![^])/.test(version)) return false;
  const isBelow = (one: string, other: string): boolean => {
    const [left, right] = [one, other].map((text) => text.split('.').map(Number));
    for (let nth = 0; nth < 4; nth++) {
      const [a, b] = [left![nth] ?? 0, right![nth] ?? 0];
      if (a !== b) return a < b;
    }
    return false;
  };
  return !(from !== undefined && isBelow(version, from)) && (below === undefined || isBelow(version, below));
}

/** Puts the devices into the tables, and makes the team's own. */
export async function seed(driver: Driver, all: readonly Person[]): Promise<void> {
  const { now, plus } = driver.dialect;
  await driver.run({ sql: 'DELETE FROM push_device', values: [] });
  await driver.run({ sql: 'DELETE FROM push_tag', values: [] });
  const rows = all.map(
    ({ deviceId, memberId, platform, locale, timeZone, appVersion, seenDaysAgo, isTest, isGone }) => {
      const seen = seenDaysAgo === null ? null : plus(now, -seenDaysAgo * DAY_MS);
      const gone = isGone ? now : null;
      return sql`(${deviceId}, ${`target-${deviceId}`}, ${memberId}, ${platform}, ${locale}, ${timeZone}, ${appVersion},
      ${seen}, ${isTest ? 1 : 0}, ${gone}, ${now})`;
    },
  );
  await driver.run(
    sql`INSERT INTO push_device (device_id, target, member_id, platform, locale, time_zone, app_version, last_seen_at,
        is_test, unregistered_at, created_at) VALUES ${rows}`,
  );
  const tags = all.flatMap(({ deviceId, tags: own }) =>
    Object.entries(own).map(([name, value]) => sql`(${deviceId}, ${name}, ${value})`),
  );
  if (tags.length > 0) await driver.run(sql`INSERT INTO push_tag (device_id, name, value) VALUES ${tags}`);
  const ids = all
    .filter(({ deviceId }) => deviceId % 3 === 0)
    .flatMap(({ deviceId }) => [deviceId, deviceId]);
  await driver.run({ sql: 'DELETE FROM push_audience_ids', values: [] });
  if (ids.length > 0)
    await driver.run(sql`INSERT INTO push_audience_ids (device_id) VALUES ${ids.map((id) => sql`(${id})`)}`);
}

export async function makeOwnTables(driver: Driver): Promise<void> {
  await driver.runScript('CREATE TABLE push_audience_ids (device_id BIGINT, note TEXT)');
  await driver.runScript('CREATE INDEX push_audience_ids_id ON push_audience_ids (device_id)');
  await driver.runScript('CREATE TABLE push_audience_members (member_id VARCHAR(64) PRIMARY KEY)');
  await driver.runScript('CREATE VIEW push_audience_numbers AS SELECT 7 AS member_id');
  await driver.run(
    sql`INSERT INTO push_audience_members (member_id) VALUES ('anna'), ('bob'), (${"o'hara"})`,
  );
}

import { daysOf, type DeviceFilter, sampleOf } from '../model/filter.ts';
import { firstPlaceOf, SAMPLE_FACTOR, SAMPLE_IDS, SAMPLE_RANGE } from '../model/sample.ts';
import { versionKeyOf } from '../model/version.ts';
import type { Dialect, TablesAndCondition } from './driver.ts';
import { type Fragment, sql } from './sql.ts';

const DAY_MS = 86_400_000;

/** An index is searched once for each locale of a filter, in one statement; SQLite takes 500 searches. */
const MAX_LEADING_LOCALES = 100;

/** So many versions of the app are searched one by one; more are searched together, and the ids sorted for each page. */
const MAX_SEARCHED_VERSIONS = 20;

/** The columns of push_device that a filter reads and that a team's own view may lack, each with the field that needs it. */
export const FILTER_COLUMNS = [
  ['platform', 'platform'],
  ['locale', 'locale'],
  ['appVersion', 'app_version'],
  ['seenWithin', 'last_seen_at'],
  ['timeZone', 'time_zone'],
  ['isTest', 'is_test'],
] as const satisfies readonly (readonly [keyof DeviceFilter, string])[];

/** The table of the team's own that a filter names, and the column of push_device that it has. */
export interface OwnView {
  readonly name: string;
  readonly column: 'device_id' | 'member_id';
}

/** What a filter needs of the database besides itself. */
interface Words {
  readonly dialect: Dialect;
  /** Null for a filter without a view. */
  readonly view: OwnView | null;
  /** The versions that devices have and that the filter takes: see app-versions.ts. Only the lead `appVersion` needs them. */
  readonly versions?: readonly string[];
}

/** An index that can find the devices of one field of a filter; a field of tags is one tag. */
export type Lead =
  | { readonly field: 'memberIds' | 'locale' | 'timeZone' | 'isTest' | 'view' | 'appVersion' }
  | { readonly field: 'tags'; readonly name: string };

/** The leads that a filter has. `isTest: false` has none: nearly all devices are no test devices. */
export function listLeads(filter: DeviceFilter): Lead[] {
  const { memberIds, tags = {}, isTest, view, timeZone, locale, appVersion } = filter;
  return [
    ...(memberIds ? [{ field: 'memberIds' } as const] : []),
    ...Object.keys(tags).map((name) => ({ field: 'tags', name }) as const),
    ...(isTest === true ? [{ field: 'isTest' } as const] : []),
    ...(view === undefined ? [] : [{ field: 'view' } as const]),
    ...(timeZone ? [{ field: 'timeZone' } as const] : []),
    ...(locale && locale.length <= MAX_LEADING_LOCALES ? [{ field: 'locale' } as const] : []),
    ...(appVersion ? [{ field: 'appVersion' } as const] : []),
  ];
}

/** A search of an index for ids of devices: the tables, the condition, and the column of the ids. */
export interface Search extends TablesAndCondition {
  readonly id: Fragment;
  /** True: push_device is one of the tables, and what else has to hold for a device can be asked in the same search. */
  readonly hasDevices?: boolean;
  /** True: it may find an id twice, as a team's view may have it twice. */
  readonly mayRepeat?: boolean;
  /** What is counted to estimate how many devices it finds, if that is less work than to find them. */
  readonly countedFrom?: Fragment;
}

/** The searches that together find the ids of a lead's devices; two of them may find the same id. */
export function followLead(
  { dialect, view, versions = [] }: Words,
  filter: DeviceFilter,
  lead: Lead,
): readonly Search[] {
  const { memberIds = [], tags = {}, timeZone = [], locale = [] } = filter;
  switch (lead.field) {
    case 'memberIds':
      return [
        {
          ...dialect.listed(sql`push_device`, sql`push_device.member_id`, memberIds),
          id: NO_KEY,
          hasDevices: true,
        },
      ];
    case 'isTest':
      return [ofDevices(sql`push_device.is_test = 1`)];
    case 'timeZone':
      return inZones(sql`push_device.time_zone`, timeZone).map(ofDevices);
    case 'locale':
      return locale.map((tag) => ({
        ...ofDevices(dialect.isOfLocale(sql`push_device.locale`, tag)),
        id: NO_KEY,
      }));
    case 'tags':
      return [
        {
          from: sql`push_tag`,
          where: hasTag(dialect, lead.name, tags[lead.name] ?? []),
          id: sql`push_tag.device_id`,
        },
      ];
    case 'view':
      return [followView(dialect, view)];
    case 'appVersion':
      if (versions.length > MAX_SEARCHED_VERSIONS) {
        return [{ ...ofDevices(sql`push_device.app_version IN (${versions})`), id: NO_KEY }];
      }
      // The index has the ids of one version in order.
      if (versions.length === 0) return [ofDevices(sql`1 = 0`)];
      return versions.map((version) => ofDevices(sql`push_device.app_version = ${version}`));
  }
}

/** The id, but no range of the primary key: for a range or a long list, a database may take that, and read all devices. */
const NO_KEY = sql`push_device.device_id + 0`;

function ofDevices(where: Fragment): Search {
  return { from: sql`push_device`, where, id: sql`push_device.device_id` };
}

function followView(dialect: Dialect, view: OwnView | null): Search {
  if (view === null) throw new RangeError('view: expected the columns of the view, got none');
  const from = fromView(view);
  const all = sql`1 = 1`;
  if (view.column === 'device_id') return { from, where: all, id: sql`own_view.device_id`, mayRepeat: true };
  return {
    from: sql`${from} ${dialect.joinInOrder} push_device ON ${isSameMember(dialect)}`,
    where: all,
    id: sql`push_device.device_id`,
    hasDevices: true,
    mayRepeat: true,
    countedFrom: fromView(view),
  };
}

/**
 * The conditions on push_device that a filter sets, but for that of its lead; what the index has of a version is only near it,
 * so that stays a condition. They use no index: a page is read by the primary key then, and the database does not read all
 * devices of a locale to sort them for each page.
 */
export function listConditions(
  { dialect, view }: Words,
  filter: DeviceFilter,
  lead: Lead | null,
): readonly Fragment[] {
  const { platform, locale, appVersion = {}, seenWithin, tags = {}, sample, timeZone, isTest } = filter;
  const isLed = (field: Lead['field']): boolean => lead?.field === field;
  const version = dialect.versionKey(sql`push_device.app_version`);
  return [
    ...(platform ? [sql`${dialect.foldCase(sql`push_device.platform`)} IN (${platform})`] : []),
    ...(locale && !isLed('locale')
      ? [isOfLocale(dialect, sql`COALESCE(push_device.locale, '')`, locale)]
      : []),
    ...when(appVersion.from === undefined ? null : sql`${version} >= ${versionKeyOf(appVersion.from)}`),
    ...when(appVersion.below === undefined ? null : sql`${version} < ${versionKeyOf(appVersion.below)}`),
    ...when(
      seenWithin === undefined
        ? null
        : sql`push_device.last_seen_at >= ${dialect.plus(dialect.now, -daysOf(seenWithin) * DAY_MS)}`,
    ),
    ...Object.entries(tags)
      .filter(([name]) => lead?.field !== 'tags' || lead.name !== name)
      .map(
        ([name, values]) => sql`(SELECT 1 FROM push_tag WHERE push_tag.device_id = push_device.device_id
          AND ${hasTag(dialect, name, values)} LIMIT 1) = 1`,
      ),
    ...when(sample === undefined ? null : isInSample(sample)),
    ...when(view === null || isLed('view') ? null : isInView(dialect, view)),
    ...(timeZone && !isLed('timeZone')
      ? [either(inZones(sql`COALESCE(push_device.time_zone, '')`, timeZone))]
      : []),
    ...when(
      isTest === undefined || isLed('isTest')
        ? null
        : sql`push_device.is_test + 0 ${isTest ? sql`=` : sql`<>`} 1`,
    ),
  ];
}

function when(condition: Fragment | null): Fragment[] {
  return condition === null ? [] : [condition];
}

function isOfLocale(dialect: Dialect, column: Fragment, tags: readonly string[]): Fragment {
  return either(tags.map((tag) => sql`(${dialect.isOfLocale(column, tag)})`));
}

/** The conditions of which one holds for a device in one of the zones. A device whose zone is an empty text has none. */
function inZones(column: Fragment, zones: readonly (string | null)[]): Fragment[] {
  const names = zones.filter((zone) => zone !== null);
  return [
    ...(names.length > 0 ? [sql`${column} IN (${names})`] : []),
    ...(names.length < zones.length ? [sql`${column} IS NULL`, sql`${column} = ''`] : []),
  ];
}

function hasTag(dialect: Dialect, name: string, values: readonly string[]): Fragment {
  return sql`${dialect.isOneOf(sql`push_tag.name`, [name])} AND ${dialect.isOneOf(sql`push_tag.value`, values)}`;
}

function isInSample(share: string): Fragment {
  const { from, below } = sampleOf(share) ?? { from: 0, below: 0 };
  return sql`((push_device.device_id % ${SAMPLE_IDS}) * ${SAMPLE_FACTOR}) % ${SAMPLE_RANGE}
    BETWEEN ${firstPlaceOf(from)} AND ${firstPlaceOf(below) - 1}`;
}

function isInView(dialect: Dialect, view: OwnView): Fragment {
  const isSame =
    view.column === 'device_id' ? sql`own_view.device_id = push_device.device_id` : isSameMember(dialect);
  return sql`(SELECT 1 FROM ${fromView(view)} WHERE ${isSame} LIMIT 1) = 1`;
}

/** The first condition uses an index. The view's column may be one of numbers: 7 is not the member 007. */
function isSameMember({ name, isSameText }: Dialect): Fragment {
  const isSame = isSameText(sql`push_device.member_id`, sql`own_view.member_id`);
  switch (name) {
    case 'mysql':
      return isSame;
    case 'sqlite':
      return sql`${isSame} AND push_device.member_id = CAST(own_view.member_id AS TEXT)`;
  }
}

/** A name has letters, digits and _ alone: see filterSchema. Both databases know this quote. */
function fromView({ name }: OwnView): Fragment {
  return { sql: `\`${name}\` AS own_view`, values: [] };
}

function either(conditions: readonly Fragment[]): Fragment {
  return {
    sql: `(${conditions.map((condition) => condition.sql).join(' OR ')})`,
    values: conditions.flatMap(({ values }) => values),
  };
}

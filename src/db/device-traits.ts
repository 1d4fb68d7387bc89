import type { Device, DeviceTraits, NewDevice, Registration } from '../model/device.ts';
import { PLATFORMS } from '../model/filter.ts';
import { FLAG_COLUMNS, parseAppVersion, rememberLookups, type TraitColumn } from '../model/traits.ts';
import { fit, fitTime } from './columns.ts';
import type { Dialect, Row } from './driver.ts';
import { literalBytesOf } from './literals.ts';
import { columnOrNull, requireColumn } from './optional.ts';
import { readOptionalText, readOptionalTime, readOr, readWord } from './rows.ts';
import { type Fragment, sql, type Value } from './sql.ts';

/*
 * The columns of push_device that hold what a device says about itself. A team's own view may lack them: see optional.ts.
 */

/** What is selected of a device with its traits, besides its own columns. */
export function traitColumns({ epochMs }: Dialect, columns: ReadonlySet<string>): Fragment {
  const of = (name: TraitColumn): Fragment => columnOrNull('push_device', name, columns);
  return sql`push_device.member_id, ${of('platform')} AS platform, ${of('locale')} AS locale, ${of('time_zone')} AS time_zone,
    ${of('app_version')} AS app_version, ${epochMs(of('last_seen_at'))} AS last_seen_ms`;
}

function or<T>(read: () => T): T | null {
  return readOr<T | null>([], read, null);
}

/** What is selected to know whether a device gets the test sends, and whether it is a canary. */
export function flagColumns(columns: ReadonlySet<string>): Fragment {
  const of = (name: TraitColumn): Fragment => columnOrNull('push_device', name, columns);
  return sql`${of('is_test')} AS is_test, ${of('is_canary')} AS is_canary`;
}

type ReadTraits = Required<DeviceTraits> & Required<Pick<Device, 'memberId'>>;

/** Makes a function that reads a row that another hand may have written: what cannot be read is not known. */
export function makeTraitParser(): (row: Row) => ReadTraits {
  const { parseLocale, parseTimeZone } = rememberLookups();
  return (row) => {
    const text = (column: string): string => or(() => readOptionalText(row, column)) ?? '';
    return {
      memberId: or(() => readOptionalText(row, 'member_id')),
      platform: or(() => readWord(row, 'platform', PLATFORMS)),
      locale: parseLocale(text('locale')),
      timeZone: parseTimeZone(text('time_zone')),
      appVersion: parseAppVersion(text('app_version')),
      lastSeenAt: or(() => readOptionalTime(row, 'last_seen_ms')),
    };
  };
}

/** The values that a device gives for optional columns. PushError('BAD_INPUT') if a column cannot hold its value. */
export function givenTraits({ at }: Dialect, device: Registration): Map<TraitColumn, Value | Fragment> {
  const { platform, locale, timeZone, appVersion, lastSeenAt, isTest, isCanary } = device;
  const seen = typeof lastSeenAt === 'number' ? at(fitTime(lastSeenAt, 'last_seen_at')) : lastSeenAt;
  const values: [TraitColumn, Value | Fragment | undefined][] = [
    ['platform', platform],
    ['locale', locale === undefined ? locale : fit('locale', locale)],
    ['time_zone', timeZone === undefined ? timeZone : fit('time_zone', timeZone)],
    ['app_version', appVersion === undefined ? appVersion : fit('app_version', appVersion)],
    ['last_seen_at', seen],
    ['is_test', isTest === undefined ? isTest : Number(isTest)],
    ['is_canary', isCanary === undefined ? isCanary : Number(isCanary)],
  ];
  return new Map(values.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
}

/** True if a device gives a value for an optional column. */
export function hasTraits({
  platform,
  locale,
  timeZone,
  appVersion,
  lastSeenAt,
  isTest,
  isCanary,
}: NewDevice): boolean {
  const values = [platform, locale, timeZone, appVersion, lastSeenAt, isTest, isCanary];
  return values.some((value) => value !== undefined);
}

/** `writableColumns` are the given columns that the table has. PushError('BAD_INPUT') if it lacks one that is to hold a value. */
export function writableColumns(
  given: ReadonlyMap<TraitColumn, Value | Fragment>,
  columns: ReadonlySet<string>,
): TraitColumn[] {
  return [...given.keys()].filter((name) => {
    const value = given.get(name);
    if (value !== null && !(FLAG_COLUMNS.includes(name) && value === 0))
      requireColumn('push_device', name, columns);
    return columns.has(name);
  });
}

/** What a row that does not give a column has in it. */
export function valueOrDefault(
  given: ReadonlyMap<TraitColumn, Value | Fragment>,
  name: TraitColumn,
): Value | Fragment {
  return given.get(name) ?? (FLAG_COLUMNS.includes(name) ? 0 : null);
}

/**
 * The assignment of a column in an INSERT whose row exists already. A file may know older times than the table: the last time
 * that a device was seen never goes back. NULL is a value too: it says that the time is not known.
 */
export function assignTrait({ incoming }: Dialect, name: TraitColumn): Fragment {
  const column: Fragment = { sql: name, values: [] };
  const value = incoming(column);
  if (name !== 'last_seen_at') return sql`${column} = ${value}`;
  return sql`${column} = CASE WHEN ${column} > ${value} THEN ${column} ELSE ${value} END`;
}

/** Never less than the bytes that the traits of a device take in a statement. */
export function traitBytesOf({ platform, locale, timeZone, appVersion, lastSeenAt }: NewDevice): number {
  const texts = [platform, locale, timeZone, appVersion].reduce(
    (bytes, text) => bytes + literalBytesOf(text ?? null),
    0,
  );
  return texts + (typeof lastSeenAt === 'number' ? 90 : 4) + 20;
}

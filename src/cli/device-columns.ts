import { TARGET_KINDS, type TargetKind } from '../model/device.ts';
import { TRAIT_COLUMNS, type TraitColumn } from '../model/traits.ts';
import { normalizeName, readHeader } from './csv-header.ts';
import type { RowShape } from './csv-rows.ts';
import type { DeviceTexts } from './device-texts.ts';
import { refuse } from './options.ts';
import type { Line } from './text-lines.ts';

/** `DeviceField` is a value of a device that a file has a column for. */
export type DeviceField = TargetKind | 'member' | TraitColumn;

/** `DeviceColumns` says where a CSV file has the values of a device. */
export interface DeviceColumns extends RowShape {
  /** Index of the column of each field that the file has. */
  readonly fields: readonly (readonly [DeviceField, number])[];
  /** Index of the column of each tag, by name. */
  readonly tags: readonly (readonly [string, number])[];
  /** The columns as they are named in `NAMES`, where the header has another name than Baton's. */
  readonly aliases: readonly string[];
}

export type Names = Readonly<Record<DeviceField, readonly string[]>>;

/** Names of columns, Baton's own first. Case, blanks, `_`, `-` and the like do not count. */
export const NAMES: Names = {
  token: ['token', 'fcm_token', 'device_token', 'push_token', 'registration_token'],
  fid: ['fid', 'installation_id', 'firebase_installation_id'],
  member: ['member_id', 'user_id'],
  platform: ['platform', 'device_platform', 'os', 'os_name', 'device_type'],
  locale: ['locale', 'device_locale', 'language', 'lang', 'device_language', 'language_code'],
  time_zone: ['time_zone', 'timezone_id', 'device_time_zone', 'tz'],
  app_version: ['app_version', 'application_version', 'app_version_name'],
  last_seen_at: ['last_seen_at', 'last_seen', 'last_active_at', 'last_active', 'last_used_at'],
  is_test: ['is_test', 'is_test_device', 'test_device'],
  is_canary: ['is_canary', 'is_canary_device', 'canary_device'],
};

/** Without one of these, a row has no device: that several columns could be meant is refused. */
const REQUIRED: readonly DeviceField[] = [...TARGET_KINDS, 'member'];

/** A column of a tag: `tag:plan`. */
const TAG = /^\s*tag\s*:\s*(.*?)\s*$/i;

/** `readColumns` reads the header row. PushError('BAD_INPUT') if it has no column of targets. */
export async function readColumns(
  lines: AsyncGenerator<Line, undefined>,
  names: Names = NAMES,
): Promise<DeviceColumns> {
  const expected = `a column named ${TARGET_KINDS.join(' or ')}`;
  const header = await readHeader(lines, expected, (row, line) => findColumns(line, row, names));
  return { delimiter: header.delimiter, width: header.width, ...header.columns };
}

type Columns = Omit<DeviceColumns, 'delimiter' | 'width'>;

function findColumns(line: number, header: readonly string[], names: Names): Columns | null {
  const find = (field: DeviceField): Column[] => findColumn(line, field, header, names);
  const targets = TARGET_KINDS.flatMap(find);
  if (targets.length === 0) return null;
  const required = [...targets, ...find('member')];
  const found = [...required, ...TRAIT_COLUMNS.flatMap(find)];
  return {
    // A tag or a locale may be anything: a quote that does not close there costs no more than the value.
    oneLine: required.map(({ index }) => index),
    fields: found.map(({ field, index }) => [field, index]),
    tags: findTags(line, header),
    aliases: found.filter(({ isOwn }) => !isOwn).map(({ name }) => name),
  };
}

interface Column {
  readonly field: DeviceField;
  readonly index: number;
  readonly name: string;
  /** True for the name that Baton itself gives the column. */
  readonly isOwn: boolean;
}

/**
 * `findColumn` takes the column with Baton's own name, or else the only one with another name for it. Of an optional field,
 * the first of the other names is taken: files have had such columns before they meant anything.
 */
function findColumn(line: number, field: DeviceField, header: readonly string[], names: Names): Column[] {
  const all = header.flatMap((text, index): (Column & { nth: number })[] => {
    const nth = names[field].findIndex((name) => normalizeName(name) === normalizeName(text));
    const name = names[field][nth];
    return name === undefined ? [] : [{ field, index, name, isOwn: nth === 0, nth }];
  });
  const first = Math.min(...all.map(({ nth }) => nth));
  const isChosen = first === 0 || !REQUIRED.includes(field);
  const candidates = isChosen ? all.filter(({ nth }) => nth === first) : all;
  if (candidates.length < 2) return candidates;
  const expected = `one column named ${names[field][0]}`;
  throw refuse(`line ${line}`, expected, candidates.map(({ name }) => name).join(' and '));
}

function findTags(line: number, header: readonly string[]): [string, number][] {
  const tags = header.flatMap((text, index): [string, number][] => {
    const name = TAG.exec(text)?.[1];
    return name === undefined ? [] : [[name, index]];
  });
  const names = tags.map(([name]) => name);
  if (names.includes('')) throw refuse(`line ${line}`, 'a name after tag:', 'nothing');
  if (new Set(names).size < names.length) throw refuse(`line ${line}`, 'one column for each tag', 'two');
  return tags;
}

/** `readTexts` takes the values of a device out of a row. */
export function readTexts(values: readonly string[], { fields, tags }: DeviceColumns): DeviceTexts {
  return {
    ...Object.fromEntries(fields.map(([field, index]) => [field, values[index] ?? ''])),
    ...(tags.length === 0 ? {} : { tags: tags.map(([name, index]) => [name, values[index] ?? ''] as const) }),
  };
}

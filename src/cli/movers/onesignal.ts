import { isObject } from '../../parse.ts';
import { normalizeName, readHeader } from '../csv-header.ts';
import { readRows } from '../csv-rows.ts';
import { describeText, openCsv } from '../device-csv.ts';
import { describeMismatch, type DeviceFile, type DeviceLine, guard, type Reading } from '../device-line.ts';
import { parseDevice, parseFlag } from '../device-texts.ts';
import { textOf } from './json-rows.ts';
import { LEFT_OUT, type Reason } from './reasons.ts';

/** The columns that an export has to have; all others may be missing. */
export const REQUIRED = ['identifier', 'device_type'] as const;

/**
 * OneSignal's numbers of device types, and its names for types of subscriptions. Only Android has tokens of FCM.
 * https://documentation.onesignal.com/reference/csv-export
 */
const FCM_TYPES = ['1', 'android', 'androidpush'];

const OTHER_TYPES = {
  apns: ['0', '9', 'ios', 'iospush', 'macos', 'macospush'],
  webPush: ['4', '5', '7', '8', 'chromepush', 'safaripush', 'safarilegacypush', 'firefoxpush'],
  noDevice: ['11', '14', 'email', 'sms'],
};

/** `readOneSignal` reads the CSV export of subscriptions. */
export async function readOneSignal(chunks: AsyncIterable<Buffer>, reading: Reading): Promise<DeviceFile> {
  const { encoding, lines } = await openCsv(chunks);
  const expected = `OneSignal's columns ${REQUIRED.join(' and ')}`;
  const header = await guard(() => readHeader(lines, expected, findColumns));
  const { columns, ...shape } = header;
  const oneLine = REQUIRED.map((name) => columns.get(normalizeName(name)) ?? 0);

  async function* rows(): AsyncGenerator<DeviceLine> {
    const iterator = readRows(lines, { ...shape, oneLine });
    for (;;) {
      const { value: row } = await guard(() => iterator.next());
      if (row === undefined) return;
      const { line } = row;
      if ('problem' in row) yield { line, device: describeMismatch(row.problem) };
      else
        yield {
          line,
          ...parseRow((name) => row.values[columns.get(normalizeName(name)) ?? -1] ?? '', reading),
        };
    }
  }
  return { rows: rows(), describe: () => describeText(shape.delimiter, encoding).join(', ') };
}

function findColumns(names: readonly string[]): ReadonlyMap<string, number> | null {
  const columns = new Map(names.map((name, index) => [normalizeName(name), index]));
  return REQUIRED.every((name) => columns.has(normalizeName(name))) ? columns : null;
}

type Cell = (name: string) => string;

function parseRow(cell: Cell, reading: Reading): Omit<DeviceLine, 'line'> {
  if (cell('device_type') === '') {
    return {
      device: describeMismatch({ field: 'device_type', expected: "OneSignal's number", got: 'nothing' }),
    };
  }
  const reason = findReason(cell);
  if (reason !== null) return { device: { leftOut: reason } };
  const lastActive = cell('last_active');
  return parseDevice(
    {
      token: cell('identifier'),
      member: cell('external_user_id') || cell('external_id'),
      platform: 'android',
      locale: cell('language'),
      // The column timezone has seconds from UTC, which are no zone.
      time_zone: cell('timezone_id') || cell('timezone'),
      app_version: cell('game_version') || cell('app_version'),
      // Its times are in UTC, and may not say so.
      last_seen_at: /\d:\d\d(:\d\d)?(\.\d+)?$/.test(lastActive) ? `${lastActive}Z` : lastActive,
      tags: parseTags(cell('tags')),
      tagsColumn: 'tags',
    },
    reading,
  );
}

function findReason(cell: Cell): Reason | null {
  const type = normalizeName(cell('device_type'));
  if (!FCM_TYPES.includes(type)) {
    if (OTHER_TYPES.apns.includes(type)) return LEFT_OUT.apns;
    if (OTHER_TYPES.webPush.includes(type)) return LEFT_OUT.webPush;
    return OTHER_TYPES.noDevice.includes(type) ? LEFT_OUT.noDevice : LEFT_OUT.otherPush;
  }
  if (cell('identifier') === '') return LEFT_OUT.noToken;
  // 1 and higher: subscribed; 0: never was; below: has unsubscribed, or cannot be reached.
  const subscription = cell('notification_types');
  if (/^(0|-\d+)$/.test(subscription)) return LEFT_OUT.optedOut;
  return parseFlag(cell('invalid_identifier')) === true ? LEFT_OUT.inactive : null;
}

/** `parseTags` reads OneSignal's JSON of tags; null: the text is no such JSON. */
function parseTags(text: string): (readonly [string, string | null])[] | null {
  if (text === '') return [];
  try {
    const tags: unknown = JSON.parse(text);
    if (tags === null) return [];
    if (isObject(tags)) return Object.entries(tags).map(([name, value]) => [name, textOf(value)] as const);
  } catch {
    // Not JSON.
  }
  return null;
}

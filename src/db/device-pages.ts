import { isBadRow } from '../errors.ts';
import { type Device, type DeviceTraits, TARGET_KINDS } from '../model/device.ts';
import { type DeviceSelection, PLATFORMS } from '../model/filter.ts';
import type { Devices } from '../store.ts';
import type { Driver, Row } from './driver.ts';
import { isHop } from './hop-key.ts';
import { columnOrNull, makeColumnLookup } from './optional.ts';
import {
  readOptionalText,
  readOptionalTime,
  readOr,
  readText,
  readWhole,
  readWord,
  wrongValue,
} from './rows.ts';
import type { Led, Range, Select, Selected } from './selection.ts';
import { type Fragment, sql, type Statement } from './sql.ts';

export const DEVICE_COLUMNS = sql`push_device.device_id, target, target_kind`;

/** The columns that `parseTraits` reads besides member_id and last_seen_at, which a team's own view may lack. */
const TRAIT_COLUMNS = ['platform', 'locale', 'time_zone', 'app_version'] as const;

/** Ids in one statement: SQLite takes 32,766 values, and the filter has some as well. */
const MAX_IDS = 5000;

const REGISTERED = sql`unregistered_at IS NULL`;

/** The statements that read the pages of a broadcast. Without a selection each is one range of the primary key. */
export function makePages(driver: Driver, select: Select): Pick<Devices, 'fetchPage' | 'fetchPageAgain'> {
  const columnsOf = makeTraitColumns(driver);

  const fetch = async (
    { filter, withTraits = false }: DeviceSelection,
    range: Range,
    isToSend: Fragment,
    limit: number | null,
  ): Promise<Device[]> => {
    const columns = withTraits ? sql`${DEVICE_COLUMNS}, ${await columnsOf()}` : DEVICE_COLUMNS;
    const { parts, led } = filter ? await select(filter, range) : { parts: [ofRange(range)], led: null };
    const parse = withTraits ? parseWithTraits : parseDevice;
    if (led !== null && limit !== null) {
      return (await fetchLed(driver, led, range.fromId, columns, isToSend, limit)).map(parse);
    }
    const rows: Row[] = [];
    for (const part of parts) rows.push(...(await driver.all(selectDevices(columns, part, isToSend, limit))));
    const devices = rows.map(parse);
    return parts.length > 1 ? devices.toSorted((one, other) => one.deviceId - other.deviceId) : devices;
  };

  return {
    fetchPage: (fromId, toId, limit, selection = {}) => fetch(selection, { fromId, toId }, REGISTERED, limit),

    fetchPageAgain(key, lastId, selection = {}) {
      const wasRegistered = sql`(${REGISTERED}
        OR unregistered_at >= (SELECT planted_at FROM push_hop WHERE ${isHop(key)}))`;
      return fetch(selection, { fromId: key.fromId, toId: lastId }, wasRegistered, null);
    },
  };
}

/** Reads the next ids that the index has, and of these devices those of the audience, until the page is full. */
async function fetchLed(
  driver: Driver,
  { selectIds, conditions }: Led,
  fromId: number,
  columns: Fragment,
  isToSend: Fragment,
  limit: number,
): Promise<Row[]> {
  // Somewhat more than a page: some of them may be unregistered.
  const step = Math.min(MAX_IDS, Math.ceil(1.1 * limit) + 10);
  const rows: Row[] = [];
  for (let nextId = fromId; ;) {
    const found = new Set<number>();
    for (const statement of selectIds(nextId, step)) {
      for (const row of await driver.all(statement)) found.add(readWhole(row, 'device_id'));
    }
    const ids = [...found].toSorted((one, other) => one - other).slice(0, step);
    const last = ids.at(-1);
    if (last === undefined) return rows;
    const part = { from: sql`push_device`, where: sql`push_device.device_id IN (${ids}) ${conditions}` };
    rows.push(...(await driver.all(selectDevices(columns, part, isToSend, limit - rows.length))));
    if (rows.length >= limit || ids.length < step) return rows;
    nextId = last + 1;
  }
}

/** `selectPage` reads a range of the primary key, so that a page costs the same at any depth: OFFSET would read all rows before it. */
export function selectPage(fromId: number, toId: number | null, limit: number): Statement {
  return selectDevices(DEVICE_COLUMNS, ofRange({ fromId, toId }), REGISTERED, limit);
}

function ofRange({ fromId, toId }: Range): Selected {
  const end = toId === null ? sql`` : sql`AND push_device.device_id <= ${toId}`;
  return { from: sql`push_device`, where: sql`push_device.device_id >= ${fromId} ${end}` };
}

function selectDevices(
  columns: Fragment,
  { from, where }: Selected,
  isToSend: Fragment,
  limit: number | null,
): Statement {
  return sql`
    SELECT ${columns} FROM ${from}
    WHERE ${where} AND ${isToSend}
    ORDER BY push_device.device_id ${limit === null ? sql`` : sql`LIMIT ${limit}`}`;
}

/** `makeTraitColumns` makes a function that lists the columns of `parseTraits`; those that a view lacks are NULL. */
export function makeTraitColumns(driver: Driver): () => Promise<Fragment> {
  const fetchColumns = makeColumnLookup(driver, 'push_device');
  return async () => {
    const columns = await fetchColumns();
    const texts = TRAIT_COLUMNS.map(
      (name) => sql`${columnOrNull('push_device', name, columns)} AS ${{ sql: name, values: [] }}`,
    );
    const lastSeen = columnOrNull('push_device', 'last_seen_at', columns);
    const isKnown = columns.has('last_seen_at');
    return sql`${texts}, push_device.member_id, ${isKnown ? driver.dialect.epochMs(lastSeen) : lastSeen} AS last_seen_ms`;
  };
}

function parseWithTraits(row: Row): Device {
  return { ...parseDevice(row), ...parseTraits(row) };
}

/** `parseTraits` reads what a device says about itself. A wrong value is as good as none. */
export function parseTraits(row: Row): DeviceTraits & Pick<Device, 'memberId'> {
  return {
    platform: read(() => (row['platform'] === null ? null : readWord(row, 'platform', PLATFORMS))),
    locale: read(() => readOptionalText(row, 'locale')),
    timeZone: read(() => readOptionalText(row, 'time_zone')),
    appVersion: read(() => readOptionalText(row, 'app_version')),
    lastSeenAt: read(() => readOptionalTime(row, 'last_seen_ms')),
    memberId: read(() => readOptionalText(row, 'member_id')),
  };
}

function read<T>(one: () => T | null): T | null {
  return readOr<T | null>([], one, null);
}

/** `parseDevice` reads a row that a back end may have written: with a wrong target only its id is read, and the problem. */
export function parseDevice(row: Row): Device {
  const deviceId = readWhole(row, 'device_id');
  try {
    const target = readText(row, 'target');
    if (target === '')
      throw wrongValue('target', 'a registration token or a Firebase installation id', 'an empty text');
    return { deviceId, target, targetKind: readWord(row, 'target_kind', TARGET_KINDS) };
  } catch (error) {
    if (!isBadRow(error)) throw error;
    return { deviceId, target: '', targetKind: 'token', problem: error.message };
  }
}

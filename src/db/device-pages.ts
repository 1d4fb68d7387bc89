import { isBadRow } from '../errors.ts';
import { OPEN_VERDICTS } from '../model/delivery.ts';
import { type Device, type DeviceInTable, TARGET_KINDS } from '../model/device.ts';
import type { DeviceSelection } from '../model/filter.ts';
import type { HopKey } from '../model/hop.ts';
import type { Devices } from '../store.ts';
import type { Driver, Row } from './driver.ts';
import { makeTraitParser, traitColumns } from './device-traits.ts';
import { isHop } from './hop-key.ts';
import { makeColumnLookup } from './optional.ts';
import { readText, readWhole, readWord, wrongValue } from './rows.ts';
import type { Led, Range, Reading, Select, Selected } from './selection.ts';
import { type Fragment, sql, type Statement } from './sql.ts';

export const DEVICE_COLUMNS = sql`push_device.device_id, target, target_kind`;

/** Ids in one statement: SQLite takes 32,766 values, and the filter has some as well. */
const MAX_IDS = 5000;

const REGISTERED = sql`unregistered_at IS NULL`;

/** The statements that read the pages of a broadcast. Without a selection each is one range of the primary key. */
export function makePages(driver: Driver, select: Select): Pick<Devices, 'fetchPage' | 'fetchPageAgain'> {
  const readerOf = makeDeviceReader(driver);

  const fetch = async (
    { filter, withTraits }: DeviceSelection,
    range: Range,
    isToSend: Fragment,
    limit: number | null,
  ): Promise<Device[]> => {
    const { columns, parse } = await readerOf(DEVICE_COLUMNS, { withTraits });
    const reading = filter ? await select(filter, range) : ofAll(range);
    if (reading.led !== null && limit !== null) {
      return (await fetchLed(driver, reading.led, range.fromId, columns, isToSend, limit)).map(parse);
    }
    const parts = reading.parts();
    // No spread into a call: a rehearsal reads all of its devices in one page, and a call takes about 120,000 arguments.
    let rows: Row[] = [];
    for (const part of parts)
      rows = rows.concat(await driver.all(selectDevices(columns, part, isToSend, limit)));
    const devices = rows.map(parse);
    return parts.length > 1 ? devices.toSorted(byId) : devices;
  };

  return {
    fetchPage: (fromId, toId, limit, selection = {}) => fetch(selection, { fromId, toId }, REGISTERED, limit),

    async fetchPageAgain(key, lastId, selection = {}) {
      const wasRegistered = sql`(${REGISTERED}
        OR unregistered_at >= (SELECT planted_at FROM push_hop WHERE ${isHop(key)}))`;
      const range = { fromId: key.fromId, toId: lastId };
      const devices = await fetch(selection, range, wasRegistered, null);
      if (!selection.filter) return devices;
      const { columns, parse } = await readerOf(DEVICE_COLUMNS, selection);
      const rows = await driver.all(
        selectDevices(columns, leftOpen(driver, key, lastId), wasRegistered, null),
      );
      const known = new Set(devices.map(({ deviceId }) => deviceId));
      const left = rows.map(parse).filter(({ deviceId }) => !known.has(deviceId));
      return left.length === 0 ? devices : [...devices, ...left].toSorted(byId);
    },
  };
}

/** The devices of a page to which the hop still owes a push, whatever they say about themselves by now. */
function leftOpen({ dialect }: Driver, { announcementId, fromId }: HopKey, lastId: number): Selected {
  return {
    from: sql`push_delivery ${dialect.joinInOrder} push_device ON push_device.device_id = push_delivery.device_id`,
    where: sql`push_delivery.announcement_id = ${announcementId} AND push_delivery.message_id = 0
      AND push_delivery.device_id BETWEEN ${fromId} AND ${lastId} AND push_delivery.verdict IN (${OPEN_VERDICTS})`,
  };
}

function byId(one: Device, other: Device): number {
  return one.deviceId - other.deviceId;
}

function ofAll(range: Range): Reading {
  return { parts: () => [ofRange(range)], led: null };
}

/** Reads the next ids that the index has, and of these devices those of the audience, until the page is full. */
async function fetchLed(
  driver: Driver,
  { fetchIds, conditions }: Led,
  fromId: number,
  columns: Fragment,
  isToSend: Fragment,
  limit: number,
): Promise<Row[]> {
  // Somewhat more than a page: some of them may be unregistered.
  const step = Math.min(MAX_IDS, Math.ceil(1.1 * limit) + 10);
  const rows: Row[] = [];
  for (let nextId = fromId; ;) {
    const ids = await fetchIds(nextId, step);
    const last = ids.at(-1);
    if (last === undefined) return rows;
    const isListed = driver.dialect.isOneOfIds(sql`push_device.device_id`, ids);
    const part = { from: sql`push_device`, where: sql`${isListed} ${conditions}` };
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

/** How the devices of a page are read: what is selected of push_device, and how a row is parsed. */
interface DeviceReader {
  readonly columns: Fragment;
  readonly parse: (row: Row) => Device;
}

/** Makes a function that adds the traits to the columns of a page where they are asked for. */
export function makeDeviceReader(
  driver: Driver,
): (columns: Fragment, selection?: Pick<DeviceSelection, 'withTraits'>) => Promise<DeviceReader> {
  const fetchColumns = makeColumnLookup(driver, 'push_device');
  const parseTraits = makeTraitParser();
  return async (columns, { withTraits = false } = {}) => {
    if (!withTraits) return { columns, parse: parseDevice };
    const traits = traitColumns(driver.dialect, await fetchColumns());
    return {
      columns: sql`${columns}, ${traits}`,
      parse: (row) => ({ ...parseDevice(row), ...parseTraits(row) }),
    };
  };
}

/** `parseDevice` reads a row that a back end may have written: with a wrong target only its id is read, and the problem. */
export function parseDevice(row: Row): DeviceInTable {
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

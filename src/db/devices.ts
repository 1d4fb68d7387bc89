import type { Delivery } from '../model/delivery.ts';
import { type Device, type DeviceInTable, TARGET_KINDS } from '../model/device.ts';
import type { DeviceSelection } from '../model/filter.ts';
import type { Devices } from '../store.ts';
import { isBadRow } from '../errors.ts';
import { insertAudit } from './audits.ts';
import { cut } from './columns.ts';
import { parseTraits, traitColumns } from './device-traits.ts';
import { makeDeviceWrites, RESTORE } from './device-writes.ts';
import type { Dialect, Driver, Row } from './driver.ts';
import { isHop } from './hop-key.ts';
import { LISTED_ID_BYTES } from './literals.ts';
import { makeColumnLookup } from './optional.ts';
import { readOptionalWhole, readText, readWhole, readWord, wrongValue } from './rows.ts';
import { atStart, JOIN_SNAPSHOT } from './snapshot.ts';
import { chunksOf, type Fragment, sql, type Statement } from './sql.ts';
import { countTraits } from './trait-counts.ts';

const DEVICE_COLUMNS = sql`device_id, target, target_kind`;

/** The statements of push_device. */
export function makeDevices(driver: Driver): Devices {
  const readerOf = makeDeviceReader(driver);
  const fetchColumns = makeColumnLookup(driver, 'push_device');

  return {
    ...makeDeviceWrites(driver),

    async countDevices() {
      const [row = {}] = await driver.all(
        sql`SELECT COUNT(*) AS devices FROM push_device WHERE unregistered_at IS NULL`,
      );
      return readWhole(row, 'devices');
    },

    async fetchPage(fromId, toId, limit, selection) {
      const { columns, parse } = await readerOf(DEVICE_COLUMNS, selection);
      return (await driver.all(selectPage(fromId, toId, limit, columns))).map(parse);
    },

    async fetchPageAgain(key, lastId, selection) {
      const { columns, parse } = await readerOf(DEVICE_COLUMNS, selection);
      const rows = await driver.all(
        sql`SELECT ${columns} FROM push_device
            WHERE device_id BETWEEN ${key.fromId} AND ${lastId} AND (unregistered_at IS NULL
              OR unregistered_at >= (SELECT planted_at FROM push_hop WHERE ${isHop(key)}))
            ORDER BY device_id`,
      );
      return rows.map(parse);
    },

    async fetchDevices(fromId, limit) {
      const rows = await driver.all(
        sql`SELECT ${DEVICE_COLUMNS}, unregistered_by FROM push_device
            WHERE device_id >= ${fromId} ORDER BY device_id LIMIT ${limit}`,
      );
      return rows.map((row) => ({
        ...parseDevice(row),
        unregisteredBy: readOptionalWhole(row, 'unregistered_by'),
      }));
    },

    async splitDevices(fromId, lanes) {
      const [ends = {}] = await driver.all(
        sql`SELECT MIN(device_id) AS first_id, MAX(device_id) AS last_id FROM push_device
            WHERE device_id >= ${fromId}`,
      );
      const firstId = readOptionalWhole(ends, 'first_id') ?? 0;
      const width = ((readOptionalWhole(ends, 'last_id') ?? 0) + 1 - firstId) / lanes;
      const starts: number[] = [];
      for (let lane = 1; lane < lanes; lane++) {
        const [device] = await driver.all(selectPage(Math.ceil(firstId + lane * width), null, 1));
        const start = device ? readWhole(device, 'device_id') : fromId;
        // Where ids are sparse, two lanes may begin at the same device, or the first lane may have no device of its own.
        if (start > Math.max(firstId, starts.at(-1) ?? 0)) starts.push(start);
      }
      return starts;
    },

    countTraits: async (maxLocales) => countTraits(driver, await fetchColumns(), maxLocales),

    async countUnregistered() {
      const rows = await driver.all(
        sql`SELECT unregistered_by, COUNT(*) AS devices FROM push_device
            WHERE unregistered_at IS NOT NULL GROUP BY unregistered_by ORDER BY unregistered_by`,
      );
      return rows.map((row) => ({
        announcementId: readOptionalWhole(row, 'unregistered_by'),
        devices: readWhole(row, 'devices'),
      }));
    },

    async restoreDevices(announcementId, actor = 'baton') {
      const isGone = sql`unregistered_by = ${announcementId} AND unregistered_at IS NOT NULL`;
      const [row = {}] = await driver.all(sql`SELECT COUNT(*) AS devices FROM push_device WHERE ${isGone}`);
      const devices = readWhole(row, 'devices');
      const isChanged = await driver.runTogether(
        sql`UPDATE push_device SET ${RESTORE} WHERE ${isGone}`,
        insertAudit(driver.dialect, {
          announcementId,
          source: null,
          actor,
          action: 'devices restored',
          why: `${devices} devices`,
        }),
      );
      return isChanged ? devices : 0;
    },
  };
}

/** `selectPage` reads a range of the primary key, so that a page costs the same at any depth: OFFSET would read all rows before it. */
export function selectPage(
  fromId: number,
  toId: number | null,
  limit: number,
  columns: Fragment = DEVICE_COLUMNS,
): Statement {
  return sql`
    SELECT ${columns} FROM push_device
    WHERE device_id >= ${fromId} ${toId === null ? sql`` : sql`AND device_id <= ${toId}`}
      AND unregistered_at IS NULL
    ORDER BY device_id LIMIT ${limit}`;
}

/**
 * `pruneDevices` marks the unregistered devices: they keep their row and are left out of later pages. A dry run changes no
 * device. The announcement of messages that are sent at once is 0.
 */
export function pruneDevices(
  { now, maxBytes }: Dialect,
  announcementId: number,
  deliveries: readonly Delivery[],
): Statement[] {
  const gone = deliveries.filter(({ verdict }) => verdict === 'unregistered');
  return [...Map.groupBy(gone, ({ reason }) => reason)].flatMap(([reason, group]) =>
    chunksOf(group, () => LISTED_ID_BYTES, maxBytes()).map(
      (chunk) => sql`
        UPDATE push_device
        SET unregistered_at = ${now}, unregistered_reason = ${cut('unregistered_reason', reason)}, unregistered_by = ${announcementId}
        WHERE device_id IN (${chunk.map(({ deviceId }) => deviceId)}) AND unregistered_at IS NULL
          AND NOT EXISTS (
            SELECT 1 FROM ${JOIN_SNAPSHOT}
            WHERE push_announcement.announcement_id = ${announcementId} AND ${atStart('dry_run')} <> 0)`,
    ),
  );
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

import type { Delivery } from '../model/delivery.ts';
import { MAX_TARGET_LENGTH } from '../model/device.ts';
import type { Store } from '../store.ts';
import { PushError } from '../errors.ts';
import { type Dialect, type Driver, marks, type Statement } from './driver.ts';
import { readDevice, readOptionalWhole, readWhole } from './rows.ts';

/** SQLite takes 32,766 values a statement; MySQL's limit is one of bytes, far beyond that. */
export const ROWS_PER_STATEMENT = 3000;

const DEVICE = 'device_id, target, target_kind';

const BACK = 'unregistered_at = NULL, unregistered_reason = NULL, unregistered_by = NULL';

type DeviceStore = Pick<
  Store,
  | 'addDevices'
  | 'registerDevice'
  | 'removeDevice'
  | 'countDevices'
  | 'fetchPage'
  | 'fetchPageAgain'
  | 'fetchDevices'
  | 'splitDevices'
  | 'countUnregistered'
  | 'restoreDevices'
>;

/** The statements of the device table. A page is a range of its primary key, whatever else is asked of the rows. */
export function makeDeviceStore(driver: Driver): DeviceStore {
  const { now, insertIgnore, onConflict, incoming } = driver.dialect;

  return {
    async addDevices(devices) {
      const tooLong = devices.find(({ target }) => target.length > MAX_TARGET_LENGTH);
      if (tooLong) {
        const expected = `at most ${MAX_TARGET_LENGTH} characters`;
        throw PushError.of('BAD_INPUT', [{ field: 'target', expected, got: `${tooLong.target.length}` }]);
      }
      let added = 0;
      for (let first = 0; first < devices.length; first += ROWS_PER_STATEMENT) {
        const rows = devices.slice(first, first + ROWS_PER_STATEMENT);
        const { changes } = await driver.run(
          `${insertIgnore} INTO push_device (target, target_kind, member_id, created_at)
           VALUES ${rows.map(() => `(?, ?, ?, ${now})`).join(', ')}`,
          rows.flatMap(({ target, targetKind, memberId = null }) => [target, targetKind, memberId]),
        );
        added += changes;
        if (changes === rows.length) continue;
        // The app has registered again.
        await driver.run(
          `UPDATE push_device SET ${BACK}
           WHERE target IN (${marks(rows.length)}) AND unregistered_at IS NOT NULL`,
          rows.map(({ target }) => target),
        );
      }
      return added;
    },

    async registerDevice({ target, targetKind, memberId }) {
      const whose = memberId === undefined ? '' : `, member_id = ${incoming('member_id')}`;
      await driver.run(
        `INSERT INTO push_device (target, target_kind, member_id, created_at) VALUES (?, ?, ?, ${now})
         ${onConflict('target')} target_kind = ${incoming('target_kind')} ${whose}, ${BACK}`,
        [target, targetKind, memberId ?? null],
      );
      const [row = {}] = await driver.all('SELECT device_id FROM push_device WHERE target = ?', [target]);
      return readWhole(row, 'device_id');
    },

    async removeDevice(target) {
      return (await driver.run('DELETE FROM push_device WHERE target = ?', [target])).changes > 0;
    },

    async countDevices() {
      const [row] = await driver.all(
        'SELECT COUNT(*) AS devices FROM push_device WHERE unregistered_at IS NULL',
        [],
      );
      return readWhole(row ?? {}, 'devices');
    },

    async fetchPage(fromId, toId, limit) {
      const { sql, values } = selectPage(fromId, toId, limit);
      return (await driver.all(sql, values)).map(readDevice);
    },

    async fetchPageAgain({ announcementId, round, fromId }, lastId) {
      const rows = await driver.all(
        `SELECT ${DEVICE} FROM push_device
         WHERE device_id BETWEEN ? AND ? AND (unregistered_at IS NULL OR unregistered_at >= (
           SELECT planted_at FROM push_hop WHERE announcement_id = ? AND round = ? AND from_id = ?))
         ORDER BY device_id`,
        [fromId, lastId, announcementId, round, fromId],
      );
      return rows.map(readDevice);
    },

    async fetchDevices(fromId, limit) {
      const rows = await driver.all(
        `SELECT ${DEVICE}, unregistered_by FROM push_device WHERE device_id >= ? ORDER BY device_id LIMIT ?`,
        [fromId, limit],
      );
      return rows.map((row) => ({
        ...readDevice(row),
        unregisteredBy: readOptionalWhole(row, 'unregistered_by'),
      }));
    },

    async splitDevices(fromId, lanes) {
      const [ends = {}] = await driver.all(
        'SELECT MIN(device_id) AS first_id, MAX(device_id) AS last_id FROM push_device WHERE device_id >= ?',
        [fromId],
      );
      const firstId = readOptionalWhole(ends, 'first_id') ?? 0;
      const width = ((readOptionalWhole(ends, 'last_id') ?? 0) + 1 - firstId) / lanes;
      const starts: number[] = [];
      for (let lane = 1; lane < lanes; lane++) {
        const [row] = await driver.all(
          `SELECT device_id FROM push_device WHERE device_id >= ? AND unregistered_at IS NULL
           ORDER BY device_id LIMIT 1`,
          [Math.ceil(firstId + lane * width)],
        );
        const start = row ? readWhole(row, 'device_id') : fromId;
        // Where ids are sparse, two lanes may begin at the same device, or the first has none of its own.
        if (start > Math.max(firstId, starts.at(-1) ?? 0)) starts.push(start);
      }
      return starts;
    },

    async countUnregistered() {
      const rows = await driver.all(
        `SELECT unregistered_by, COUNT(*) AS devices FROM push_device
         WHERE unregistered_at IS NOT NULL GROUP BY unregistered_by ORDER BY unregistered_by`,
        [],
      );
      return rows.map((row) => ({
        announcementId: readOptionalWhole(row, 'unregistered_by'),
        devices: readWhole(row, 'devices'),
      }));
    },

    async restoreDevices(announcementId) {
      const { changes } = await driver.run(
        `UPDATE push_device SET ${BACK} WHERE unregistered_by = ? AND unregistered_at IS NOT NULL`,
        [announcementId],
      );
      return changes;
    },
  };
}

/** By key, so that a page costs the same at any depth: OFFSET would read all that comes before it. */
export function selectPage(fromId: number, toId: number | null, limit: number): Statement {
  return {
    sql: `SELECT ${DEVICE} FROM push_device
          WHERE device_id >= ? ${toId === null ? '' : 'AND device_id <= ?'} AND unregistered_at IS NULL
          ORDER BY device_id LIMIT ?`,
    values: toId === null ? [fromId, limit] : [fromId, toId, limit],
  };
}

/**
 * Those whose app is gone keep their row, and are left out from now on; a dry run changes nothing for anybody. Messages that
 * are sent at once are of no announcement, 0.
 */
export function pruneStatements(
  { now }: Dialect,
  announcementId: number,
  deliveries: readonly Delivery[],
): Statement[] {
  const gone = deliveries.filter(({ verdict }) => verdict === 'unregistered');
  return [...new Set(gone.map(({ reason }) => reason))].map((reason) => {
    const ids = gone.filter((each) => each.reason === reason).map(({ deviceId }) => deviceId);
    return {
      sql: `UPDATE push_device SET unregistered_at = ${now}, unregistered_reason = ?, unregistered_by = ?
            WHERE device_id IN (${marks(ids.length)}) AND unregistered_at IS NULL AND NOT EXISTS (
              SELECT 1 FROM push_announcement WHERE announcement_id = ? AND dry_run <> 0)`,
      values: [reason, announcementId, ...ids, announcementId],
    };
  });
}

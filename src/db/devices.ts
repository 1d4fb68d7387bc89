import type { Delivery } from '../model/delivery.ts';
import type { NewDevice } from '../model/device.ts';
import type { Devices } from '../store.ts';
import { insertAudit } from './audits.ts';
import { cut, fit, fits } from './columns.ts';
import { type Dialect, type Driver, hasEffect } from './driver.ts';
import { DEVICE_COLUMNS, makePages, parseDevice, selectPage } from './device-pages.ts';
import { insertMissing } from './insert.ts';
import { LISTED_ID_BYTES, literalBytesOf } from './literals.ts';
import { readOptionalWhole, readText, readWhole } from './rows.ts';
import type { Select } from './selection.ts';
import { atStart, JOIN_SNAPSHOT } from './snapshot.ts';
import { chunksOf, type Fragment, sql, type Statement } from './sql.ts';

export { parseDevice, selectPage } from './device-pages.ts';

/** The assignments that let a device receive pushes again. */
const RESTORE = sql`unregistered_at = NULL, unregistered_reason = NULL, unregistered_by = NULL`;

/** The statements of push_device. */
export function makeDevices(driver: Driver, select: Select): Devices {
  const { now, onConflict, incoming, isSameText, maxBytes } = driver.dialect;

  const insertDevices = (devices: readonly NewDevice[]): Statement => {
    const rows = devices.map((device) => sql`(${newValues(device)}, ${now})`);
    return sql`INSERT INTO push_device (target, target_kind, member_id, created_at) VALUES ${rows}`;
  };

  const fetchTargets = async (targets: readonly string[]): Promise<ReadonlySet<string>> => {
    const rows = await driver.all(sql`SELECT target FROM push_device WHERE target IN (${targets})`);
    return new Set(rows.map((row) => readText(row, 'target')));
  };

  return {
    async addDevices(devices) {
      for (const device of devices) checkDevice(device);
      let added = 0;
      for (const chunk of chunksOf(devices, bytesOf, maxBytes())) {
        const changes = await insertMissing(driver, chunk, {
          keyOf: ({ target }) => target,
          insert: insertDevices,
          fetchKeys: fetchTargets,
        });
        added += changes;
        if (changes === chunk.length) continue;
        // Some are in the table already: an app that registers again receives pushes again.
        await driver.run(
          sql`UPDATE push_device SET ${RESTORE}
              WHERE target IN (${chunk.map(({ target }) => target)}) AND unregistered_at IS NOT NULL`,
        );
      }
      return added;
    },

    async registerDevice(device) {
      checkDevice(device);
      const { target, memberId } = device;
      const setMember = memberId === undefined ? sql`` : sql`member_id = ${incoming(sql`member_id`)},`;
      await driver.run(
        sql`INSERT INTO push_device (target, target_kind, member_id, created_at)
            VALUES (${newValues(device)}, ${now})
            ${onConflict(sql`target`)} target = ${incoming(sql`target`)}, target_kind = ${incoming(sql`target_kind`)}, ${setMember} ${RESTORE}`,
      );
      const [row = {}] = await driver.all(sql`SELECT device_id FROM push_device WHERE target = ${target}`);
      return readWhole(row, 'device_id');
    },

    async removeDevice(target) {
      if (!fits('target', target)) return false;
      return hasEffect(driver, sql`DELETE FROM push_device WHERE ${isSameText(sql`target`, sql`${target}`)}`);
    },

    async countDevices() {
      const [row = {}] = await driver.all(
        sql`SELECT COUNT(*) AS devices FROM push_device WHERE unregistered_at IS NULL`,
      );
      return readWhole(row, 'devices');
    },

    ...makePages(driver, select),

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

/** PushError('BAD_INPUT') if the columns cannot hold the device. */
function checkDevice({ target, memberId = null }: NewDevice): void {
  fit('target', target);
  fit('member_id', memberId);
}

function newValues({ target, targetKind, memberId = null }: NewDevice): Fragment {
  return sql`${target}, ${targetKind}, ${memberId}`;
}

/** Never less than the bytes that a device takes in a statement. */
function bytesOf({ target, memberId = null }: NewDevice): number {
  return literalBytesOf(memberId) + target.length + 50;
}

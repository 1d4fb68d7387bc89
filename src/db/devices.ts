import { type Delivery, WRONG_KIND } from '../model/delivery.ts';
import type { Clock } from '../context.ts';
import type { Devices } from '../store.ts';
import { insertAudit } from './audits.ts';
import { cut } from './columns.ts';
import { DEVICE_COLUMNS, makePages, parseDevice, selectPage } from './device-pages.ts';
import { makeDeviceWrites } from './device-writes.ts';
import type { Dialect, Driver } from './driver.ts';
import { makeFidLookup } from './fid-lookup.ts';
import { makeInstalls } from './installs.ts';
import { LISTED_ID_BYTES, literalBytesOf } from './literals.ts';
import { makeColumnLookup } from './optional.ts';
import { RESTORE } from './restore.ts';
import { readOptionalWhole, readWhole } from './rows.ts';
import type { Select } from './selection.ts';
import { atStart, JOIN_SNAPSHOT } from './snapshot.ts';
import { chunksOf, type Fragment, sql, type Statement } from './sql.ts';
import { countTraits } from './trait-counts.ts';

export { parseDevice, selectPage } from './device-pages.ts';

/** The statements of push_device. */
export function makeDevices(driver: Driver, select: Select, clock: Pick<Clock, 'now'>): Devices {
  const fids = makeFidLookup(driver, clock);
  const fetchColumns = makeColumnLookup(driver, 'push_device');

  return {
    ...makeDeviceWrites(driver, fids),

    async countDevices() {
      const [row = {}] = await driver.all(
        sql`SELECT COUNT(*) AS devices FROM push_device WHERE unregistered_at IS NULL`,
      );
      return readWhole(row, 'devices');
    },

    ...makePages(driver, select),
    ...makeInstalls(driver, select, fids),

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

/**
 * `pruneDevices` marks the unregistered devices: they keep their row and are left out of later pages. A device whose target has
 * been replaced since the push was sent stays as it is, and a dry run changes no device. The announcement of messages that are
 * sent at once is 0.
 */
export function pruneDevices(
  dialect: Dialect,
  announcementId: number,
  deliveries: readonly Delivery[],
): Statement[] {
  const gone = deliveries.filter(({ verdict }) => verdict === 'unregistered');
  return [...Map.groupBy(gone, ({ reason }) => reason)].flatMap(([reason, group]) =>
    updateRefused(dialect, announcementId, group, {
      assignments: sql`unregistered_at = ${dialect.now}, unregistered_reason = ${cut('unregistered_reason', reason)},
        unregistered_by = ${announcementId}`,
      isToChange: sql`unregistered_at IS NULL`,
    }),
  );
}

/** `relabelDevices` gives devices the other kind, whose target FCM does not know as the one of their row. */
export function relabelDevices(
  dialect: Dialect,
  announcementId: number,
  deliveries: readonly Delivery[],
): Statement[] {
  const doubted = deliveries.filter(({ reason, sentTo }) => reason === WRONG_KIND && sentTo !== undefined);
  return [...Map.groupBy(doubted, ({ sentTo }) => sentTo?.targetKind)].flatMap(([kind, group]) =>
    updateRefused(dialect, announcementId, group, {
      assignments: sql`target_kind = ${kind === 'fid' ? 'token' : 'fid'}`,
      isToChange: sql`target_kind = ${kind ?? ''}`,
    }),
  );
}

/**
 * Changes devices whose row still has the target that FCM has refused. A row with the target of another one of them got it in
 * the meantime, and FCM has refused that as well.
 */
function updateRefused(
  { maxBytes }: Dialect,
  announcementId: number,
  refused: readonly Delivery[],
  { assignments, isToChange }: { readonly assignments: Fragment; readonly isToChange: Fragment },
): Statement[] {
  const isNamed = [...Map.groupBy(refused, ({ sentTo }) => sentTo === undefined)].flatMap(([isById, group]) =>
    chunksOf(group, bytesOf, maxBytes()).map((chunk) => {
      const ids = sql`device_id IN (${chunk.map(({ deviceId }) => deviceId)})`;
      return isById
        ? ids
        : sql`${ids} AND target IN (${chunk.flatMap(({ sentTo }) => sentTo?.target ?? [])})`;
    }),
  );
  return isNamed.map(
    (condition) => sql`
      UPDATE push_device SET ${assignments}
      WHERE ${condition} AND ${isToChange}
        AND NOT EXISTS (
          SELECT 1 FROM ${JOIN_SNAPSHOT}
          WHERE push_announcement.announcement_id = ${announcementId} AND ${atStart('dry_run')} <> 0)`,
  );
}

/** Never less than the bytes that a device and its target take in a statement. */
function bytesOf({ sentTo }: Delivery): number {
  return LISTED_ID_BYTES + literalBytesOf(sentTo?.target ?? null);
}

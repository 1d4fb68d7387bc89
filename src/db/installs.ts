import type { DeviceInTable, Succession, Target } from '../model/device.ts';
import { fidOf, tokensOf } from '../model/device.ts';
import type { Devices } from '../store.ts';
import type { Driver, Row } from './driver.ts';
import { LISTED_ID_BYTES, literalBytesOf } from './literals.ts';
import { readOptionalText, readOr, readWhole } from './rows.ts';
import { chunksOf, type Fragment, sql } from './sql.ts';
import { joinByOr } from './tally.ts';

/*
 * Which rows of push_device are of one install: a token begins with the FID of its install and a colon. That is a hint, and no
 * promise of FCM.
 */

/** Ranges of the index on the targets that one statement searches. */
const MAX_RANGES = 200;

/** A row that is of the same install as a target, or has it. */
export interface InstallRow extends Target {
  readonly deviceId: number;
  readonly memberId: string | null;
  readonly isRegistered: boolean;
}

const INSTALL_COLUMNS = sql`device_id, target, target_kind, member_id,
  CASE WHEN unregistered_at IS NULL THEN 1 ELSE 0 END AS is_registered`;

/** `hasFids` is one search of an index: most tables have tokens alone. */
export async function hasFids(driver: Driver): Promise<boolean> {
  const rows = await driver.all(sql`SELECT 1 FROM push_device WHERE target_kind = 'fid' LIMIT 1`);
  return rows.length > 0;
}

/** The rows with one of these targets, by target. */
export async function fetchByTarget(
  driver: Driver,
  targets: readonly string[],
): Promise<ReadonlyMap<string, InstallRow>> {
  const byTarget = new Map<string, InstallRow>();
  for (const chunk of chunksOf([...new Set(targets)], literalBytesOf, driver.dialect.maxBytes())) {
    const rows = await driver.all(sql`SELECT ${INSTALL_COLUMNS} FROM push_device WHERE target IN (${chunk})`);
    for (const row of rows.map(parseInstallRow)) byTarget.set(row.target, row);
  }
  return byTarget;
}

/** The tokens of these installs, by FID; those that get pushes come first, and of these the latest. */
export async function fetchTokensOf(
  driver: Driver,
  fids: readonly string[],
): Promise<ReadonlyMap<string, readonly InstallRow[]>> {
  const found: InstallRow[] = [];
  for (const chunk of chunksOf([...new Set(fids)], undefined, undefined, MAX_RANGES)) {
    const rows = await driver.all(
      sql`SELECT ${INSTALL_COLUMNS} FROM push_device WHERE ${joinByOr(chunk.map(isTokenOf))}`,
    );
    found.push(...rows.map(parseInstallRow));
  }
  const byFid = Map.groupBy(found, ({ target }) => fidOf(target) ?? '');
  for (const rows of byFid.values()) {
    rows.sort(
      (one, two) => Number(two.isRegistered) - Number(one.isRegistered) || two.deviceId - one.deviceId,
    );
  }
  return byFid;
}

/** A range of the unique index on the targets. */
export function isTokenOf(fid: string): Fragment {
  const { from, below } = tokensOf(fid);
  return sql`target >= ${from} AND target < ${below}`;
}

/** `INSTALL_COLUMNS` of a row that another hand may have written. */
export function parseInstallRow(row: Row): InstallRow {
  const text = (column: string): string | null =>
    readOr<string | null>([], () => readOptionalText(row, column), null);
  return {
    deviceId: readWhole(row, 'device_id'),
    target: text('target') ?? '',
    targetKind: text('target_kind') === 'fid' ? 'fid' : 'token',
    memberId: text('member_id'),
    isRegistered: Number(row['is_registered']) === 1,
  };
}

type Installs = Pick<Devices, 'fetchSuccessions' | 'fetchTwins' | 'countKinds'>;

/** The statements that ask which devices are the same phone. */
export function makeInstalls(driver: Driver): Installs {
  /** Those of the ids whose row has another target than the one that the push went to. */
  const fetchReplaced = async (devices: readonly DeviceInTable[]): Promise<ReadonlySet<number>> => {
    const replaced = new Set<number>();
    const sentTo = new Map(devices.map(({ deviceId, target }) => [deviceId, target]));
    for (const ids of chunksOf([...sentTo.keys()], () => LISTED_ID_BYTES, driver.dialect.maxBytes())) {
      const rows = await driver.all(
        sql`SELECT device_id, target FROM push_device WHERE device_id IN (${ids})`,
      );
      for (const row of rows) {
        const deviceId = readWhole(row, 'device_id');
        if (row['target'] !== sentTo.get(deviceId)) replaced.add(deviceId);
      }
    }
    return replaced;
  };

  return {
    async fetchSuccessions(devices) {
      const successions = new Map<number, Succession>();
      if (devices.length === 0) return successions;
      for (const deviceId of await fetchReplaced(devices)) successions.set(deviceId, 'replaced');
      const rest = devices.filter(({ deviceId }) => !successions.has(deviceId));
      const tokens = rest.flatMap((device) => {
        const fid = device.targetKind === 'token' ? fidOf(device.target) : null;
        return fid === null ? [] : [{ ...device, fid }];
      });
      const fids = rest.filter(({ targetKind }) => targetKind === 'fid');
      const byTarget = await fetchByTarget(
        driver,
        tokens.map(({ fid }) => fid),
      );
      const byFid = await fetchTokensOf(
        driver,
        fids.map(({ target }) => target),
      );
      const succeed = (deviceId: number, rows: readonly InstallRow[]): void => {
        const living = rows.filter(({ isRegistered }) => isRegistered);
        if (living.length === 0) return;
        // Its own row, if it has been replaced just now.
        const isOwn = living.some((row) => row.deviceId === deviceId);
        successions.set(deviceId, isOwn ? 'replaced' : 'superseded');
      };
      for (const { deviceId, fid } of tokens) {
        const row = byTarget.get(fid);
        succeed(deviceId, row ? [row] : []);
      }
      for (const { deviceId, target } of fids) succeed(deviceId, byFid.get(target) ?? []);
      return successions;
    },

    async fetchTwins(devices) {
      const fids = devices.flatMap(({ target, targetKind }) =>
        targetKind === 'token' ? (fidOf(target) ?? []) : [],
      );
      if (fids.length === 0 || !(await hasFids(driver))) return new Set();
      const rowOf = new Map<string, number>();
      for (const chunk of chunksOf(fids, literalBytesOf, driver.dialect.maxBytes())) {
        const rows = await driver.all(
          sql`SELECT device_id, target FROM push_device
              WHERE target IN (${chunk}) AND target_kind = 'fid' AND unregistered_at IS NULL`,
        );
        for (const { target, deviceId } of rows.map(parseInstallRow)) rowOf.set(target, deviceId);
      }
      return new Set(
        devices.flatMap(({ deviceId, target, targetKind }) => {
          const row = targetKind === 'token' ? rowOf.get(fidOf(target) ?? '') : undefined;
          // Its own row has the FID, if the token has been replaced since the device was read.
          return row === undefined || row === deviceId ? [] : [deviceId];
        }),
      );
    },

    async countKinds() {
      const rows = await driver.all(
        sql`SELECT target_kind, COUNT(*) AS devices FROM push_device WHERE unregistered_at IS NULL
            GROUP BY target_kind`,
      );
      const counts = { token: 0, fid: 0 };
      for (const row of rows)
        counts[parseInstallRow({ ...row, device_id: 0 }).targetKind] += readWhole(row, 'devices');
      return counts;
    },
  };
}

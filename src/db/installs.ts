import type { DeviceInTable, Succession, Target } from '../model/device.ts';
import { fidOf, tokensOf } from '../model/device.ts';
import type { DeviceFilter } from '../model/filter.ts';
import type { Devices, TwinReading } from '../store.ts';
import type { Driver, Row } from './driver.ts';
import type { FidLookup } from './fid-lookup.ts';
import { LISTED_ID_BYTES, literalBytesOf } from './literals.ts';
import { readOptionalText, readOptionalWhole, readOr, readWhole } from './rows.ts';
import type { Select } from './selection.ts';
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
export function makeInstalls(
  driver: Driver,
  select: Select,
  { hasFids }: Pick<FidLookup, 'hasFids'>,
): Installs {
  const chunksOfIds = (ids: readonly number[]) =>
    chunksOf(ids, () => LISTED_ID_BYTES, driver.dialect.maxBytes());

  /** Those of the ids that a filter takes. */
  const selectedOf = async (ids: readonly number[], filter: DeviceFilter): Promise<ReadonlySet<number>> => {
    const selected = new Set<number>();
    for (const chunk of chunksOfIds(ids)) {
      const { parts } = await select(filter, { fromId: 0, toId: null, ids: chunk });
      for (const { from, where } of parts()) {
        const rows = await driver.all(sql`SELECT push_device.device_id FROM ${from} WHERE ${where}`);
        for (const row of rows) selected.add(readWhole(row, 'device_id'));
      }
    }
    return selected;
  };

  /** Those of the ids that no page of the lane has come to. */
  const unreadOf = async (
    { announcementId, toId }: TwinReading['hop'],
    nextId: number,
    ids: readonly number[],
  ): Promise<readonly number[]> => {
    if (ids.length === 0) return [];
    const [row = {}] = await driver.all(
      sql`SELECT MIN(from_id) AS from_id FROM push_hop
          WHERE announcement_id = ${announcementId} AND round = 0 AND from_id >= ${nextId}
            AND from_id <= ${toId ?? Number.MAX_SAFE_INTEGER} AND last_id IS NULL`,
    );
    const fromId = readOptionalWhole(row, 'from_id');
    return fromId === null ? [] : ids.filter((id) => id >= fromId);
  };

  /** Those of the ids that the ledger has. */
  const recordedOf = async (announcementId: number, ids: readonly number[]): Promise<ReadonlySet<number>> => {
    const recorded = new Set<number>();
    for (const chunk of chunksOfIds(ids)) {
      const rows = await driver.all(
        sql`SELECT device_id FROM push_delivery
            WHERE announcement_id = ${announcementId} AND message_id = 0 AND device_id IN (${chunk})`,
      );
      for (const row of rows) recorded.add(readWhole(row, 'device_id'));
    }
    return recorded;
  };

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
        tokens.length > 0 && (await hasFids()) ? tokens.map(({ fid }) => fid) : [],
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

    async fetchTwins(devices, { hop, page, nextId, isRepeat, filter = null }) {
      if (devices.length === 0 || !(await hasFids())) return new Set();
      const fidById = new Map(
        devices.flatMap(({ deviceId, target, targetKind }) => {
          const fid = targetKind === 'token' ? fidOf(target) : null;
          return fid === null ? [] : [[deviceId, fid] as const];
        }),
      );
      const byFid = await fetchByTarget(driver, [...fidById.values()]);
      const onPage = new Set(page.map(({ deviceId }) => deviceId));
      const isInRest = (id: number): boolean =>
        nextId !== null && id >= nextId && id <= (hop.toId ?? Infinity);
      const pairs = [...fidById].flatMap(([tokenId, fid]) => {
        const row = byFid.get(fid);
        // A row with a lower id may be behind, on a page that was read when it had another target.
        if (!row?.isRegistered || row.targetKind !== 'fid' || row.deviceId <= tokenId) return [];
        const isRead = onPage.has(row.deviceId) || isInRest(row.deviceId);
        return isRead ? [{ tokenId, fidId: row.deviceId }] : [];
      });
      const later = pairs.flatMap(({ fidId }) => (onPage.has(fidId) ? [] : fidId));
      // Asked after the rows: a page that is not read yet finds them.
      const unread = isRepeat ? await unreadOf(hop, nextId ?? 0, later) : later;
      const owed = filter === null ? new Set(unread) : await selectedOf(unread, filter);
      const recorded = isRepeat ? await recordedOf(hop.announcementId, later) : new Set<number>();
      return new Set(
        pairs.flatMap(({ tokenId, fidId }) =>
          onPage.has(fidId) || owed.has(fidId) || recorded.has(fidId) ? tokenId : [],
        ),
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

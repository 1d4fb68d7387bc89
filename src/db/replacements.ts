import { fidOf, type Registration, type Target } from '../model/device.ts';
import type { Dialect, Driver } from './driver.ts';
import { isDuplicate } from './insert.ts';
import { fetchByTarget, fetchTokensOf, hasFids, type InstallRow } from './installs.ts';
import { LISTED_ID_BYTES, literalBytesOf } from './literals.ts';
import { RESTORE } from './restore.ts';
import { chunksOf, type Fragment, sql, type Statement } from './sql.ts';

/*
 * A phone that registers under another target keeps its row: its id, its member, its tags, and what was sent to it. Which row
 * that is, the registration says (`replaces`), or the FID that a token begins with. That is a hint, so that no row is deleted
 * for it, and none of another member is taken.
 */

/** Rows in one statement, which names each of them twice. */
const MAX_ROWS = 200;

/** Each try but the last may meet a row that another process has just inserted. */
const MAX_TRIES = 5;

/** A row that gets another target. */
export interface Replacement extends Target {
  readonly row: InstallRow;
  /** The row that has the target already: it is deleted. */
  readonly twin?: InstallRow;
}

export interface Replacements {
  /** What is to be replaced for these devices; nothing is written. */
  plan(devices: readonly Registration[]): Promise<readonly Replacement[]>;
  /** Replaces the targets. A row that has changed since it was read stays as it is. */
  replace(devices: readonly Registration[], planned: readonly Replacement[]): Promise<void>;
}

export function makeReplacements(driver: Driver): Replacements {
  const { dialect } = driver;

  const plan: Replacements['plan'] = async (devices) => {
    const targets = devices.flatMap(({ target, replaces }) =>
      replaces === undefined ? [target] : [target, replaces],
    );
    const present = await fetchByTarget(driver, targets);
    const hinted = devices.filter(({ target, replaces }) => replaces === undefined && !present.has(target));
    const byHint = await fetchByHint(driver, hinted);
    const taken = new Set<number>();
    const targetsTaken = new Set<string>();
    return devices.flatMap((device): Replacement[] => {
      const { target, replaces } = device;
      if (replaces === target) return [];
      const twin = replaces === undefined ? undefined : present.get(target);
      const row =
        replaces === undefined
          ? byHint(device).find((each) => !taken.has(each.deviceId))
          : present.get(replaces);
      if (!row || taken.has(row.deviceId) || targetsTaken.has(target)) return [];
      taken.add(row.deviceId);
      if (twin) taken.add(twin.deviceId);
      targetsTaken.add(target);
      // The kind of a target that is in the table stays as it is, unless the device gives one.
      const targetKind = device.targetKind ?? twin?.targetKind ?? 'token';
      return [{ target, targetKind, row, ...(twin ? { twin } : {}) }];
    });
  };

  const write = async (planned: readonly Replacement[]): Promise<void> => {
    const plain = planned.filter(({ twin }) => twin === undefined);
    for (const chunk of chunksOf(plain, bytesOf, dialect.maxBytes(), MAX_ROWS)) {
      await driver.run(replaceTargets(chunk));
    }
    for (const each of planned) {
      if (each.twin) await driver.runTogether(...mergeRows(dialect, each, each.twin));
    }
  };

  return {
    plan,
    async replace(devices, planned) {
      let replacements = planned;
      for (let tries = 1; replacements.length > 0; tries++) {
        try {
          return await write(replacements);
        } catch (error) {
          if (!isDuplicate(error) || tries === MAX_TRIES) throw error;
        }
        replacements = await plan(devices);
      }
    },
  };
}

/** Finds the rows of the install of a device that is not in the table; the best one comes first. */
async function fetchByHint(
  driver: Driver,
  devices: readonly Registration[],
): Promise<(device: Registration) => readonly InstallRow[]> {
  const fids = devices.flatMap(({ target, targetKind }) => (targetKind === 'fid' ? [target] : []));
  const fidsOfTokens = devices.flatMap(({ target, targetKind }) =>
    targetKind === 'fid' ? [] : (fidOf(target) ?? []),
  );
  const tokens = await fetchTokensOf(driver, fids);
  const isWorthAsking = fidsOfTokens.length > 0 && (await hasFids(driver));
  const rows = await fetchByTarget(driver, isWorthAsking ? fidsOfTokens : []);
  return (device) => {
    const { target, targetKind, memberId = null } = device;
    const row = targetKind === 'fid' ? undefined : rows.get(fidOf(target) ?? '');
    const candidates = targetKind === 'fid' ? (tokens.get(target) ?? []) : row ? [row] : [];
    return candidates.filter(
      (each) => memberId === null || each.memberId === null || each.memberId === memberId,
    );
  };
}

function replaceTargets(replacements: readonly Replacement[]): Statement {
  const choose = (valueOf: (each: Replacement) => string): Fragment => {
    const cases = replacements.map((each) => sql`WHEN ${each.row.deviceId} THEN ${valueOf(each)}`);
    return {
      sql: `CASE device_id ${cases.map((each) => each.sql).join(' ')} END`,
      values: cases.flatMap(({ values }) => values),
    };
  };
  return sql`
    UPDATE push_device
    SET target = ${choose(({ target }) => target)}, target_kind = ${choose(({ targetKind }) => targetKind)}, ${RESTORE}
    WHERE device_id IN (${replacements.map(({ row }) => row.deviceId)})
      AND target IN (${replacements.map(({ row }) => row.target)})`;
}

/** The row that is replaced stays; it gets the member and the tags of its twin that it has not itself. */
function mergeRows(
  { keepExisting }: Dialect,
  replacement: Replacement,
  twin: InstallRow,
): [Statement, ...Statement[]] {
  const { row, target } = replacement;
  return [
    sql`UPDATE push_device SET member_id = COALESCE(member_id, ${twin.memberId})
        WHERE device_id = ${row.deviceId} AND target = ${row.target}`,
    sql`INSERT INTO push_tag (device_id, name, value)
        SELECT ${row.deviceId}, other.name, other.value FROM push_tag AS other WHERE other.device_id = ${twin.deviceId}
        ${keepExisting(sql`push_tag.device_id`)}`,
    sql`DELETE FROM push_device WHERE device_id = ${twin.deviceId} AND target = ${target}`,
    sql`DELETE FROM push_tag WHERE device_id = ${twin.deviceId}
          AND NOT EXISTS (SELECT 1 FROM push_device WHERE push_device.device_id = ${twin.deviceId})`,
    replaceTargets([replacement]),
  ];
}

/** Never less than the bytes that a replacement takes in a statement. */
function bytesOf({ row, target }: Replacement): number {
  return 3 * LISTED_ID_BYTES + literalBytesOf(row.target) + literalBytesOf(target) + 60;
}

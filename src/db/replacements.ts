import type { Registration } from '../model/device.ts';
import type { Driver } from './driver.ts';
import { isDuplicate } from './insert.ts';
import { fetchByTarget, fetchTokensOf, type InstallRow } from './installs.ts';
import { LISTED_ID_BYTES, literalBytesOf } from './literals.ts';
import { mayMerge, type Merge, mergeRows } from './merge.ts';
import { RESTORE } from './restore.ts';
import { chunksOf, type Fragment, sql, type Statement } from './sql.ts';

/*
 * A phone that registers under another target keeps its row: its id, its member, its tags, and what was sent to it. Which row
 * that is, the registration says (`replaces`); or a FID takes the row of a token that begins with it. That is a hint, so that no
 * row is deleted for it, and none of another member is taken. A token takes a row only if `replaces` names it: it may be older than the
 * FID, in a file for example.
 */

/** Rows in one statement, which names each of them twice. */
const MAX_ROWS = 200;

/** Each try but the last may meet a row that another process has just inserted. */
const MAX_TRIES = 5;

/** A row that gets another target. If a row has it already, that one is deleted. */
export type Replacement = Omit<Merge, 'twin'> & Partial<Pick<Merge, 'twin'>>;

export interface Replacements {
  /**
   * What is to be replaced for these devices; nothing is written. While an announcement goes through the table, two rows stay
   * two: a later registration merges them.
   */
  plan(devices: readonly Registration[]): Promise<readonly Replacement[]>;
  /** Replaces the targets. A row that has changed since it was read stays as it is. */
  replace(devices: readonly Registration[], planned: readonly Replacement[]): Promise<void>;
}

/** `fetchColumns` reads the columns of push_device. */
export function makeReplacements(
  driver: Driver,
  fetchColumns: () => Promise<ReadonlySet<string>>,
): Replacements {
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
    const planned = devices.flatMap((device): Replacement[] => {
      const { target, replaces, tags } = device;
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
      return [{ target, targetKind, row, ...(twin ? { twin } : {}), ...(tags ? { tags } : {}) }];
    });
    if (!planned.some(isMerge) || (await mayMerge(driver))) return planned;
    return planned.filter((each) => !isMerge(each));
  };

  const write = async (planned: readonly Replacement[]): Promise<void> => {
    const plain = planned.filter(({ twin }) => twin === undefined);
    for (const chunk of chunksOf(plain, bytesOf, dialect.maxBytes(), MAX_ROWS)) {
      await driver.run(replaceTargets(chunk));
    }
    for (const each of planned) {
      const { twin } = each;
      if (!twin) continue;
      const merge = { ...each, twin };
      await driver.runTogether(
        ...(await mergeRows(driver, await fetchColumns(), merge, replaceTargets([each]))),
      );
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

/** Finds the tokens of the install of a FID that is not in the table; the best one comes first. */
async function fetchByHint(
  driver: Driver,
  devices: readonly Registration[],
): Promise<(device: Registration) => readonly InstallRow[]> {
  const fids = devices.flatMap(({ target, targetKind }) => (targetKind === 'fid' ? [target] : []));
  const tokens = await fetchTokensOf(driver, fids);
  return (device) => {
    const { target, targetKind, memberId = null } = device;
    const candidates = targetKind === 'fid' ? (tokens.get(target) ?? []) : [];
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

/** Never less than the bytes that a replacement takes in a statement. */
function bytesOf({ row, target }: Replacement): number {
  return 3 * LISTED_ID_BYTES + literalBytesOf(row.target) + literalBytesOf(target) + 60;
}

/** True if two rows are to become one. */
function isMerge({ twin }: Replacement): boolean {
  return twin !== undefined;
}

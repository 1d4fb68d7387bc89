import type { NewDevice, Target } from '../model/device.ts';
import { MAX_TAGS } from '../model/tags.ts';
import { FLAG_COLUMNS, TRAIT_COLUMNS, type TraitColumn } from '../model/traits.ts';
import type { Driver, Row } from './driver.ts';
import type { InstallRow } from './installs.ts';
import { columnOrNull } from './optional.ts';
import { readOptionalText, readOptionalTime, readOr, readWhole } from './rows.ts';
import { type Fragment, sql, type Statement, type Value } from './sql.ts';
import { fetchTags } from './tags.ts';

/*
 * Two rows of one phone become one. The row whose target is replaced stays, with what it lacks of the other one, which is
 * deleted.
 */

/** A row that gets the target of another one. */
export interface Merge extends Target {
  readonly row: InstallRow;
  /** The row that has the target already. */
  readonly twin: InstallRow;
  /** What the device that registers gives: its tags come before those of the twin. */
  readonly tags?: NewDevice['tags'];
}

/**
 * True while an announcement goes through push_device: the row that is deleted may be the one that its push is for. A paused one
 * may go on.
 */
export const IS_BEING_SENT = sql`EXISTS (
  SELECT 1 FROM push_announcement
  WHERE push_announcement.status = 'running' OR push_announcement.status = 'paused' AND EXISTS (
    SELECT 1 FROM push_hop
    WHERE push_hop.announcement_id = push_announcement.announcement_id AND push_hop.closed_at IS NULL))`;

/** True if rows may be merged now. */
export async function mayMerge(driver: Driver): Promise<boolean> {
  const [row] = await driver.all(sql`SELECT CASE WHEN ${IS_BEING_SENT} THEN 1 ELSE 0 END AS is_being_sent`);
  return Number(row?.['is_being_sent']) === 0;
}

/** The statements that merge two rows; `replace` gives the row its new target. */
export async function mergeRows(
  driver: Driver,
  columns: ReadonlySet<string>,
  merge: Merge,
  replace: Statement,
): Promise<[Statement, ...Statement[]]> {
  const { row, twin, target } = merge;
  const names = TRAIT_COLUMNS.filter((name) => columns.has(name));
  const tags = await chooseTags(driver, merge);
  return [
    sql`UPDATE push_device SET ${await chooseValues(driver, names, merge)}
        WHERE device_id = ${row.deviceId} AND target = ${row.target} AND NOT ${IS_BEING_SENT}`,
    ...(tags.length === 0
      ? []
      : [
          sql`INSERT INTO push_tag (device_id, name, value) VALUES ${tags}
              ${driver.dialect.keepExisting(sql`push_tag.device_id`)}`,
        ]),
    sql`DELETE FROM push_device WHERE device_id = ${twin.deviceId} AND target = ${target}`,
    sql`DELETE FROM push_tag WHERE device_id = ${twin.deviceId}
          AND NOT EXISTS (SELECT 1 FROM push_device WHERE push_device.device_id = ${twin.deviceId})`,
    replace,
  ];
}

/** The values of two rows: those of the row that was seen last come first, or else of the one that was added last. */
async function chooseValues(
  driver: Driver,
  names: readonly TraitColumn[],
  { row, twin }: Merge,
): Promise<Fragment[]> {
  const { dialect } = driver;
  const columns = names.map((name) => {
    const column = columnOrNull('push_device', name, new Set(names));
    return sql`${name === 'last_seen_at' ? dialect.epochMs(column) : column} AS ${nameOf(name)}`;
  });
  const rows = await driver.all(
    sql`SELECT ${[sql`device_id`, sql`member_id`, ...columns]} FROM push_device
        WHERE device_id IN (${[row.deviceId, twin.deviceId]})`,
  );
  const latestFirst = rows.toSorted(
    (one, two) => seenAt(two) - seenAt(one) || readWhole(two, 'device_id') - readWhole(one, 'device_id'),
  );
  const first = (name: string): string | null => {
    const texts = latestFirst.map((each) => readOr([], () => readOptionalText(each, name), null));
    return texts.find((text) => text !== null && text !== '') ?? null;
  };
  const valueOf = (name: TraitColumn): Value | Fragment => {
    if (FLAG_COLUMNS.includes(name)) return Number(rows.some((each) => Number(each[name]) === 1));
    if (name !== 'last_seen_at') return first(name);
    const seen = Math.max(...rows.map(seenAt));
    return seen > 0 ? dialect.at(seen) : null;
  };
  return [
    sql`member_id = ${first('member_id')}`,
    ...names.map((name) => sql`${nameOf(name)} = ${valueOf(name)}`),
  ];
}

/** The tags of the twin that the row lacks, as rows; of too many, only as many as a device may have. */
async function chooseTags(driver: Driver, { row, twin, tags = {} }: Merge): Promise<Fragment[]> {
  const present = await fetchTags(driver, [row.deviceId, twin.deviceId]);
  const given = Object.entries(tags).map(([name, value]) => [name.trim(), value] as const);
  const names = new Set([
    ...(present.get(row.deviceId)?.keys() ?? []),
    ...given.flatMap(([name, value]) => (value === null ? [] : name)),
  ]);
  const room = Math.max(0, MAX_TAGS - names.size);
  return [...(present.get(twin.deviceId) ?? [])]
    .filter(([name]) => !names.has(name) && !given.some(([other]) => other === name))
    .slice(0, room)
    .map(([name, value]) => sql`(${row.deviceId}, ${name}, ${value})`);
}

function nameOf(column: TraitColumn): Fragment {
  return { sql: column, values: [] };
}

/** 0: not known. */
function seenAt(row: Row): number {
  return readOr([], () => readOptionalTime(row, 'last_seen_at'), null) ?? 0;
}

import type { NewDevice, Registration } from '../model/device.ts';
import { MAX_TAGS } from '../model/tags.ts';
import type { TraitColumn } from '../model/traits.ts';
import type { Devices } from '../store.ts';
import { fit, fits } from './columns.ts';
import {
  assignTrait,
  givenTraits,
  hasTraits,
  traitBytesOf,
  valueOrDefault,
  writableColumns,
} from './device-traits.ts';
import type { Dialect, Driver } from './driver.ts';
import type { FidLookup } from './fid-lookup.ts';
import { insertMissing } from './insert.ts';
import { literalBytesOf } from './literals.ts';
import { makeColumnLookup } from './optional.ts';
import { makeReplacements } from './replacements.ts';
import { RESTORE } from './restore.ts';
import { readText, readWhole } from './rows.ts';
import { chunksOf, type Fragment, sql, type Statement, type Value } from './sql.ts';
import { checkTags, makeTags } from './tags.ts';

const NO_COLUMNS: ReadonlySet<string> = new Set();
const NOTHING: ReadonlyMap<TraitColumn, Value | Fragment> = new Map();

type DeviceWrites = Pick<Devices, 'addDevices' | 'registerDevice' | 'removeDevice'>;

/** The statements that add, renew and delete devices. */
export function makeDeviceWrites(driver: Driver, { noteFid }: Pick<FidLookup, 'noteFid'>): DeviceWrites {
  const { dialect } = driver;
  const { now, onConflict, isSameText, maxBytes } = dialect;
  const fetchColumns = makeColumnLookup(driver, 'push_device');
  const tags = makeTags(driver);
  const replacements = makeReplacements(driver, fetchColumns);

  const insertDevices = (devices: readonly NewDevice[], names: readonly TraitColumn[]): Statement => {
    const rows = devices.map((device) => {
      const given = names.length === 0 ? NOTHING : givenTraits(dialect, device);
      const traits = names.map((name) => valueOrDefault(given, name));
      return sql`(${[...newValues(device), now, ...traits]})`;
    });
    const columns = ['target', 'target_kind', 'member_id', 'created_at', ...names].map(nameOf);
    return sql`INSERT INTO push_device (${columns}) VALUES ${rows}`;
  };

  const fetchTargets = async (targets: readonly string[]): Promise<ReadonlySet<string>> => {
    const rows = await driver.all(sql`SELECT target FROM push_device WHERE target IN (${targets})`);
    return new Set(rows.map((row) => readText(row, 'target')));
  };

  /** Devices that are in the table already receive pushes again, and get the traits that are given. */
  const renewDevices = async (devices: readonly NewDevice[], columns: ReadonlySet<string>): Promise<void> => {
    const groups = Map.groupBy(devices, (device) => namesOf(device, columns).join());
    for (const group of groups.values()) {
      const names = namesOf(group[0], columns);
      if (names.length > 0) {
        const assignments = names.map((name) => assignTrait(dialect, name));
        await driver.run(
          sql`${insertDevices(group, names)} ${onConflict(sql`target`)} ${assignments}, ${RESTORE}`,
        );
        continue;
      }
      await driver.run(
        sql`UPDATE push_device SET ${RESTORE}
            WHERE target IN (${group.map(({ target }) => target)}) AND unregistered_at IS NOT NULL`,
      );
    }
  };

  /** The columns for which a device gives values. */
  const namesOf = (device: NewDevice | undefined, columns: ReadonlySet<string>): TraitColumn[] =>
    device && hasTraits(device) ? writableColumns(givenTraits(dialect, device), columns) : [];

  return {
    async addDevices(devices) {
      for (const device of devices) checkDevice(device);
      const columns = devices.some(hasTraits) ? await fetchColumns() : NO_COLUMNS;
      // Before anything is written: a view may lack a column.
      const names = [...new Set(devices.flatMap((device) => namesOf(device, columns)))];
      if (devices.some(({ targetKind }) => targetKind === 'fid')) noteFid();
      let added = 0;
      for (const chunk of chunksOf(devices, bytesOf, maxBytes())) {
        await replacements.replace(chunk, await replacements.plan(chunk));
        const changes = await insertMissing(driver, chunk, {
          keyOf: ({ target }) => target,
          insert: (missing) => insertDevices(missing, names),
          fetchKeys: fetchTargets,
        });
        added += changes;
        if (changes < chunk.length) await renewDevices(chunk, columns);
        await tags.setTagsByTarget(chunk);
      }
      return added;
    },

    async registerDevice(device) {
      checkDevice(device);
      const { target, targetKind = 'token', memberId = null } = device;
      const columns = await fetchColumns();
      const given = givenTraits(dialect, device);
      const isSeenNow = !given.has('last_seen_at') && columns.has('last_seen_at');
      const written = new Map<string, Value | Fragment>([
        ...Object.entries({ target, target_kind: targetKind, member_id: memberId, created_at: now }),
        ...writableColumns(given, columns).map((name) => [name, valueOrDefault(given, name)] as const),
        ...(isSeenNow ? [['last_seen_at', now] as const] : []),
      ]);
      const kept = [
        'created_at',
        ...(device.targetKind === undefined ? ['target_kind'] : []),
        ...(device.memberId === undefined ? ['member_id'] : []),
      ];
      const assignments = [...written.keys()]
        .filter((name) => !kept.includes(name))
        .map((name) =>
          // A time that the table has may be wrong, in the future: now is always right.
          name === 'last_seen_at' && !isSeenNow ? assignTrait(dialect, name) : assign(dialect, name),
        );
      // Before anything is written: a registration that is refused changes nothing.
      const planned = await replacements.plan([device]);
      const [{ row, twin } = {}] = planned;
      if (device.tags) await tags.requireRoom(row?.target ?? target, device.tags, MAX_TAGS);
      if (targetKind === 'fid') noteFid();
      await replacements.replace([device], planned);
      await driver.run(
        sql`INSERT INTO push_device (${[...written.keys()].map(nameOf)}) VALUES (${[...written.values()]})
            ${onConflict(sql`target`)} ${assignments}, ${RESTORE}`,
      );
      const [{ device_id: id } = {}] = await driver.all(
        sql`SELECT device_id FROM push_device WHERE target = ${target}`,
      );
      const deviceId = readWhole({ device_id: id }, 'device_id');
      // An announcement that has just started keeps the twin, which may have more tags.
      const max = twin ? Number.POSITIVE_INFINITY : MAX_TAGS;
      if (device.tags) await tags.setTags(new Map([[deviceId, device.tags]]), max);
      return deviceId;
    },

    async removeDevice(target) {
      if (!fits('target', target)) return false;
      const isTarget = isSameText(sql`target`, sql`${target}`);
      const [row] = await driver.all(sql`SELECT device_id FROM push_device WHERE ${isTarget}`);
      if (!row) return false;
      const deviceId = readWhole(row, 'device_id');
      return driver.runTogether(
        sql`DELETE FROM push_device WHERE device_id = ${deviceId}`,
        sql`DELETE FROM push_tag WHERE device_id = ${deviceId}`,
      );
    },
  };
}

/** PushError('BAD_INPUT') if the columns cannot hold the device. */
function checkDevice({ target, memberId = null, tags = {} }: Registration): void {
  fit('target', target);
  fit('member_id', memberId);
  checkTags(tags);
}

function newValues({ target, targetKind, memberId = null }: NewDevice): Value[] {
  return [target, targetKind, memberId];
}

function nameOf(column: string): Fragment {
  return { sql: column, values: [] };
}

/** The assignment of what an INSERT has for a column, whose row exists already. */
function assign({ incoming }: Dialect, column: string): Fragment {
  return sql`${nameOf(column)} = ${incoming(nameOf(column))}`;
}

/** Never less than the bytes that a device takes in a statement. */
function bytesOf(device: NewDevice): number {
  const { target, replaces = '', memberId = null } = device;
  return (
    literalBytesOf(memberId) +
    target.length +
    replaces.length +
    50 +
    (hasTraits(device) ? traitBytesOf(device) : 0)
  );
}

import { PushError } from '../errors.ts';
import type { NewDevice } from '../model/device.ts';
import { fit } from './columns.ts';
import type { Driver } from './driver.ts';
import { LISTED_ID_BYTES, literalBytesOf } from './literals.ts';
import { readText, readWhole } from './rows.ts';
import { chunksOf, sql } from './sql.ts';

type Tags = NonNullable<NewDevice['tags']>;

interface Tag {
  readonly deviceId: number;
  readonly name: string;
}

/** Writes of push_tag. Only tags that change are written: an app names its tags at every start. */
export interface TagWrites {
  /**
   * Sets the given tags of devices, and takes those away whose value is null. PushError('BAD_INPUT') if a device would have more
   * than `max` tags: then nothing is written.
   */
  setTags(tagsById: ReadonlyMap<number, Tags>, max?: number): Promise<void>;
  /** PushError('BAD_INPUT') if the device, which may be in no table yet, would have more than `max` tags with the given ones. */
  requireRoom(target: string, tags: Tags, max: number): Promise<void>;
  /** Sets the given tags of devices by their targets. A device that has been deleted meanwhile is left out. */
  setTagsByTarget(devices: readonly NewDevice[]): Promise<void>;
}

export function makeTags(driver: Driver): TagWrites {
  const { onConflict, incoming, maxBytes } = driver.dialect;

  const writeTags = async (tags: readonly (Tag & { readonly value: string })[]): Promise<void> => {
    for (const chunk of chunksOf(tags, bytesOf, maxBytes())) {
      const rows = chunk.map(({ deviceId, name, value }) => sql`(${deviceId}, ${name}, ${value})`);
      await driver.run(
        sql`INSERT INTO push_tag (device_id, name, value) VALUES ${rows}
            ${onConflict(sql`device_id, name`)} value = ${incoming(sql`value`)}`,
      );
    }
  };

  const deleteTags = async (tags: readonly Tag[]): Promise<void> => {
    for (const [name, group] of Map.groupBy(tags, (tag) => tag.name)) {
      for (const chunk of chunksOf(group, () => LISTED_ID_BYTES, maxBytes())) {
        const ids = chunk.map(({ deviceId }) => deviceId);
        await driver.run(sql`DELETE FROM push_tag WHERE name = ${name} AND device_id IN (${ids})`);
      }
    }
  };

  const setTags: TagWrites['setTags'] = async (tagsById, max = Number.POSITIVE_INFINITY) => {
    for (const chunk of chunksOf([...tagsById], () => LISTED_ID_BYTES, maxBytes())) {
      const present = await fetchTags(
        driver,
        chunk.map(([deviceId]) => deviceId),
      );
      const changes = chunk.flatMap(([deviceId, tags]) => {
        const has = present.get(deviceId) ?? new Map<string, string>();
        const changed = namesTrimmed(tags).filter(([name, value]) => (has.get(name) ?? null) !== value);
        checkCount(has, changed, max);
        return changed.map(([name, value]) => ({ deviceId, name, value }));
      });
      await writeTags(changes.flatMap(({ value, ...tag }) => (value === null ? [] : [{ ...tag, value }])));
      await deleteTags(changes.filter(({ value }) => value === null));
    }
  };

  return {
    setTags,
    async requireRoom(target, tags, max) {
      const rows = await driver.all(
        sql`SELECT name, value FROM push_device JOIN push_tag ON push_tag.device_id = push_device.device_id
            WHERE target = ${target}`,
      );
      const has = new Map(rows.map((row) => [readText(row, 'name'), readText(row, 'value')]));
      checkCount(has, namesTrimmed(tags), max);
    },
    async setTagsByTarget(devices) {
      const tagsByTarget = new Map<string, Tags>();
      for (const { target, tags } of devices) {
        if (tags) tagsByTarget.set(target, { ...tagsByTarget.get(target), ...tags });
      }
      if (tagsByTarget.size === 0) return;
      const rows = await driver.all(
        sql`SELECT device_id, target FROM push_device WHERE target IN (${[...tagsByTarget.keys()]})`,
      );
      const tagsById = rows.map((row): [number, Tags] => [
        readWhole(row, 'device_id'),
        tagsByTarget.get(readText(row, 'target')) ?? {},
      ]);
      await setTags(new Map(tagsById));
    },
  };
}

/** The tags of some devices, each by its name. */
export async function fetchTags(
  driver: Driver,
  ids: readonly number[],
): Promise<ReadonlyMap<number, ReadonlyMap<string, string>>> {
  const tagsById = new Map(ids.map((id) => [id, new Map<string, string>()]));
  if (ids.length === 0) return tagsById;
  const rows = await driver.all(
    sql`SELECT device_id, name, value FROM push_tag WHERE device_id IN (${ids}) ORDER BY device_id, name`,
  );
  for (const row of rows) {
    tagsById.get(readWhole(row, 'device_id'))?.set(readText(row, 'name'), readText(row, 'value'));
  }
  return tagsById;
}

/** PushError('BAD_INPUT') if the columns cannot hold the tags. */
export function checkTags(tags: Tags): void {
  for (const [name, value] of Object.entries(tags)) {
    fit('tag_name', name);
    fit('tag_value', value);
    if (name.trim() !== '') continue;
    throw PushError.of('BAD_INPUT', [{ field: 'tag_name', expected: '1 to 64 characters', got: 'none' }]);
  }
}

/** Names have no blanks around them: MySQL's keys ignore those at the end, and would take the name for another tag's. */
function namesTrimmed(tags: Tags): [name: string, value: string | null][] {
  return Object.entries(tags).map(([name, value]) => [name.trim(), value]);
}

function checkCount(
  has: ReadonlyMap<string, string>,
  changed: readonly (readonly [name: string, value: string | null])[],
  max: number,
): void {
  const names = new Set(has.keys());
  for (const [name, value] of changed) {
    if (value === null) names.delete(name);
    else names.add(name);
  }
  // A device that has too many already may lose some.
  if (names.size <= Math.max(max, has.size)) return;
  throw PushError.of('BAD_INPUT', [
    { field: 'tags', expected: `at most ${max} tags of a device`, got: `${names.size}` },
  ]);
}

/** Never less than the bytes that a tag takes in a statement. */
function bytesOf({ name, value }: { readonly name: string; readonly value: string }): number {
  return LISTED_ID_BYTES + literalBytesOf(name) + literalBytesOf(value) + 10;
}

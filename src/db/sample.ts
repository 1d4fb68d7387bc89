import { type DeviceFilter, sampleOf } from '../model/filter.ts';
import { SAMPLE_SHARES, listSample } from '../model/sample.ts';
import type { Driver } from './driver.ts';
import { readOptionalWhole } from './rows.ts';
import type { Range, Reading } from './selection.ts';
import { chunksOf, type Fragment, sql } from './sql.ts';

/** A sample of at most so many hundredths of a percent is read by its ids; of a larger one, the devices lie close. */
const MAX_SHARE = 500;

/** Ids in one statement. */
const MAX_IDS = 5000;

interface SampleOptions {
  readonly filter: DeviceFilter;
  readonly range: Range;
  /** What has to hold for a device, the sample included. */
  readonly conditions: Fragment;
  /** More ids than this are not listed. */
  readonly maxIds: number;
}

/** How the devices of a small sample are read: its ids are arithmetic, no search. Null: the filter has none, or a large one. */
export async function selectSample(
  driver: Driver,
  { filter, range, conditions, maxIds }: SampleOptions,
): Promise<Reading | null> {
  const share = sampleOf(filter.sample ?? '');
  if (share === null || share.below - share.from > MAX_SHARE) return null;
  const [row = {}] = await driver.all(
    sql`SELECT (SELECT MIN(device_id) FROM push_device) AS first_id, (SELECT MAX(device_id) FROM push_device) AS last_id`,
  );
  const firstId = Math.max(range.fromId, readOptionalWhole(row, 'first_id') ?? 0);
  const lastId = Math.min(range.toId ?? Infinity, readOptionalWhole(row, 'last_id') ?? -1);
  // Ids that no device has are listed too: where most are such, a walk of the primary key is less work.
  if (((lastId - firstId) * (share.below - share.from)) / SAMPLE_SHARES > maxIds) return null;
  const select = (ids: readonly number[]) => ({
    from: sql`push_device`,
    where: sql`${driver.dialect.isOneOfIds(sql`push_device.device_id`, ids)} ${conditions}`,
  });
  return {
    parts: () =>
      chunksOf(listSample(share, { fromId: firstId, toId: lastId }), undefined, undefined, MAX_IDS).map(
        select,
      ),
    led: {
      conditions,
      fetchIds: async (fromId, limit) =>
        listSample(share, { fromId: Math.max(fromId, firstId), toId: lastId }, limit),
    },
  };
}

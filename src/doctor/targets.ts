import type { Driver } from '../db/driver.ts';
import { readOptionalWhole, readOr, readText, readWhole } from '../db/rows.ts';
import { type Fragment, sql } from '../db/sql.ts';
import { isNullWord, TARGET_KINDS } from '../model/device.ts';
import { amber, type Finding, green } from './check.ts';

/** Places in the table that are looked at, and devices read at each: a sample, whose size does not grow with the table. */
const PLACES = 10;
const DEVICES_PER_PLACE = 200;

/** Ids that are named, at most. */
const MAX_NAMED = 5;

/** A target that is shorter is neither a FID nor a token. */
const MIN_TARGET_LENGTH = 16;

/** What is no target of FCM for sure; FCM calls targets opaque, so that everything else is left to FCM. */
const FAULTS: readonly (readonly [words: string, isOne: (target: string) => boolean])[] = [
  ['a word for no value', isNullWord],
  ['an address or JSON, as a subscription of the web is', (target) => /^https?:|^[{["]/i.test(target)],
  ['a token of Expo', (target) => /^Expo(nent)?PushToken\[/.test(target)],
  ['a device token of APNs', (target) => /^[\da-f]{64}$/i.test(target)],
  ['too short', (target) => target.length < MIN_TARGET_LENGTH],
  ['a text with blanks', (target) => /\s/.test(target)],
];

/** Why a device cannot be pushed to, whatever FCM knows about it; null if it may be. */
export function faultOf(target: string, targetKind: string): string | null {
  if (!TARGET_KINDS.some((kind) => kind === targetKind)) return 'another target_kind than token or fid';
  return FAULTS.find(([, isOne]) => isOne(target))?.[0] ?? null;
}

/** Looks in a sample of the devices for targets that FCM cannot know: another service's, or none. It names no target. */
export async function checkTargets(driver: Driver): Promise<Finding> {
  const devices = await fetchSample(driver);
  const bad = devices.flatMap(({ deviceId, target, targetKind }) => {
    const fault = faultOf(target, targetKind);
    return fault === null ? [] : [{ deviceId, fault }];
  });
  if (bad.length === 0) {
    return green(
      devices.length === 0 ? 'no devices yet' : `none of ${devices.length} that were looked at is wrong`,
    );
  }
  const faults = [...Map.groupBy(bad, ({ fault }) => fault)].map(
    ([fault, all]) => `${all.length} ${all.length === 1 ? 'is' : 'are'} ${fault}`,
  );
  const ids = bad.slice(0, MAX_NAMED).map(({ deviceId }) => deviceId);
  return amber(
    `${bad.length} of ${devices.length} devices that were looked at have a target that FCM cannot know: ` +
      `${faults.join(', ')} (device_id ${ids.join(', ')}${bad.length > MAX_NAMED ? ', …' : ''})`,
    "write the registration tokens or FIDs that the app gets from Firebase's SDK, or delete these rows: FCM rejects each " +
      'push to them',
  );
}

interface SampleRow {
  readonly deviceId: number;
  readonly target: string;
  readonly targetKind: string;
}

/** Devices at the beginning, at the end and between, by ranges of the primary key. */
async function fetchSample(driver: Driver): Promise<readonly SampleRow[]> {
  const [ends = {}] = await driver.all(
    sql`SELECT (SELECT MIN(device_id) FROM push_device) AS first_id, (SELECT MAX(device_id) FROM push_device) AS last_id`,
  );
  // An id beyond 2^53 is another check's finding.
  const end = (column: string): number | null =>
    readOr<number | null>([], () => readOptionalWhole(ends, column), Number.MAX_SAFE_INTEGER);
  const [firstId, lastId] = [end('first_id'), end('last_id')];
  if (firstId === null || lastId === null) return [];
  const found = new Map<number, SampleRow>();
  const read = async (condition: Fragment, order: Fragment): Promise<void> => {
    const rows = await driver.all(
      sql`SELECT device_id, target, target_kind, CASE WHEN unregistered_at IS NULL THEN 1 ELSE 0 END AS is_active
          FROM push_device WHERE ${condition} AND device_id <= ${Number.MAX_SAFE_INTEGER}
          ORDER BY ${order} LIMIT ${DEVICES_PER_PLACE}`,
    );
    for (const row of rows) {
      if (readWhole(row, 'is_active') === 0) continue;
      const deviceId = readWhole(row, 'device_id');
      const targetKind = readText(row, 'target_kind');
      found.set(deviceId, { deviceId, target: readText(row, 'target'), targetKind });
    }
  };
  const step = (lastId - firstId) / PLACES;
  for (let nth = 0; nth < PLACES; nth++) {
    await read(sql`device_id >= ${Math.floor(firstId + nth * step)}`, sql`device_id`);
  }
  await read(sql`device_id <= ${lastId}`, sql`device_id DESC`);
  return [...found.values()].toSorted((one, other) => one.deviceId - other.deviceId);
}

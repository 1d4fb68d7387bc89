import type { AudienceCount } from '../model/summary.ts';
import type { DeviceFilter } from '../model/filter.ts';
import type { Audiences, TraitCount } from '../store/audiences.ts';
import type { Dialect, Driver, Row } from './driver.ts';
import { columnOrNull, makeColumnLookup } from './optional.ts';
import { readOptionalText, readOptionalWhole, readOr, readWhole } from './rows.ts';
import type { Reading, Select, Selected } from './selection.ts';
import { sql, type Statement } from './sql.ts';

type Count = Pick<AudienceCount, 'devices' | 'lastId'>;

/** The statements that count audiences by what devices say about themselves. */
export function makeAudiences(driver: Driver, select: Select): Audiences {
  const fetchColumns = makeColumnLookup(driver, 'push_device');

  return {
    async countByTraits(filter) {
      const columns = await fetchColumns();
      const traits = (['platform', 'locale'] as const).map(
        (name) => sql`${columnOrNull('push_device', name, columns)} AS ${{ sql: name, values: [] }}`,
      );
      const parts = filter ? (await select(filter, { fromId: 0, toId: null })).parts() : [ALL_DEVICES];
      const counts: TraitCount[] = [];
      for (const { from, where } of parts) {
        const rows = await driver.all(
          sql`SELECT platform, locale, COUNT(*) AS devices FROM (
                SELECT ${traits} FROM ${from} WHERE ${where} AND unregistered_at IS NULL) AS counted
              GROUP BY platform, locale`,
        );
        counts.push(...rows.map(parseTraitCount));
      }
      return counts;
    },
  };
}

const ALL_DEVICES = { from: sql`push_device`, where: sql`1 = 1` };

function parseTraitCount(row: Row): TraitCount {
  const read = (column: string): string | null =>
    readOr<string | null>([], () => readOptionalText(row, column), null);
  return { platform: read('platform'), locale: read('locale'), devices: readWhole(row, 'devices') };
}

/** Counts the devices that a broadcast from `fromId` on is for. It locks nothing: devices may be added meanwhile. */
export async function countDevicesFrom(
  driver: Driver,
  select: Select,
  fromId: number,
  filter: DeviceFilter | null,
): Promise<Count> {
  const parts = filter
    ? listCounted(await select(filter, { fromId, toId: null }))
    : [{ from: sql`push_device`, where: sql`device_id >= ${fromId}` }];
  let devices = 0;
  let lastId = Math.max(0, fromId - 1);
  for (const { from, where, mayRepeat = false } of parts) {
    const number = mayRepeat ? sql`COUNT(DISTINCT push_device.device_id)` : sql`COUNT(*)`;
    const [row = {}] = await driver.all(
      sql`SELECT ${number} AS devices, MAX(push_device.device_id) AS last_id FROM ${from}
          WHERE ${where} AND unregistered_at IS NULL`,
    );
    devices += readWhole(row, 'devices');
    lastId = Math.max(lastId, readOptionalWhole(row, 'last_id') ?? 0);
  }
  return { devices, lastId };
}

function listCounted({ parts, counted = parts }: Reading): readonly Selected[] {
  return counted();
}

/** Counts the pushes of a mailing: one for each message and device, and one for a message that reaches no device. */
export async function countPushesOfMailing(driver: Driver, announcementId: number): Promise<Count> {
  const { isSameText } = driver.dialect;
  const [row = {}] = await driver.all(
    sql`SELECT
          (SELECT COUNT(*) FROM push_message WHERE announcement_id = ${announcementId} AND member_id IS NULL)
          + (SELECT COUNT(*) FROM push_message LEFT JOIN push_device
               ON ${isSameText(sql`push_device.member_id`, sql`push_message.member_id`)}
                 AND push_device.unregistered_at IS NULL
             WHERE announcement_id = ${announcementId} AND push_message.device_id IS NULL) AS pushes`,
  );
  return { devices: readWhole(row, 'pushes'), lastId: null };
}

/** `insertAudience` keeps the count for the announcement that starts. */
export function insertAudience(
  { now, onConflict, incoming }: Dialect,
  announcementId: number,
  { devices, lastId }: Count,
): Statement {
  return sql`INSERT INTO push_audience (announcement_id, devices, last_id, counted_at)
    VALUES (${announcementId}, ${devices}, ${lastId}, ${now})
    ${onConflict(sql`announcement_id`)} devices = ${incoming(sql`devices`)}, last_id = ${incoming(sql`last_id`)},
      counted_at = ${incoming(sql`counted_at`)}, pruned_at = NULL`;
}

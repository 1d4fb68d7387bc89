import type { AudienceCount } from '../model/summary.ts';
import type { Dialect, Driver } from './driver.ts';
import { readOptionalWhole, readWhole } from './rows.ts';
import { sql, type Statement } from './sql.ts';

type Count = Pick<AudienceCount, 'devices' | 'lastId'>;

/** Counts the devices that a broadcast from `fromId` on is for. It locks nothing: devices may be added meanwhile. */
export async function countDevicesFrom(driver: Driver, fromId: number): Promise<Count> {
  const [row = {}] = await driver.all(
    sql`SELECT COUNT(*) AS devices, MAX(device_id) AS last_id FROM push_device
        WHERE device_id >= ${fromId} AND unregistered_at IS NULL`,
  );
  const lastId = readOptionalWhole(row, 'last_id') ?? Math.max(0, fromId - 1);
  return { devices: readWhole(row, 'devices'), lastId };
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

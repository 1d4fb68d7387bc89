import type { ExportedDelivery, Exports } from '../store/exports.ts';
import type { Driver, Row } from './driver.ts';
import { readOptionalText, readVerdict, readWhole } from './rows.ts';
import { type Fragment, sql } from './sql.ts';

/** The statements that read deliveries in full, a page after the other by the primary key: never by OFFSET. */
export function makeExports(driver: Driver): Exports {
  const { epochMs } = driver.dialect;

  return {
    async fetchExportPage({ announcementId, audience }, { verdicts, after, withTargets }, limit) {
      const isMailing = audience === 'messages';
      const isOfVerdict = verdicts.length === 0 ? sql`` : sql`AND verdict IN (${[...verdicts]})`;
      const fetch = async (isInRange: Fragment, count: number): Promise<ExportedDelivery[]> => {
        const rows = await driver.all(
          sql`SELECT push_delivery.message_id, push_delivery.device_id, push_device.member_id, verdict, reason,
                ${epochMs(sql`recorded_at`)} AS recorded_ms, attempts, message_name
                ${isMailing ? sql`, push_message.member_id AS recipient` : sql``}
                ${withTargets ? sql`, target` : sql``}
              FROM push_delivery LEFT JOIN push_device ON push_device.device_id = push_delivery.device_id
                ${isMailing ? sql`LEFT JOIN push_message ON push_message.message_id = push_delivery.message_id` : sql``}
              WHERE push_delivery.announcement_id = ${announcementId} AND ${isInRange} ${isOfVerdict}
              ORDER BY push_delivery.message_id, push_delivery.device_id LIMIT ${count}`,
        );
        return rows.map((row) => parseExported(row, { isMailing, withTargets }));
      };
      // Two ranges of the key, because SQLite would read one condition with OR from the announcement's first row on.
      const { messageId, deviceId } = after;
      const page = await fetch(
        sql`push_delivery.message_id = ${messageId} AND push_delivery.device_id > ${deviceId}`,
        limit,
      );
      const missing = limit - page.length;
      if (missing === 0) return page;
      return [...page, ...(await fetch(sql`push_delivery.message_id > ${messageId}`, missing))];
    },
  };
}

function parseExported(
  row: Row,
  { isMailing, withTargets }: { readonly isMailing: boolean; readonly withTargets: boolean },
): ExportedDelivery {
  return {
    messageId: readWhole(row, 'message_id'),
    deviceId: readWhole(row, 'device_id'),
    // A message to a member without devices has no device that would say whose it is.
    memberId: readOptionalText(row, 'member_id') ?? (isMailing ? readOptionalText(row, 'recipient') : null),
    verdict: readVerdict(row),
    reason: readOptionalText(row, 'reason'),
    recordedAt: readWhole(row, 'recorded_ms'),
    attempts: readWhole(row, 'attempts'),
    messageName: readOptionalText(row, 'message_name'),
    target: withTargets ? readOptionalText(row, 'target') : null,
  };
}

import { type Counts, type Delivery, FINAL_VERDICTS, type Verdict, VERDICTS } from '../model/delivery.ts';
import type { Deliveries } from '../store.ts';
import { parseDevice, pruneDevices } from './devices.ts';
import type { Driver } from './driver.ts';
import { isHeld } from './hops.ts';
import { isToSend, proveUpsert, upsertDeliveries } from './ledger.ts';
import { readOptionalText, readOr, readWhole, readWord } from './rows.ts';
import { sql, type Statement } from './sql.ts';

/** The statements of push_delivery. */
export function makeDeliveries(driver: Driver): Deliveries {
  const { dialect } = driver;

  return {
    async fetchVerdicts(announcementId, fromId, lastId) {
      const rows = await driver.all(
        sql`SELECT device_id, verdict FROM push_delivery
            WHERE announcement_id = ${announcementId} AND message_id = 0
              AND device_id BETWEEN ${fromId} AND ${lastId}`,
      );
      return new Map(rows.map((row) => [readWhole(row, 'device_id'), readWord(row, 'verdict', VERDICTS)]));
    },

    async fetchDeliveries(announcementId, verdict, { messageId, deviceId }, limit) {
      const rows = await driver.all(
        sql`SELECT message_id, device_id, reason FROM push_delivery
            WHERE announcement_id = ${announcementId} AND verdict = ${verdict}
              AND (message_id > ${messageId} OR message_id = ${messageId} AND device_id > ${deviceId})
            ORDER BY message_id, device_id LIMIT ${limit}`,
      );
      return rows.map((row) => ({
        messageId: readWhole(row, 'message_id'),
        deviceId: readWhole(row, 'device_id'),
        reason: readOptionalText(row, 'reason'),
      }));
    },

    async recordDeliveries(hop, deliveries, { isProgress = true } = {}) {
      const hold = sql`UPDATE push_hop SET claims = ${isProgress ? 1 : sql`claims`} WHERE ${isHeld(hop)}`;
      const record = (chunk: readonly Delivery[]): Statement[] => [
        ...upsertDeliveries(dialect, hop, chunk),
        ...pruneDevices(dialect, hop.announcementId, chunk),
      ];
      if (await driver.runTogether(hold, ...record(deliveries))) return;
      const [first, ...rest] = record(deliveries.filter(({ verdict }) => FINAL_VERDICTS.includes(verdict)));
      if (first) await driver.runTogether(first, ...rest);
    },

    proveRecording(hop) {
      const hold = sql`UPDATE push_hop SET owner = ${hop.owner} WHERE ${isHeld(hop)}`;
      return driver.runTogether(hold, ...proveUpsert(dialect, hop));
    },

    async countDeliveries(announcementId) {
      const rows = await driver.all(
        sql`SELECT verdict, COUNT(*) AS deliveries FROM push_delivery
            WHERE announcement_id = ${announcementId} GROUP BY verdict`,
      );
      const counts = new Map<Verdict, number>();
      for (const row of rows) {
        // What another hand wrote into the ledger is not known to have been sent, and is counted all the same.
        const verdict = readOr([], () => readWord(row, 'verdict', VERDICTS), 'unknown');
        counts.set(verdict, (counts.get(verdict) ?? 0) + readWhole(row, 'deliveries'));
      }
      return Object.fromEntries(VERDICTS.map((verdict) => [verdict, counts.get(verdict) ?? 0])) as Counts;
    },

    async fetchRetryPage({ announcementId, round, fromId }, toId, limit) {
      const rows = await driver.all(
        sql`SELECT push_device.device_id, target, target_kind
            FROM push_delivery JOIN push_device ON push_device.device_id = push_delivery.device_id
            WHERE announcement_id = ${announcementId} AND message_id = 0
              AND push_delivery.device_id >= ${fromId}
              ${toId === null ? sql`` : sql`AND push_delivery.device_id <= ${toId}`}
              AND ${isToSend(round)}
            ORDER BY push_delivery.device_id LIMIT ${limit}`,
      );
      return rows.map(parseDevice);
    },

    async settleRetries(announcementId, round) {
      await driver.run(
        sql`UPDATE push_delivery
            SET retry_at = NULL, verdict = CASE verdict WHEN 'retryable' THEN 'rejected' ELSE verdict END
            WHERE announcement_id = ${announcementId} AND retry_at IS NOT NULL AND NOT EXISTS (
              SELECT 1 FROM push_hop
              WHERE push_hop.announcement_id = push_delivery.announcement_id
                AND (closed_at IS NULL OR push_hop.round > ${round}))`,
      );
    },
  };
}

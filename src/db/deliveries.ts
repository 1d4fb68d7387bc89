import { type Counts, type Delivery, FINAL_VERDICTS, type Verdict, VERDICTS } from '../model/delivery.ts';
import type { HopKey } from '../model/hop.ts';
import type { Deliveries } from '../store.ts';
import { DEVICE_COLUMNS, makeDeviceReader } from './device-pages.ts';
import { pruneDevices, relabelDevices } from './devices.ts';
import type { Driver } from './driver.ts';
import { isHeld, isHop } from './hop-key.ts';
import { countLateReasons } from './late-reasons.ts';
import { proveUpsert, upsertDeliveries } from './ledger.ts';
import { isOver, isToSend, joinRetries, keepRetries, keepRetriesOfPage } from './retries.ts';
import { readOptionalText, readVerdict, readWhole, readWord } from './rows.ts';
import { chunksOf, type Fragment, sql, type Statement } from './sql.ts';
import { addBatch, withRetriesShift, withShift } from './tally.ts';

/** Deliveries of no batch in one transaction. Its statements name each of them for each verdict, and SQLite takes 32,766 values. */
const MAX_LATE = 200;

/** The statements of push_delivery. */
export function makeDeliveries(driver: Driver): Deliveries {
  const { dialect } = driver;
  const readerOf = makeDeviceReader(driver);

  /** A hop that is closed; null if there is none. No condition on the round: see keepRetries. */
  const fetchClosed = async (announcementId: number): Promise<HopKey | null> => {
    const [row] = await driver.all(
      sql`SELECT round, from_id FROM push_hop WHERE announcement_id = ${announcementId} AND retries_kept = 1 LIMIT 1`,
    );
    if (!row) return null;
    return { announcementId, round: readWhole(row, 'round'), fromId: readWhole(row, 'from_id') };
  };

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

    async recordDeliveries(hop, deliveries, { isProgress = true, batch } = {}) {
      const claims = sql`claims = ${isProgress ? 1 : sql`claims`}`;
      const record = (chunk: readonly Delivery[]): Statement[] => [
        ...upsertDeliveries(dialect, hop, chunk),
        ...keepRetries(dialect, hop.announcementId, chunk),
        ...pruneDevices(dialect, hop.announcementId, chunk),
        ...relabelDevices(dialect, hop.announcementId, chunk),
      ];
      const recordLate = async (condition: Fragment, late: readonly Delivery[]): Promise<boolean> => {
        for (const chunk of chunksOf(late, undefined, undefined, MAX_LATE)) {
          const isWritten = await countLateReasons(driver, hop, chunk, (count) =>
            driver.runTogether(
              sql`UPDATE push_hop SET ${claims}, ${count.assignment} WHERE ${condition} AND ${count.isUnchanged}`,
              ...withShift(hop, chunk, record(chunk)),
            ),
          );
          if (!isWritten) return false;
        }
        return true;
      };
      if (batch === undefined && deliveries.length > 0) {
        if (await recordLate(isHeld(hop), deliveries)) return;
      } else {
        const count = batch ? sql`, ${addBatch(batch)}` : sql``;
        const hold = sql`UPDATE push_hop SET ${claims} ${count} WHERE ${isHeld(hop)}`;
        if (await driver.runTogether(hold, ...record(deliveries))) return;
      }
      await recordLate(
        isHop(hop),
        deliveries.filter(({ verdict }) => FINAL_VERDICTS.includes(verdict)),
      );
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
        const verdict = readVerdict(row);
        counts.set(verdict, (counts.get(verdict) ?? 0) + readWhole(row, 'deliveries'));
      }
      return Object.fromEntries(VERDICTS.map((verdict) => [verdict, counts.get(verdict) ?? 0])) as Counts;
    },

    async fetchRetryPage({ announcementId, round, fromId }, toId, limit, selection) {
      const { columns, parse } = await readerOf(DEVICE_COLUMNS, selection);
      const rows = await driver.all(
        sql`SELECT ${columns}, verdict
            FROM ${joinRetries(dialect)}
              ${dialect.joinInOrder} push_device ON push_device.device_id = push_retry.device_id
            WHERE push_retry.announcement_id = ${announcementId} AND push_retry.message_id = 0
              AND push_retry.device_id >= ${fromId}
              ${toId === null ? sql`` : sql`AND push_retry.device_id <= ${toId}`}
              AND ${isToSend(round)}
            ORDER BY push_retry.device_id LIMIT ${limit}`,
      );
      return rows.map((row) => ({ ...parse(row), was: readWord(row, 'verdict', VERDICTS) }));
    },

    async keepRetries(announcementId) {
      const hops = await driver.all(
        // No more columns, and no condition on the round: else the databases read all hops by the primary key.
        sql`SELECT round, from_id FROM push_hop
            WHERE announcement_id = ${announcementId} AND retries_kept = 0 AND closed_at IS NOT NULL`,
      );
      for (const row of hops.filter(({ round }) => round === 0)) {
        const key = { announcementId, round: 0, fromId: readWhole(row, 'from_id') };
        await driver.runTogether(
          sql`UPDATE push_hop SET retries_kept = 1 WHERE ${isHop(key)}`,
          ...keepRetriesOfPage(dialect, key),
        );
      }
    },

    async settleRetries(announcementId, round) {
      const isLast = isOver(announcementId, round);
      const isOfRetries = sql`push_retry.announcement_id = ${announcementId}`;
      // An update that finds its rows by another table, as both databases have it: every row exists.
      const settle = sql`
        INSERT INTO push_delivery (announcement_id, message_id, device_id, verdict, round, recorded_at)
        SELECT earlier.announcement_id, earlier.message_id, earlier.device_id, earlier.verdict, earlier.round,
          earlier.recorded_at
        FROM push_retry ${dialect.joinInOrder} push_delivery AS earlier
          ON earlier.announcement_id = push_retry.announcement_id
            AND earlier.message_id = push_retry.message_id AND earlier.device_id = push_retry.device_id
        WHERE ${isOfRetries} AND earlier.retry_at IS NOT NULL AND ${isLast}
        ${dialect.onConflict(sql`announcement_id, message_id, device_id`)} retry_at = NULL,
          verdict = CASE push_delivery.verdict WHEN 'retryable' THEN 'rejected'
            ELSE push_delivery.verdict END`;
      const closed = await fetchClosed(announcementId);
      const forget = sql`DELETE FROM push_retry WHERE ${isOfRetries} AND ${isLast}`;
      if (closed === null) {
        await driver.run(settle);
        await driver.run(forget);
        return;
      }
      // One transaction, behind the lock of the counts: an invocation that counts reads the same rows before and after.
      await driver.runTogether(...withRetriesShift(dialect, closed, [settle]), forget);
    },
  };
}

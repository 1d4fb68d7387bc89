import { ANNOUNCEMENT_STATUSES, END_STATUSES } from '../model/announcement.ts';
import { VERDICTS } from '../model/delivery.ts';
import type { HopKey } from '../model/hop.ts';
import type { OldAnnouncement, Pruned, Retention } from '../store/retention.ts';
import { insertAudit } from './audits.ts';
import { type Driver, hasEffect, type Row } from './driver.ts';
import { isHop } from './hop-key.ts';
import { insertIfNew } from './insert.ts';
import { readFlag, readOr, readText, readWhole, readWord } from './rows.ts';
import { type Fragment, sql } from './sql.ts';
import { recountPage } from './tally.ts';

/** The row of push_tick whose time says until when nobody may delete anything; row 1 is the tick's own. */
const PRUNING = 2;

/** Messages that are sent at once are in the ledger under this announcement. */
const AT_ONCE = 0;

/** The row of push_watch that belongs to no announcement. */
const AUDIT_WATCH = 0;

const NOTHING_OF_LEDGER: Pruned = { deliveries: 0, messages: 0 };

const DELIVERIES: Fragment = sql`push_delivery`;
const RETRIES: Fragment = sql`push_retry`;
const RECEIPTS: Fragment = sql`push_receipt`;

/** The statements that delete what is old. Rows are found by the primary key, and deleted in one range of it. */
export function makeRetention(driver: Driver): Retention {
  const { now, nowPlus, epochMs, onConflict, incoming } = driver.dialect;
  const endedAt = sql`COALESCE(finished_at, started_at)`;

  /** Deletes the first rows of an announcement in a table with the key of the ledger; null if there are none. */
  const deleteRows = async (
    table: Fragment,
    announcementId: number,
    limit: number,
  ): Promise<number | null> => {
    const rows = await driver.all(
      sql`SELECT message_id, device_id FROM ${table} WHERE announcement_id = ${announcementId}
          ORDER BY message_id, device_id LIMIT ${limit}`,
    );
    const [first, last] = [rows[0], rows.at(-1)];
    if (!first || !last) return null;
    const [fromId, toId] = [readWhole(first, 'message_id'), readWhole(last, 'message_id')];
    const isInRange =
      fromId === toId
        ? sql`message_id = ${fromId}
            AND device_id BETWEEN ${readWhole(first, 'device_id')} AND ${readWhole(last, 'device_id')}`
        : // The devices of the last message may not all be among the rows: they are left to the next batch.
          sql`message_id BETWEEN ${fromId} AND ${rows.length < limit ? toId : toId - 1}`;
    const { changes } = await driver.run(
      sql`DELETE FROM ${table} WHERE announcement_id = ${announcementId} AND ${isInRange}`,
    );
    return changes;
  };

  /** Deletes the first messages of a mailing; null if there are none. */
  const deleteMessages = async (announcementId: number, limit: number): Promise<number | null> => {
    const rows = await driver.all(
      sql`SELECT message_id FROM push_message WHERE announcement_id = ${announcementId}
          ORDER BY message_id LIMIT ${limit}`,
    );
    const last = rows.at(-1);
    if (!last) return null;
    const { changes } = await driver.run(
      sql`DELETE FROM push_message
          WHERE announcement_id = ${announcementId} AND message_id <= ${readWhole(last, 'message_id')}`,
    );
    return changes;
  };

  return {
    async claimPruning(leaseMs) {
      const until = nowPlus(leaseMs);
      const isClaimed = await hasEffect(
        driver,
        sql`UPDATE push_tick SET ticked_at = ${until} WHERE tick_id = ${PRUNING} AND ticked_at <= ${now}`,
      );
      if (isClaimed) return true;
      return insertIfNew(
        driver,
        sql`INSERT INTO push_tick (tick_id, ticked_at) VALUES (${PRUNING}, ${until})`,
      );
    },

    async restPruning(ms) {
      await driver.run(sql`UPDATE push_tick SET ticked_at = ${nowPlus(ms)} WHERE tick_id = ${PRUNING}`);
    },

    async fetchOldAnnouncements(ageMs, afterId, limit) {
      const rows = await driver.all(
        sql`SELECT announcement_id, status, title, ${epochMs(endedAt)} AS ended_ms,
              (SELECT COUNT(*) FROM push_audience
               WHERE push_audience.announcement_id = push_announcement.announcement_id
                 AND pruned_at IS NOT NULL) AS is_begun
            FROM push_announcement
            WHERE announcement_id > ${afterId} AND announcement_id <= ${Number.MAX_SAFE_INTEGER}
              AND status IN (${END_STATUSES}) AND ${endedAt} < ${nowPlus(-ageMs)}
              AND (${hasRowsIn(sql`push_snapshot`)} OR ${hasRowsIn(DELIVERIES)} OR ${hasRowsIn(sql`push_message`)} OR ${hasRowsIn(RETRIES)} OR ${hasRowsIn(RECEIPTS)})
            ORDER BY announcement_id LIMIT ${limit}`,
      );
      return rows.map(parseOld);
    },

    async fetchUncountedHops(announcementId) {
      const isRead = sql`announcement_id = ${announcementId} AND last_id IS NOT NULL`;
      const uncounted = await driver.all(
        sql`SELECT 1 FROM push_hop WHERE ${isRead} AND devices IS NULL LIMIT 1`,
      );
      if (uncounted.length === 0) return [];
      // Those without numbers are last: if the counting is cut off, there is one left, and all are counted again.
      const rows = await driver.all(
        sql`SELECT round, from_id FROM push_hop WHERE ${isRead}
            ORDER BY CASE WHEN devices IS NULL THEN 1 ELSE 0 END, round, from_id`,
      );
      return rows.map((row): HopKey => ({
        announcementId,
        round: readWhole(row, 'round'),
        fromId: readWhole(row, 'from_id'),
      }));
    },

    async countPage(hop) {
      if (hop.round === 0) {
        await driver.runTogether(
          recountPage(hop),
          sql`UPDATE push_hop SET devices = COALESCE(devices, ${SUM_OF_COUNTS}) WHERE ${isHop(hop)}`,
        );
        return;
      }
      const assignments = VERDICTS.map((verdict): Fragment => ({ sql: `${verdict} = 0`, values: [] }));
      await driver.run(
        sql`UPDATE push_hop SET ${assignments}, devices = COALESCE(devices, 0) WHERE ${isHop(hop)}`,
      );
    },

    beginPruning({ announcementId, status }, ageMs, actor) {
      const why = `it ended more than ${Math.floor(ageMs / 86_400_000)} days ago`;
      const audit = { announcementId, source: null, actor };
      const cancel = insertAudit(driver.dialect, {
        ...audit,
        action: 'cancelled',
        was: 'failed',
        became: 'cancelled',
        why: `${why}: without its deliveries it cannot be resumed`,
      });
      return driver.runTogether(
        sql`UPDATE push_announcement SET status = ${status === 'failed' ? 'cancelled' : status}
            WHERE announcement_id = ${announcementId} AND status = ${status} AND ${endedAt} < ${nowPlus(-ageMs)}
              AND NOT EXISTS (
                SELECT 1 FROM push_audience
                WHERE push_audience.announcement_id = ${announcementId} AND pruned_at IS NOT NULL)`,
        // An announcement of a release that did not count its audience gets the number of its deliveries.
        sql`INSERT INTO push_audience (announcement_id, devices, counted_at, pruned_at)
            SELECT ${announcementId}, COALESCE(SUM(${SUM_OF_COUNTS}), 0), ${now}, ${now} FROM push_hop
            WHERE push_hop.announcement_id = ${announcementId}
            ${onConflict(sql`announcement_id`)} pruned_at = ${incoming(sql`pruned_at`)}`,
        ...(status === 'failed' ? [cancel] : []),
        insertAudit(driver.dialect, { ...audit, action: 'pruned', why }),
      );
    },

    async pruneBatch(announcementId, limit) {
      const deliveries = await deleteRows(DELIVERIES, announcementId, limit);
      if (deliveries !== null) return { deliveries, messages: 0 };
      if ((await deleteRows(RETRIES, announcementId, limit)) !== null) return { deliveries: 0, messages: 0 };
      // Their counts stay. Without the ledger no further one is taken.
      if ((await deleteRows(RECEIPTS, announcementId, limit)) !== null) return { deliveries: 0, messages: 0 };
      const messages = await deleteMessages(announcementId, limit);
      if (messages !== null) return { deliveries: 0, messages };
      // Last: while there is a snapshot, the announcement is found again.
      const hasSnapshot = await hasEffect(
        driver,
        sql`DELETE FROM push_snapshot WHERE announcement_id = ${announcementId}`,
      );
      return hasSnapshot ? { deliveries: 0, messages: 0 } : null;
    },

    async pruneAtOnce(ageMs, limit) {
      const rows = await driver.all(
        sql`SELECT message_id, CASE WHEN created_at < ${nowPlus(-ageMs)} THEN 1 ELSE 0 END AS is_old
            FROM push_message WHERE announcement_id = ${AT_ONCE} ORDER BY message_id LIMIT ${limit}`,
      );
      // Ids ascend with time: after the first one that is not old, none is.
      const end = rows.findIndex((row) => !readFlag(row, 'is_old'));
      const last = rows.at(end === -1 ? -1 : end - 1);
      if (end === 0 || !last) return null;
      const isOld = sql`announcement_id = ${AT_ONCE} AND message_id <= ${readWhole(last, 'message_id')}`;
      const { changes: deliveries } = await driver.run(sql`DELETE FROM push_delivery WHERE ${isOld}`);
      await driver.run(sql`DELETE FROM push_receipt WHERE ${isOld}`);
      // Last: while there is a message, its deliveries are found again.
      const { changes: messages } = await driver.run(sql`DELETE FROM push_message WHERE ${isOld}`);
      return { deliveries, messages };
    },

    async pruneAlerts(ageMs, limit) {
      const rows = await driver.all(
        sql`SELECT alert_id FROM push_alert
            WHERE closed_at < ${nowPlus(-ageMs)} AND ${isNotRunning(sql`push_alert`)}
              AND NOT (announcement_id = 0 AND cause IN (SELECT notice_id FROM push_notice))
            ORDER BY closed_at LIMIT ${limit}`,
      );
      const ids = rows.map((row) => readWhole(row, 'alert_id'));
      if (ids.length > 0) await driver.run(sql`DELETE FROM push_alert WHERE alert_id IN (${ids})`);
      if (ids.length === limit) return NOTHING_OF_LEDGER;
      // Few rows: the tick itself forgets them, while there are alerts.
      await driver.run(
        sql`DELETE FROM push_watch
            WHERE announcement_id <> ${AUDIT_WATCH} AND looked_at < ${nowPlus(-ageMs)} AND ${isNotRunning(sql`push_watch`)}`,
      );
      return ids.length > 0 ? NOTHING_OF_LEDGER : null;
    },

    async countOldMessages(ageMs) {
      const [row = {}] = await driver.all(
        sql`SELECT COUNT(*) AS messages FROM push_message
            WHERE announcement_id = ${AT_ONCE} AND created_at < ${nowPlus(-ageMs)}`,
      );
      return readWhole(row, 'messages');
    },
  };
}

function isNotRunning(table: Fragment): Fragment {
  return sql`NOT EXISTS (
    SELECT 1 FROM push_announcement
    WHERE push_announcement.announcement_id = ${table}.announcement_id AND status = 'running')`;
}

function hasRowsIn(table: Fragment): Fragment {
  return sql`EXISTS (SELECT 1 FROM ${table} WHERE ${table}.announcement_id = push_announcement.announcement_id)`;
}

/** The number of a hop's deliveries; a verdict's column has its name. */
const SUM_OF_COUNTS: Fragment = { sql: VERDICTS.join(' + '), values: [] };

function parseOld(row: Row): OldAnnouncement {
  return {
    announcementId: readWhole(row, 'announcement_id'),
    status: readWord(row, 'status', ANNOUNCEMENT_STATUSES),
    title: readOr([], () => readText(row, 'title'), ''),
    endedAt: readWhole(row, 'ended_ms'),
    isBegun: readFlag(row, 'is_begun'),
  };
}

import type { NewAnnouncement } from '../model/announcement.ts';
import { type Counts, type Delivery, type Verdict, VERDICTS } from '../model/delivery.ts';
import type { Hop, HopKey } from '../model/hop.ts';
import type { Store } from '../store.ts';
import { makeBudgetStore } from './budgets.ts';
import { makeDeviceStore, pruneStatements } from './devices.ts';
import { type Driver, marks, type Statement, type Value } from './driver.ts';
import { asInFlight, IS_LEFT, isFinal, upsertDeliveries } from './deliveries.ts';
import { makeMessages } from './messages.ts';
import {
  readAnnouncement,
  readSummary,
  readDevice,
  readHop,
  readOptionalText,
  readWhole,
  readWord,
  valuesOfContent,
} from './rows.ts';

const NEW_ANNOUNCEMENT = 'title, body, image, data, options, source, guarantee, ttl_seconds, dry_run, lanes';

const THIS_HOP = 'announcement_id = ? AND round = ? AND from_id = ?';

/** The store over either database: the SQL is the same but for the words in `dialect`. */
export function makeStore(driver: Driver): Store {
  const { now, nowPlusMs, msUntil, epochMs, plusSeconds, atMs, insertIgnore, onConflict, incoming } =
    driver.dialect;

  const brake = (what: string): string =>
    `(SELECT ${what} FROM push_budget WHERE push_budget.source = push_announcement.source
       AND (braked_until > ${now} OR outages > 0))`;
  /** With what holds up its source, if anything does. */
  const announcements = `SELECT announcement_id, audience, ${NEW_ANNOUNCEMENT}, accept_unregistered, status,
      status_reason, ${brake('brake_reason')} AS brake_reason, ${brake(epochMs('braked_until'))} AS braked_until
    FROM push_announcement`;

  const changed = async (sql: string, values: readonly Value[]): Promise<boolean> =>
    (await driver.run(sql, values)).changes > 0;

  const giveBack = async (hop: Hop, wakeInMs: number): Promise<void> => {
    await driver.run(
      `UPDATE push_hop SET owner = NULL, lease_until = ${nowPlusMs} WHERE ${THIS_HOP} AND owner = ?`,
      [wakeInMs, ...keyOf(hop), hop.owner],
    );
  };

  const plant = (key: HopKey, toId: number | null, canary: 0 | 1, wakeWithinMs: number): Statement => ({
    sql: `${insertIgnore} INTO push_hop
            (announcement_id, round, from_id, to_id, canary, lease_until, planted_at)
          VALUES (?, ?, ?, ?, ?, ${nowPlusMs}, ${now})`,
    values: [...keyOf(key), toId, canary, wakeWithinMs],
  });

  return {
    ...makeMessages(driver),

    async createAnnouncement(announcement) {
      const { insertId } = await driver.run(
        `INSERT INTO push_announcement (${NEW_ANNOUNCEMENT}, status, created_at)
         VALUES (${marks(10)}, 'draft', ${now})`,
        valuesOfAnnouncement(announcement),
      );
      return insertId;
    },

    async createAnnouncementOnce(announcement, idempotencyKey, publishAt) {
      const isNew = await changed(
        `${insertIgnore} INTO push_announcement
           (${NEW_ANNOUNCEMENT}, idempotency_key, publish_at, status, created_at)
         VALUES (${marks(11)}, ${atMs}, 'scheduled', ${now})`,
        [...valuesOfAnnouncement(announcement), idempotencyKey, publishAt],
      );
      const [row = {}] = await driver.all(
        'SELECT announcement_id FROM push_announcement WHERE idempotency_key = ?',
        [idempotencyKey],
      );
      return { announcementId: readWhole(row, 'announcement_id'), isNew };
    },

    async fetchAnnouncement(announcementId) {
      const [row] = await driver.all(`${announcements} WHERE announcement_id = ?`, [announcementId]);
      return row ? readAnnouncement(row) : null;
    },

    async fetchLatest(limit, beforeId = Number.MAX_SAFE_INTEGER) {
      const rows = await driver.all(
        `SELECT announcement_id, audience, source, dry_run, status, status_reason, title,
           ${epochMs('publish_at')} AS publish_ms, ${epochMs('started_at')} AS started_ms,
           ${epochMs('finished_at')} AS finished_ms
         FROM push_announcement WHERE announcement_id < ? ORDER BY announcement_id DESC LIMIT ?`,
        [beforeId, limit],
      );
      return rows.map(readSummary);
    },

    async fetchUnfinished(limit) {
      const rows = await driver.all(
        `${announcements} WHERE status IN ('running', 'paused', 'failed')
         ORDER BY announcement_id DESC LIMIT ?`,
        [limit],
      );
      return rows.map(readAnnouncement);
    },

    moveAnnouncement(announcementId, from, to, reason) {
      const ends = to === 'done' || to === 'cancelled' || to === 'failed';
      return changed(
        `UPDATE push_announcement SET status = ?, status_reason = ?, finished_at = ${ends ? now : 'NULL'}
         WHERE announcement_id = ? AND status IN (${marks(from.length)})`,
        [to, reason, announcementId, ...from],
      );
    },

    scheduleAnnouncement(announcementId, publishAt) {
      return changed(
        `UPDATE push_announcement SET status = 'scheduled', publish_at = ${atMs}
         WHERE announcement_id = ? AND status IN ('draft', 'scheduled')`,
        [publishAt, announcementId],
      );
    },

    startAnnouncement(key, wakeWithinMs, laneIds = []) {
      const lanes = [key.fromId, ...laneIds];
      return driver.runTogether(
        {
          sql: `UPDATE push_announcement SET status = 'running', started_at = ${now}
                WHERE announcement_id = ? AND status IN ('draft', 'scheduled')`,
          values: [key.announcementId],
        },
        ...lanes.map((fromId, lane) => {
          const next = lanes[lane + 1];
          const toId = next === undefined ? null : next - 1;
          return plant({ ...key, fromId }, toId, lane === 0 ? 1 : 0, wakeWithinMs);
        }),
      );
    },

    async acceptUnregistered(announcementId) {
      await driver.run('UPDATE push_announcement SET accept_unregistered = 1 WHERE announcement_id = ?', [
        announcementId,
      ]);
    },

    finishAnnouncement(announcementId, round) {
      return changed(
        `UPDATE push_announcement SET status = 'done', status_reason = NULL, finished_at = ${now}
         WHERE announcement_id = ? AND status = 'running' AND NOT EXISTS (
           SELECT 1 FROM push_hop
           WHERE push_hop.announcement_id = push_announcement.announcement_id
             AND (closed_at IS NULL OR round > ?))`,
        [announcementId, round],
      );
    },

    async recordTick() {
      await driver.run(
        `INSERT INTO push_tick (tick_id, ticked_at) VALUES (1, ${now})
         ${onConflict('tick_id')} ticked_at = ${incoming('ticked_at')}`,
        [],
      );
    },

    async fetchTickAgeMs() {
      const [row] = await driver.all(`SELECT ${msUntil('ticked_at')} AS ticked_in_ms FROM push_tick`, []);
      return row ? -readWhole(row, 'ticked_in_ms') : null;
    },

    async fetchDue(limit) {
      const rows = await driver.all(
        `SELECT announcement_id FROM push_announcement
         WHERE status = 'scheduled' AND publish_at <= ${now} ORDER BY publish_at LIMIT ?`,
        [limit],
      );
      return rows.map((row) => readWhole(row, 'announcement_id'));
    },

    ...makeDeviceStore(driver),

    async fetchRetryPage({ announcementId, round, fromId }, toId, limit) {
      const rows = await driver.all(
        `SELECT push_device.device_id, target, target_kind
         FROM push_delivery JOIN push_device ON push_device.device_id = push_delivery.device_id
         WHERE announcement_id = ? AND message_id = 0 AND push_delivery.device_id >= ?
           ${toId === null ? '' : 'AND push_delivery.device_id <= ?'}
           AND ${IS_LEFT}
         ORDER BY push_delivery.device_id LIMIT ?`,
        [announcementId, fromId, ...(toId === null ? [] : [toId]), round, round, limit],
      );
      return rows.map(readDevice);
    },

    async claimHop(key, owner, leaseMs) {
      const claimed = await changed(
        `UPDATE push_hop SET owner = ?, lease_until = ${nowPlusMs}, claims = claims + 1
         WHERE ${THIS_HOP} AND closed_at IS NULL AND (owner IS NULL OR lease_until < ${now})`,
        [owner, leaseMs, ...keyOf(key)],
      );
      const [row] = await driver.all(`SELECT * FROM push_hop WHERE ${THIS_HOP}`, keyOf(key));
      if (!row) return { kind: 'absent' };
      // Asked of the row, not of the update alone: an update that the connection lost may have been done all the same.
      if (claimed || readOptionalText(row, 'owner') === owner)
        return { kind: 'claimed', hop: readHop(row, owner) };
      return { kind: row['closed_at'] === null ? 'leased' : 'closed' };
    },

    turnPage(hop, { lastId, nextId }, wakeWithinMs) {
      const turned: Statement = {
        sql: `UPDATE push_hop SET last_id = ?, next_id = ? WHERE ${THIS_HOP} AND owner = ?`,
        values: [lastId, nextId, ...keyOf(hop), hop.owner],
      };
      if (nextId === null) return driver.runTogether(turned);
      const next = { ...hop, fromId: nextId };
      return driver.runTogether(turned, plant(next, hop.toId, 0, wakeWithinMs));
    },

    async markHandedOver(hop) {
      await driver.run(`UPDATE push_hop SET handed_over = 1, canary = 0 WHERE ${THIS_HOP}`, keyOf(hop));
    },

    async fetchSleepingLanes({ announcementId, round }) {
      const rows = await driver.all(
        `SELECT from_id FROM push_hop
         WHERE announcement_id = ? AND round = ? AND claims = 0 AND EXISTS (
           SELECT 1 FROM push_hop AS other
           WHERE other.announcement_id = push_hop.announcement_id AND other.round = push_hop.round
             AND other.to_id + 1 = push_hop.from_id)
         ORDER BY from_id`,
        [announcementId, round],
      );
      return rows.map((row) => readWhole(row, 'from_id'));
    },

    holdHop(hop, leaseMs, inFlight = []) {
      const held: Statement = {
        sql: `UPDATE push_hop SET lease_until = ${nowPlusMs}, claims = 1
              WHERE ${THIS_HOP} AND owner = ? AND EXISTS (
                SELECT 1 FROM push_announcement
                WHERE push_announcement.announcement_id = push_hop.announcement_id AND status = 'running')`,
        values: [leaseMs, ...keyOf(hop), hop.owner],
      };
      if (inFlight.length === 0) return changed(held.sql, held.values);
      return driver.runTogether(held, ...upsertDeliveries(driver.dialect, hop, inFlight.map(asInFlight)));
    },

    releaseHop: (hop) => giveBack(hop, 0),

    postponeHop: (hop, wakeInMs) => giveBack(hop, wakeInMs),

    closeHop(hop) {
      return changed(`UPDATE push_hop SET owner = NULL, closed_at = ${now} WHERE ${THIS_HOP} AND owner = ?`, [
        ...keyOf(hop),
        hop.owner,
      ]);
    },

    plantRound(announcementId, round) {
      return changed(
        `${insertIgnore} INTO push_hop
           (announcement_id, round, from_id, lease_until, planted_at)
         SELECT push_delivery.announcement_id, ?, 0, MAX(retry_at), ${now}
         FROM push_delivery JOIN push_announcement
           ON push_announcement.announcement_id = push_delivery.announcement_id
         WHERE push_delivery.announcement_id = ? AND retry_at IS NOT NULL
           AND (ttl_seconds IS NULL OR retry_at < ${plusSeconds('started_at', 'ttl_seconds')})
         GROUP BY push_delivery.announcement_id`,
        [round, announcementId],
      );
    },

    async settleRetries(announcementId, round) {
      await driver.run(
        `UPDATE push_delivery
         SET retry_at = NULL, verdict = CASE verdict WHEN 'retryable' THEN 'rejected' ELSE verdict END
         WHERE announcement_id = ? AND retry_at IS NOT NULL AND NOT EXISTS (
           SELECT 1 FROM push_hop
           WHERE push_hop.announcement_id = push_delivery.announcement_id
             AND (closed_at IS NULL OR push_hop.round > ?))`,
        [announcementId, round],
      );
    },

    async fetchStalled(limit) {
      const rows = await driver.all(
        `SELECT push_hop.announcement_id, round, from_id
         FROM push_announcement JOIN push_hop ON push_hop.announcement_id = push_announcement.announcement_id
         WHERE status = 'running' AND closed_at IS NULL AND lease_until < ${now}
           AND (canary = 1 OR NOT EXISTS (
             SELECT 1 FROM push_hop AS first
             WHERE first.announcement_id = push_hop.announcement_id AND first.round = 0
               AND first.canary = 1 AND first.closed_at IS NULL))
         LIMIT ?`,
        [limit],
      );
      return rows.map((row) => ({
        announcementId: readWhole(row, 'announcement_id'),
        round: readWhole(row, 'round'),
        fromId: readWhole(row, 'from_id'),
      }));
    },

    reviveHop(key, wakeWithinMs) {
      return changed(
        `UPDATE push_hop SET owner = NULL, lease_until = ${nowPlusMs}
         WHERE ${THIS_HOP} AND closed_at IS NULL AND lease_until < ${now}`,
        [wakeWithinMs, ...keyOf(key)],
      );
    },

    async fetchFinished(limit) {
      const rows = await driver.all(
        `SELECT push_hop.announcement_id, MAX(round) AS last_round
         FROM push_announcement JOIN push_hop ON push_hop.announcement_id = push_announcement.announcement_id
         WHERE status = 'running'
         GROUP BY push_hop.announcement_id HAVING COUNT(*) = COUNT(closed_at) LIMIT ?`,
        [limit],
      );
      return rows.map((row) => ({
        announcementId: readWhole(row, 'announcement_id'),
        round: readWhole(row, 'last_round'),
      }));
    },

    async countHops(announcementId) {
      const [row = {}] = await driver.all(
        `SELECT COUNT(*) AS hops, COUNT(closed_at) AS closed FROM push_hop WHERE announcement_id = ?`,
        [announcementId],
      );
      const closed = readWhole(row, 'closed');
      return { open: readWhole(row, 'hops') - closed, closed };
    },

    async fetchVerdicts(announcementId, fromId, lastId) {
      const rows = await driver.all(
        `SELECT device_id, verdict FROM push_delivery
         WHERE announcement_id = ? AND message_id = 0 AND device_id BETWEEN ? AND ?`,
        [announcementId, fromId, lastId],
      );
      return new Map(rows.map((row) => [readWhole(row, 'device_id'), readWord(row, 'verdict', VERDICTS)]));
    },

    async fetchDeliveries(announcementId, verdict, { messageId, deviceId }, limit) {
      const rows = await driver.all(
        `SELECT message_id, device_id, reason FROM push_delivery
         WHERE announcement_id = ? AND (message_id > ? OR message_id = ? AND device_id > ?) AND verdict = ?
         ORDER BY message_id, device_id LIMIT ?`,
        [announcementId, messageId, messageId, deviceId, verdict, limit],
      );
      return rows.map((row) => ({
        messageId: readWhole(row, 'message_id'),
        deviceId: readWhole(row, 'device_id'),
        reason: readOptionalText(row, 'reason'),
      }));
    },

    async recordDeliveries(hop, deliveries) {
      const stillHeld: Statement = {
        sql: `UPDATE push_hop SET claims = 1 WHERE ${THIS_HOP} AND owner = ?`,
        values: [...keyOf(hop), hop.owner],
      };
      const record = (those: readonly Delivery[]): Statement[] => [
        ...upsertDeliveries(driver.dialect, hop, those),
        ...pruneStatements(driver.dialect, hop.announcementId, those),
      ];
      if (await driver.runTogether(stillHeld, ...record(deliveries))) return;
      const [first, ...rest] = record(deliveries.filter(isFinal));
      if (first) await driver.runTogether(first, ...rest);
    },

    async countDeliveries(announcementId) {
      const rows = await driver.all(
        'SELECT verdict, COUNT(*) AS deliveries FROM push_delivery WHERE announcement_id = ? GROUP BY verdict',
        [announcementId],
      );
      const counted = new Map<Verdict, number>(
        rows.map((row) => [readWord(row, 'verdict', VERDICTS), readWhole(row, 'deliveries')]),
      );
      return Object.fromEntries(VERDICTS.map((verdict) => [verdict, counted.get(verdict) ?? 0])) as Counts;
    },

    ...makeBudgetStore(driver),

    close: () => driver.close(),
  };
}

function keyOf({ announcementId, round, fromId }: HopKey | Hop): Value[] {
  return [announcementId, round, fromId];
}

function valuesOfAnnouncement(announcement: NewAnnouncement): Value[] {
  const { content, source, guarantee, ttlSeconds, dryRun, lanes } = announcement;
  return [...valuesOfContent(content), source, guarantee, ttlSeconds, dryRun ? 1 : 0, lanes];
}

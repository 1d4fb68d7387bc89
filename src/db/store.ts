import type { Counts, Delivery, Device, Hop, HopKey, NewAnnouncement, Store, Verdict } from '../context.ts';
import { PushError } from '../errors.ts';
import type { Driver, Statement, Value } from './driver.ts';
import {
  readAnnouncement,
  readDevice,
  readHop,
  readOptionalText,
  readWhole,
  readWord,
  VERDICTS,
} from './rows.ts';

/** SQLite takes 32,766 values a statement; MySQL's limit is one of bytes, far beyond that. */
const ROWS_A_STATEMENT = 3000;

/** The width of push_device.target. INSERT IGNORE would cut a longer one short without a word. */
export const MAX_TARGET_LENGTH = 512;

/** FCM has said it for good, whoever heard it. */
const FINAL: readonly Verdict[] = ['delivered', 'unregistered', 'rejected'];

const NEW_ANNOUNCEMENT = 'title, body, image, data, options, source, promise, ttl_seconds, dry_run';

const THIS_HOP = 'announcement_id = ? AND round = ? AND from_id = ?';

/** The store over either database: the SQL is the same but for the words in `dialect`. */
export function makeStore(driver: Driver): Store {
  const { now, nowPlusMs, msUntil, later, plusMs, plusSeconds, atMs, insertIgnore, onConflict, incoming } =
    driver.dialect;

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

  const upserts = (key: HopKey, deliveries: readonly Delivery[]): Statement[] => {
    const assignments = [
      unlessFinal('reason', incoming('reason')),
      unlessFinal('message_name', incoming('message_name')),
      unlessFinal('round', incoming('round')),
      unlessFinal('retry_at', incoming('retry_at')),
      unlessFinal('attempts', 'push_delivery.attempts + 1'),
      unlessFinal('recorded_at', incoming('recorded_at')),
      // Last, since MySQL assigns in this order and the others look at the verdict that was there.
      unlessFinal('verdict', incoming('verdict')),
    ];
    const statements: Statement[] = [];
    for (let first = 0; first < deliveries.length; first += ROWS_A_STATEMENT) {
      const rows = deliveries.slice(first, first + ROWS_A_STATEMENT);
      statements.push({
        sql: `INSERT INTO push_delivery
                (announcement_id, device_id, verdict, reason, message_name, round, retry_at, recorded_at)
              VALUES ${rows.map(() => `(?, ?, ?, ?, ?, ?, ${nowPlusMs}, ${now})`).join(', ')}
              ${onConflict('announcement_id, device_id')} ${assignments.join(', ')}`,
        values: rows.flatMap((delivery) => valuesOf(key, delivery)),
      });
    }
    return statements;
  };

  return {
    async createAnnouncement(announcement) {
      const { insertId } = await driver.run(
        `INSERT INTO push_announcement (${NEW_ANNOUNCEMENT}, status, created_at)
         VALUES (${marks(9)}, 'draft', ${now})`,
        valuesOfAnnouncement(announcement),
      );
      return insertId;
    },

    async createAnnouncementOnce(announcement, idempotencyKey, publishAt) {
      const isNew = await changed(
        `${insertIgnore} INTO push_announcement
           (${NEW_ANNOUNCEMENT}, idempotency_key, publish_at, status, created_at)
         VALUES (${marks(10)}, ${atMs}, 'scheduled', ${now})`,
        [...valuesOfAnnouncement(announcement), idempotencyKey, publishAt],
      );
      const [row = {}] = await driver.all(
        'SELECT announcement_id FROM push_announcement WHERE idempotency_key = ?',
        [idempotencyKey],
      );
      return { announcementId: readWhole(row, 'announcement_id'), isNew };
    },

    async fetchAnnouncement(announcementId) {
      const [row] = await driver.all(
        `SELECT announcement_id, ${NEW_ANNOUNCEMENT}, status, status_reason
         FROM push_announcement WHERE announcement_id = ?`,
        [announcementId],
      );
      return row ? readAnnouncement(row) : null;
    },

    async fetchUnfinished(limit) {
      const rows = await driver.all(
        `SELECT announcement_id, ${NEW_ANNOUNCEMENT}, status, status_reason
         FROM push_announcement WHERE status IN ('running', 'paused', 'failed')
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

    startAnnouncement(key, wakeWithinMs) {
      return driver.runTogether(
        {
          sql: `UPDATE push_announcement SET status = 'running', started_at = ${now}
                WHERE announcement_id = ? AND status IN ('draft', 'scheduled')`,
          values: [key.announcementId],
        },
        plant(key, null, 1, wakeWithinMs),
      );
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

    async addDevices(devices) {
      const tooLong = devices.find(({ target }) => target.length > MAX_TARGET_LENGTH);
      if (tooLong) {
        const expected = `at most ${MAX_TARGET_LENGTH} characters`;
        throw PushError.of('BAD_INPUT', [{ field: 'target', expected, came: `${tooLong.target.length}` }]);
      }
      let added = 0;
      for (let first = 0; first < devices.length; first += ROWS_A_STATEMENT) {
        const rows = devices.slice(first, first + ROWS_A_STATEMENT);
        const { changes } = await driver.run(
          `${insertIgnore} INTO push_device (target, target_kind, created_at)
           VALUES ${rows.map(() => `(?, ?, ${now})`).join(', ')}`,
          rows.flatMap(({ target, targetKind }) => [target, targetKind]),
        );
        added += changes;
      }
      return added;
    },

    async registerDevice({ target, targetKind }) {
      await driver.run(
        `INSERT INTO push_device (target, target_kind, created_at) VALUES (?, ?, ${now})
         ${onConflict('target')} target_kind = ${incoming('target_kind')}`,
        [target, targetKind],
      );
      const [row = {}] = await driver.all('SELECT device_id FROM push_device WHERE target = ?', [target]);
      return readWhole(row, 'device_id');
    },

    removeDevice: (target) => changed('DELETE FROM push_device WHERE target = ?', [target]),

    async countDevices() {
      const [row] = await driver.all('SELECT COUNT(*) AS devices FROM push_device', []);
      return readWhole(row ?? {}, 'devices');
    },

    async fetchPage(fromId, toId, limit) {
      const { sql, values } = selectPage(fromId, toId, limit);
      return (await driver.all(sql, values)).map(readDevice);
    },

    async fetchRetryPage({ announcementId, round, fromId }, toId, limit) {
      const rows = await driver.all(
        `SELECT push_device.device_id, target, target_kind
         FROM push_delivery JOIN push_device ON push_device.device_id = push_delivery.device_id
         WHERE announcement_id = ? AND push_delivery.device_id >= ?
           ${toId === null ? '' : 'AND push_delivery.device_id <= ?'}
           AND (retry_at IS NOT NULL AND round < ? OR verdict = 'misconfigured' AND round = ?)
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
      await driver.run(`UPDATE push_hop SET handed_over = 1 WHERE ${THIS_HOP}`, keyOf(hop));
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
      return driver.runTogether(held, ...upserts(hop, inFlight.map(asInFlight)));
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
         WHERE status = 'running' AND closed_at IS NULL AND lease_until < ${now} LIMIT ?`,
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
         WHERE announcement_id = ? AND device_id BETWEEN ? AND ?`,
        [announcementId, fromId, lastId],
      );
      return new Map(rows.map((row) => [readWhole(row, 'device_id'), readWord(row, 'verdict', VERDICTS)]));
    },

    async recordDeliveries(hop, deliveries) {
      const stillHeld: Statement = {
        sql: `UPDATE push_hop SET claims = 1 WHERE ${THIS_HOP} AND owner = ?`,
        values: [...keyOf(hop), hop.owner],
      };
      if (await driver.runTogether(stillHeld, ...upserts(hop, deliveries))) return;
      const final = deliveries.filter(({ verdict }) => FINAL.includes(verdict));
      for (const { sql, values } of upserts(hop, final)) await driver.run(sql, values);
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

    async fetchBudget(source) {
      const sql = `SELECT version, ${msUntil('taken_until')} AS free_in_ms, ${msUntil('ramp_from')} AS ramp_in_ms
                   FROM push_budget WHERE source = ?`;
      let [row] = await driver.all(sql, [source]);
      if (!row) {
        // A source that has never sent has been idle for as long as one likes.
        const longAgo = `${insertIgnore} INTO push_budget (source, taken_until, ramp_from, braked_until)
                         VALUES (?, ${atMs}, ${atMs}, ${atMs})`;
        await driver.run(longAgo, [source, 0, 0, 0]);
        [row] = await driver.all(sql, [source]);
      }
      return {
        version: readWhole(row ?? {}, 'version'),
        freeInMs: readWhole(row ?? {}, 'free_in_ms'),
        rampAgeMs: -readWhole(row ?? {}, 'ramp_in_ms'),
      };
    },

    reserveBudget(source, version, takenMs, startsRamp) {
      return changed(
        `UPDATE push_budget SET version = version + 1, ${startsRamp ? `ramp_from = ${now},` : ''}
           taken_until = ${plusMs(later('taken_until', now))}
         WHERE source = ? AND version = ?`,
        [takenMs, source, version],
      );
    },

    async brakeBudget(source, pauseMs) {
      await driver.run(
        `UPDATE push_budget SET version = version + 1,
           braked_until = ${later('braked_until', nowPlusMs)},
           taken_until = ${later('taken_until', nowPlusMs)},
           ramp_from = ${later('ramp_from', nowPlusMs)}
         WHERE source = ?`,
        [pauseMs, pauseMs, pauseMs, source],
      );
    },

    async fetchBrakeMs(source) {
      const [row] = await driver.all(
        `SELECT ${msUntil('braked_until')} AS brake_ms FROM push_budget WHERE source = ?`,
        [source],
      );
      return row ? Math.max(0, readWhole(row, 'brake_ms')) : 0;
    },

    close: () => driver.close(),
  };
}

/** By key, so that a page costs the same at any depth: OFFSET would read all that comes before it. */
export function selectPage(fromId: number, toId: number | null, limit: number): Statement {
  return {
    sql: `SELECT device_id, target, target_kind FROM push_device
          WHERE device_id >= ? ${toId === null ? '' : 'AND device_id <= ?'}
          ORDER BY device_id LIMIT ?`,
    values: toId === null ? [fromId, limit] : [fromId, toId, limit],
  };
}

function keyOf({ announcementId, round, fromId }: HopKey | Hop): Value[] {
  return [announcementId, round, fromId];
}

function valuesOfAnnouncement({ content, source, promise, ttlSeconds, dryRun }: NewAnnouncement): Value[] {
  const { title, body, image, data, options } = content;
  const texts = [title, body, image, JSON.stringify(data), JSON.stringify(options)];
  return [...texts, source, promise, ttlSeconds, dryRun ? 1 : 0];
}

function valuesOf({ announcementId, round }: HopKey, delivery: Delivery): Value[] {
  const { deviceId, verdict, reason, messageName, retryInMs } = delivery;
  // A time later by NULL is NULL.
  return [announcementId, deviceId, verdict, reason, messageName, round, retryInMs];
}

function marks(count: number): string {
  return Array(count).fill('?').join(', ');
}

/** A final verdict stays: whoever comes later with another one is a run that had lost the hop. */
function unlessFinal(column: string, value: string): string {
  return `${column} = CASE WHEN push_delivery.verdict IN (${FINAL.map((verdict) => `'${verdict}'`).join(', ')})
    THEN push_delivery.${column} ELSE ${value} END`;
}

function asInFlight({ deviceId }: Device): Delivery {
  return { deviceId, verdict: 'unknown', reason: 'IN_FLIGHT', messageName: null, retryInMs: null };
}

import {
  type Announcement,
  ANNOUNCEMENT_STATUSES,
  AUDIENCES,
  GUARANTEES,
  type NewAnnouncement,
} from '../model/announcement.ts';
import type { Announcements, AnnouncementSummary } from '../store.ts';
import { cut, fit } from './columns.ts';
import { CONTENT_COLUMNS, contentValues, isSameContent, parseContent } from './content.ts';
import { type Driver, hasEffect, type Row } from './driver.ts';
import { plantHop } from './hops.ts';
import { insertIfNew } from './insert.ts';
import { readFlag, readOptionalText, readOptionalWhole, readText, readWhole, readWord } from './rows.ts';
import { type Fragment, sql } from './sql.ts';

/** The columns of a new announcement, in the order of `newValues`. */
const NEW_COLUMNS = sql`${CONTENT_COLUMNS}, source, guarantee, dry_run, lanes`;

/** The statements of push_announcement, and of push_tick. */
export function makeAnnouncements(driver: Driver): Announcements {
  const { now, at, msUntil, epochMs, onConflict, incoming } = driver.dialect;

  /** A column of the source's budget row while a brake or an outage holds the source up; NULL otherwise. */
  const ofBrake = (column: Fragment): Fragment => sql`
    (SELECT ${column} FROM push_budget WHERE push_budget.source = push_announcement.source
       AND (braked_until > ${now} OR outages > 0))`;
  const select = sql`
    SELECT announcement_id, audience, ${NEW_COLUMNS}, accept_unregistered, status, status_reason,
      ${ofBrake(sql`brake_reason`)} AS brake_reason, ${ofBrake(epochMs(sql`braked_until`))} AS braked_until
    FROM push_announcement`;

  return {
    async createAnnouncement(announcement) {
      const { insertId } = await driver.run(
        sql`INSERT INTO push_announcement (${NEW_COLUMNS}, status, created_at)
            VALUES (${newValues(announcement)}, 'draft', ${now})`,
      );
      return insertId;
    },

    async createAnnouncementOnce(announcement, idempotencyKey, publishAt) {
      const key = fit('idempotency_key', idempotencyKey);
      const isNew = await insertIfNew(
        driver,
        sql`INSERT INTO push_announcement (${NEW_COLUMNS}, idempotency_key, publish_at, status, created_at)
            VALUES (${newValues(announcement)}, ${key}, ${at(publishAt)}, 'scheduled', ${now})`,
      );
      const [row = {}] = await driver.all(
        sql`SELECT announcement_id, ${NEW_COLUMNS} FROM push_announcement WHERE idempotency_key = ${key}`,
      );
      const announcementId = readWhole(row, 'announcement_id');
      return { announcementId, isNew, isSame: isNew || isSameAnnouncement(row, announcement) };
    },

    async fetchAnnouncement(announcementId) {
      const [row] = await driver.all(sql`${select} WHERE announcement_id = ${announcementId}`);
      return row ? parseAnnouncement(row) : null;
    },

    async fetchLatest(limit, beforeId = Number.MAX_SAFE_INTEGER) {
      const rows = await driver.all(
        sql`SELECT announcement_id, audience, source, dry_run, status, status_reason, title,
              ${epochMs(sql`publish_at`)} AS publish_ms, ${epochMs(sql`started_at`)} AS started_ms,
              ${epochMs(sql`finished_at`)} AS finished_ms
            FROM push_announcement WHERE announcement_id < ${beforeId}
            ORDER BY announcement_id DESC LIMIT ${limit}`,
      );
      return rows.map(parseSummary);
    },

    async fetchUnfinished(limit) {
      const rows = await driver.all(
        sql`${select} WHERE status IN ('running', 'paused', 'failed')
            ORDER BY announcement_id DESC LIMIT ${limit}`,
      );
      return rows.map(parseAnnouncement);
    },

    moveAnnouncement(announcementId, from, to, reason) {
      const ends = to === 'done' || to === 'cancelled' || to === 'failed';
      return hasEffect(
        driver,
        sql`UPDATE push_announcement
            SET status = ${to}, status_reason = ${cut('status_reason', reason)}, finished_at = ${ends ? now : null}
            WHERE announcement_id = ${announcementId} AND status IN (${from})`,
      );
    },

    scheduleAnnouncement(announcementId, publishAt) {
      return hasEffect(
        driver,
        sql`UPDATE push_announcement SET status = 'scheduled', publish_at = ${at(publishAt)}
            WHERE announcement_id = ${announcementId} AND status IN ('draft', 'scheduled')`,
      );
    },

    startAnnouncement(key, wakeWithinMs, laneIds = []) {
      const lanes = [key.fromId, ...laneIds];
      return driver.runTogether(
        sql`UPDATE push_announcement SET status = 'running', started_at = ${now}
            WHERE announcement_id = ${key.announcementId} AND status IN ('draft', 'scheduled')`,
        ...lanes.map((fromId, lane) => {
          const next = lanes[lane + 1];
          const toId = next === undefined ? null : next - 1;
          return plantHop(driver.dialect, { ...key, fromId }, { toId, isCanary: lane === 0, wakeWithinMs });
        }),
      );
    },

    async acceptUnregistered(announcementId) {
      await driver.run(
        sql`UPDATE push_announcement SET accept_unregistered = 1 WHERE announcement_id = ${announcementId}`,
      );
    },

    finishAnnouncement(announcementId, round) {
      return hasEffect(
        driver,
        sql`UPDATE push_announcement SET status = 'done', status_reason = NULL, finished_at = ${now}
            WHERE announcement_id = ${announcementId} AND status = 'running' AND NOT EXISTS (
              SELECT 1 FROM push_hop
              WHERE push_hop.announcement_id = push_announcement.announcement_id
                AND (closed_at IS NULL OR round > ${round}))`,
      );
    },

    async fetchDue(limit) {
      const rows = await driver.all(
        sql`SELECT announcement_id FROM push_announcement
            WHERE status = 'scheduled' AND publish_at <= ${now} ORDER BY publish_at LIMIT ${limit}`,
      );
      return rows.map((row) => readWhole(row, 'announcement_id'));
    },

    async fetchFinished(limit) {
      const rows = await driver.all(
        sql`SELECT push_hop.announcement_id, MAX(round) AS last_round
            FROM push_announcement
              JOIN push_hop ON push_hop.announcement_id = push_announcement.announcement_id
            WHERE status = 'running'
            GROUP BY push_hop.announcement_id HAVING COUNT(*) = COUNT(closed_at) LIMIT ${limit}`,
      );
      return rows.map((row) => ({
        announcementId: readWhole(row, 'announcement_id'),
        round: readWhole(row, 'last_round'),
      }));
    },

    async recordTick() {
      await driver.run(
        sql`INSERT INTO push_tick (tick_id, ticked_at) VALUES (1, ${now})
            ${onConflict(sql`tick_id`)} ticked_at = ${incoming(sql`ticked_at`)}`,
      );
    },

    async fetchTickAgeMs() {
      const [row] = await driver.all(sql`SELECT ${msUntil(sql`ticked_at`)} AS ticked_in_ms FROM push_tick`);
      return row ? -readWhole(row, 'ticked_in_ms') : null;
    },
  };
}

function newValues(announcement: NewAnnouncement): Fragment {
  const { source, guarantee, dryRun, lanes } = announcement;
  return sql`${contentValues(announcement)}, ${fit('source', source)}, ${guarantee}, ${dryRun ? 1 : 0}, ${lanes}`;
}

/** True if a row has what a request asked for; its status may have moved on since. */
function isSameAnnouncement(row: Row, announcement: NewAnnouncement): boolean {
  const { source, guarantee, dryRun, lanes } = announcement;
  return (
    row['source'] === source &&
    row['guarantee'] === guarantee &&
    row['dry_run'] === (dryRun ? 1 : 0) &&
    row['lanes'] === lanes &&
    isSameContent(row, announcement)
  );
}

function parseAnnouncement(row: Row): Announcement {
  return {
    announcementId: readWhole(row, 'announcement_id'),
    audience: readWord(row, 'audience', AUDIENCES),
    source: readText(row, 'source'),
    guarantee: readWord(row, 'guarantee', GUARANTEES),
    ttlSeconds: readOptionalWhole(row, 'ttl_seconds'),
    dryRun: readFlag(row, 'dry_run'),
    lanes: readWhole(row, 'lanes'),
    acceptUnregistered: readFlag(row, 'accept_unregistered'),
    status: readWord(row, 'status', ANNOUNCEMENT_STATUSES),
    statusReason: readOptionalText(row, 'status_reason') ?? describeBrake(row),
    content: parseContent(row),
  };
}

/** What a running announcement waits for, and until when. */
function describeBrake(row: Row): string | null {
  const reason = readOptionalText(row, 'brake_reason');
  if (reason === null || row['status'] !== 'running') return null;
  return `${reason} until ${new Date(readWhole(row, 'braked_until')).toISOString()}`;
}

function parseSummary(row: Row): AnnouncementSummary {
  return {
    announcementId: readWhole(row, 'announcement_id'),
    audience: readWord(row, 'audience', AUDIENCES),
    source: readText(row, 'source'),
    dryRun: readFlag(row, 'dry_run'),
    status: readWord(row, 'status', ANNOUNCEMENT_STATUSES),
    statusReason: readOptionalText(row, 'status_reason'),
    title: readText(row, 'title'),
    publishAt: readOptionalWhole(row, 'publish_ms'),
    startedAt: readOptionalWhole(row, 'started_ms'),
    finishedAt: readOptionalWhole(row, 'finished_ms'),
  };
}

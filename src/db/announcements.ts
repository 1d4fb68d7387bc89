import type { NewAnnouncement } from '../model/announcement.ts';
import type { Actor, AuditAction } from '../model/audit.ts';
import type { Announcements } from '../store.ts';
import { approve } from './approval.ts';
import { parseAnnouncement, parseSummary, selectSummaries } from './announcement-rows.ts';
import { countDevicesFrom, countPushesOfMailing, insertAudience } from './audience.ts';
import { insertAudit, type StatusChange } from './audits.ts';
import { fit, fitTime } from './columns.ts';
import { CONTENT_COLUMNS, contentValues, isSameContent } from './content.ts';
import type { Driver, Row } from './driver.ts';
import { plantHop } from './hops.ts';
import { insertIfNew } from './insert.ts';
import { move } from './move.ts';
import { makeColumnLookup } from './optional.ts';
import { aimColumns, isSamePlan, optionalValues, planColumns, requirePlan } from './plan-columns.ts';
import { findOpenHop, isOver } from './retries.ts';
import { MAX_ID, readOr, readWhole } from './rows.ts';
import type { Select } from './selection.ts';
import { mayStart } from './series.ts';
import { bothColumns, JOIN_SNAPSHOT, SOURCE_AT_START, startSnapshot, takeSnapshot } from './snapshot.ts';
import { type Fragment, sql, type Statement } from './sql.ts';
import { changeStatus, isStatus } from './status-change.ts';
import { fetchVersioned, isVersion } from './versions.ts';

/** The columns of a new announcement, in the order of `newValues`. */
const NEW_COLUMNS = sql`${CONTENT_COLUMNS}, source, guarantee, dry_run, lanes`;

/** The statements of push_announcement, and of push_tick. */
export function makeAnnouncements(driver: Driver, select: Select): Announcements {
  const { now, at, msUntil, epochMs, onConflict, incoming } = driver.dialect;

  /** A column of the source's budget row while a brake or an outage holds the source up; NULL otherwise. */
  const ofBrake = (column: Fragment): Fragment => sql`
    (SELECT ${column} FROM push_budget WHERE HEX(push_budget.source) = ${SOURCE_AT_START}
       AND (braked_until > ${now} OR outages > 0))`;
  const fetchColumns = makeColumnLookup(driver, 'push_announcement');
  const selectFrom = (columns: ReadonlySet<string>, more: Fragment): Fragment => sql`
    SELECT push_announcement.announcement_id, ${bothColumns(columns)}, ${planColumns(columns)}, lanes, accept_unregistered, status, status_reason,
      ${ofBrake(sql`brake_reason`)} AS brake_reason, ${ofBrake(epochMs(sql`braked_until`))} AS braked_until${more}
    FROM ${JOIN_SNAPSHOT}`;
  const selectRows = async (): Promise<Fragment> => selectFrom(await fetchColumns(), sql``);

  const audit = (
    announcementId: number,
    actor: Actor,
    action: AuditAction,
    { why = null, ...change }: StatusChange & { readonly why?: string | null } = {},
  ): Statement =>
    insertAudit(driver.dialect, { announcementId, source: null, actor, action, why, ...change });

  return {
    async createAnnouncement(announcement, actor = 'baton') {
      requirePlan(announcement, await fetchColumns());
      const { insertId } = await driver.run(
        sql`INSERT INTO push_announcement (${newColumns(announcement)}, status, created_at)
            VALUES (${newValues(announcement)}, 'draft', ${now})`,
      );
      await driver.run(audit(insertId, actor, 'created', { became: 'draft' }));
      return insertId;
    },

    async createAnnouncementOnce(announcement, idempotencyKey, publishAt, actor = 'baton') {
      const key = fit('idempotency_key', idempotencyKey);
      const columns = await fetchColumns();
      requirePlan(announcement, columns);
      const isNew = await insertIfNew(
        driver,
        sql`INSERT INTO push_announcement (${newColumns(announcement)}, idempotency_key, publish_at, status, created_at)
            VALUES (${newValues(announcement)}, ${key}, ${at(publishAt)}, 'scheduled', ${now})`,
      );
      const [row = {}] = await driver.all(
        sql`SELECT announcement_id, ${NEW_COLUMNS}, ${planColumns(columns)}, ${aimColumns(columns)} FROM push_announcement WHERE idempotency_key = ${key}`,
      );
      const announcementId = readWhole(row, 'announcement_id');
      if (isNew) {
        const why = describeDue(publishAt);
        await driver.run(audit(announcementId, actor, 'created', { became: 'scheduled', why }));
      }
      return { announcementId, isNew, isSame: isNew || isSameAnnouncement(row, announcement) };
    },

    async fetchAnnouncement(announcementId) {
      const [row] = await driver.all(
        sql`${await selectRows()} WHERE push_announcement.announcement_id = ${announcementId}`,
      );
      return row ? parseAnnouncement(row) : null;
    },

    async fetchVersioned(announcementId) {
      const columns = await fetchColumns();
      return fetchVersioned(driver, columns, (more) => selectFrom(columns, more), announcementId);
    },

    async fetchLatest(limit, beforeId = MAX_ID) {
      const rows = await driver.all(
        sql`${selectSummaries(driver.dialect)} WHERE announcement_id < ${beforeId}
            ORDER BY announcement_id DESC LIMIT ${limit}`,
      );
      return rows.map(parseSummary);
    },

    async fetchUnfinished(limit) {
      const rows = await driver.all(
        sql`${await selectRows()} WHERE status IN ('running', 'paused', 'failed')
            ORDER BY push_announcement.announcement_id DESC LIMIT ${limit}`,
      );
      return rows.map(parseAnnouncement);
    },

    async moveAnnouncement(announcementId, from, to, reason, actor = 'baton', options = {}) {
      const moving = { ...options, from, to, reason, actor };
      return move(driver, await fetchColumns(), announcementId, moving);
    },

    async approveAnnouncement(announcementId, actor, options = {}) {
      return approve(driver, await fetchColumns(), announcementId, { ...options, actor });
    },

    async scheduleAnnouncement(announcementId, publishAt, actor = 'baton') {
      const why = describeDue(publishAt);
      return changeStatus(driver, announcementId, ['draft', 'scheduled'], null, (was) =>
        driver.runTogether(
          sql`UPDATE push_announcement SET status = 'scheduled', publish_at = ${at(publishAt)}
              WHERE announcement_id = ${announcementId} AND ${isStatus(was)}`,
          audit(announcementId, actor, 'scheduled', { was, became: 'scheduled', why }),
        ),
      );
    },

    countAudience({ announcementId, audience, filter = null }, fromId) {
      switch (audience) {
        case 'devices':
          return countDevicesFrom(driver, select, fromId, filter);
        case 'messages':
          return countPushesOfMailing(driver, announcementId);
      }
    },

    async startAnnouncement(
      key,
      wakeWithinMs,
      laneIds = [],
      { audience, actor = 'baton', version = null } = {},
    ) {
      const { announcementId } = key;
      const lanes = [key.fromId, ...laneIds];
      const columns = await fetchColumns();
      return changeStatus(driver, announcementId, ['draft', 'scheduled'], version, (was) =>
        driver.runTogether(
          sql`UPDATE push_announcement SET status = 'running', status_reason = NULL, started_at = ${now}
              WHERE announcement_id = ${announcementId} AND ${isStatus(was)} ${isVersion(driver.dialect, announcementId, columns, version)}`,
          ...startSnapshot(announcementId, columns),
          ...lanes.map((fromId, lane) => {
            const next = lanes[lane + 1];
            const toId = next === undefined ? (audience?.lastId ?? null) : next - 1;
            return plantHop(driver.dialect, { ...key, fromId }, { toId, isCanary: lane === 0, wakeWithinMs });
          }),
          ...(audience ? [insertAudience(driver.dialect, announcementId, audience)] : []),
          audit(announcementId, actor, 'started', { was, became: 'running' }),
        ),
      );
    },

    async acceptEdits(announcementId, actor = 'baton') {
      const [discard, copy] = takeSnapshot(announcementId, await fetchColumns());
      await driver.runTogether(
        sql`${discard} AND EXISTS (
              SELECT 1 FROM push_announcement
              WHERE announcement_id = ${announcementId} AND status IN ('paused', 'failed'))`,
        copy,
        audit(announcementId, actor, 'edits accepted'),
      );
    },

    async acceptUnregistered(announcementId, actor = 'baton') {
      await driver.runTogether(
        sql`UPDATE push_announcement SET accept_unregistered = 1 WHERE announcement_id = ${announcementId}`,
        audit(announcementId, actor, 'unregistered accepted'),
      );
    },

    finishAnnouncement(announcementId, round) {
      return driver.runTogether(
        sql`UPDATE push_announcement SET status = 'done', status_reason = NULL, finished_at = ${now}
            WHERE announcement_id = ${announcementId} AND status = 'running'
              AND ${isOver(announcementId, round)}`,
        audit(announcementId, 'baton', 'done', { was: 'running', became: 'done' }),
      );
    },

    async failUnnameable() {
      const reason = `announcement_id: expected a whole number up to ${MAX_ID}`;
      const { changes } = await driver.run(
        sql`UPDATE push_announcement SET status = 'failed', status_reason = ${reason}, finished_at = ${now}
            WHERE status = 'scheduled' AND announcement_id > ${MAX_ID}`,
      );
      return changes;
    },

    async fetchDue(limit) {
      const rows = await driver.all(
        sql`SELECT announcement_id FROM push_announcement
            WHERE status = 'scheduled' AND publish_at <= ${now} AND announcement_id <= ${MAX_ID}
              AND ${mayStart(await fetchColumns())}
            ORDER BY publish_at LIMIT ${limit}`,
      );
      return rows.map((row) => readWhole(row, 'announcement_id'));
    },

    async fetchFinished(limit) {
      const rows = await driver.all(
        sql`SELECT announcement_id, (
              SELECT round FROM push_hop WHERE push_hop.announcement_id = push_announcement.announcement_id
              ORDER BY round DESC LIMIT 1) AS last_round
            FROM push_announcement
            WHERE status = 'running' AND NOT EXISTS (${findOpenHop(sql`push_announcement.announcement_id`)})
            LIMIT ${limit}`,
      );
      // One without any hop was set running by other hands.
      const started = rows.filter((row) => row['last_round'] !== null);
      return started.flatMap((row) => readOr([], () => [parseRound(row)], []));
    },

    async recordTick() {
      await driver.run(
        sql`INSERT INTO push_tick (tick_id, ticked_at) VALUES (1, ${now})
            ${onConflict(sql`tick_id`)} ticked_at = ${incoming(sql`ticked_at`)}`,
      );
    },

    async fetchTickAgeMs() {
      const [row] = await driver.all(
        sql`SELECT ${msUntil(sql`ticked_at`)} AS ticked_in_ms FROM push_tick WHERE tick_id = 1`,
      );
      return row ? -readWhole(row, 'ticked_in_ms') : null;
    },
  };
}

function newColumns(announcement: NewAnnouncement): Fragment {
  const names = optionalValues(announcement).map(([name]) => `, ${name}`);
  return sql`${NEW_COLUMNS}${{ sql: names.join(''), values: [] }}`;
}

function newValues(announcement: NewAnnouncement): Fragment {
  const { source, guarantee, dryRun, lanes } = announcement;
  const own = sql`${contentValues(announcement)}, ${fit('source', source)}, ${guarantee}, ${dryRun ? 1 : 0}, ${lanes}`;
  return sql`${[own, ...optionalValues(announcement).map(([, value]) => value)]}`;
}

/** True if a row has what a request asked for; its status may have moved on since. */
function isSameAnnouncement(row: Row, announcement: NewAnnouncement): boolean {
  const { source, guarantee, dryRun, lanes } = announcement;
  return (
    row['source'] === source &&
    row['guarantee'] === guarantee &&
    row['dry_run'] === (dryRun ? 1 : 0) &&
    row['lanes'] === lanes &&
    isSameContent(row, announcement) &&
    isSamePlan(row, announcement)
  );
}

function describeDue(publishAt: number): string {
  return `due ${new Date(fitTime(publishAt)).toISOString()}`;
}

function parseRound(row: Row): { announcementId: number; round: number } {
  return { announcementId: readWhole(row, 'announcement_id'), round: readWhole(row, 'last_round') };
}

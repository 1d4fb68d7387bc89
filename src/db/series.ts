import type { Series } from '../store/series.ts';
import { readStatus } from './announcement-rows.ts';
import { insertAudit } from './audits.ts';
import { cut, fit } from './columns.ts';
import { type Driver, hasEffect } from './driver.ts';
import { columnOrNull, makeColumnLookup, type OptionalColumn, requireColumn } from './optional.ts';
import { MAX_ID, readOptionalText, readOptionalTime, readWhole } from './rows.ts';
import { type Fragment, sql } from './sql.ts';
import { changeStatus, isStatus } from './status-change.ts';

/** The condition of announcements that may start: those that are not sent in parts, and no parts of one that is paused. */
export function mayStart(columns: ReadonlySet<string>): Fragment {
  const column = (name: OptionalColumn): Fragment => columnOrNull('push_announcement', name, columns);
  return sql`${column('local_time')} IS NULL AND ${column('repeat_at')} IS NULL
    AND COALESCE((SELECT whole.status FROM push_announcement whole
      WHERE whole.announcement_id = ${column('part_of')}), '') <> 'paused'`;
}

/** The statements of announcements that are sent in parts, and of times that move. */
export function makeSeries(driver: Driver): Series {
  const { now, nowPlus, at, epochMs } = driver.dialect;
  const fetchColumns = makeColumnLookup(driver, 'push_announcement');
  const fetchDeviceColumns = makeColumnLookup(driver, 'push_device');
  const publishMs = epochMs(sql`publish_at`);
  const isDueAt = (ms: number | null): Fragment =>
    ms === null ? sql`publish_at IS NULL` : sql`${publishMs} = ${ms}`;

  return {
    async fetchComing(limit, withinMs) {
      const rows = await driver.all(
        sql`SELECT announcement_id, ${publishMs} AS publish_ms FROM push_announcement
            WHERE status = 'scheduled' AND publish_at > ${now} AND publish_at <= ${nowPlus(withinMs)}
              AND announcement_id <= ${MAX_ID} AND ${mayStart(await fetchColumns())}
            ORDER BY publish_at LIMIT ${limit}`,
      );
      return rows.map((row) => ({
        announcementId: readWhole(row, 'announcement_id'),
        publishAt: readWhole(row, 'publish_ms'),
      }));
    },

    async fetchDueSeries(limit, withinMs) {
      const columns = await fetchColumns();
      const column = (name: string): Fragment => columnOrNull('push_announcement', name, columns);
      const rows = await driver.all(
        sql`SELECT announcement_id, ${publishMs} AS publish_ms FROM push_announcement
            WHERE status = 'scheduled' AND (publish_at IS NULL OR publish_at <= ${nowPlus(withinMs)})
              AND announcement_id <= ${MAX_ID}
              AND (${column('local_time')} IS NOT NULL OR ${column('repeat_at')} IS NOT NULL)
            ORDER BY publish_at LIMIT ${limit}`,
      );
      return rows.map((row) => ({
        announcementId: readWhole(row, 'announcement_id'),
        publishAt: readOptionalTime(row, 'publish_ms'),
      }));
    },

    async findByKey(idempotencyKey) {
      const [row] = await driver.all(
        sql`SELECT announcement_id, ${publishMs} AS publish_ms FROM push_announcement
            WHERE idempotency_key = ${fit('idempotency_key', idempotencyKey)}`,
      );
      if (!row) return null;
      return {
        announcementId: readWhole(row, 'announcement_id'),
        publishAt: readOptionalTime(row, 'publish_ms'),
      };
    },

    async fetchDueTime(announcementId) {
      const [row] = await driver.all(
        sql`SELECT ${publishMs} AS publish_ms FROM push_announcement
            WHERE announcement_id = ${announcementId} AND status = 'scheduled'`,
      );
      return row ? readOptionalTime(row, 'publish_ms') : null;
    },

    async moveTime(announcementId, was, { publishAt, reason, why }) {
      const update = sql`
        UPDATE push_announcement
        SET publish_at = ${at(publishAt)}, status_reason = ${cut('status_reason', reason)}
        WHERE announcement_id = ${announcementId} AND status = 'scheduled' AND ${isDueAt(was)}`;
      if (why === null) return hasEffect(driver, update);
      const line = { announcementId, source: null, actor: 'schedule', action: 'scheduled', why } as const;
      return driver.runTogether(update, insertAudit(driver.dialect, line));
    },

    async holdAnnouncement(announcementId, publishAt, reason, actor = 'baton') {
      const why = cut('status_reason', reason);
      return changeStatus(driver, announcementId, ['draft', 'scheduled'], null, (was) =>
        driver.runTogether(
          sql`UPDATE push_announcement
              SET status = 'scheduled', publish_at = ${at(publishAt)}, status_reason = ${why}
              WHERE announcement_id = ${announcementId} AND ${isStatus(was)}`,
          insertAudit(driver.dialect, {
            announcementId,
            source: null,
            actor,
            action: 'scheduled',
            was,
            became: 'scheduled',
            why,
          }),
        ),
      );
    },

    async fetchTimeZones() {
      requireColumn('push_device', 'time_zone', await fetchDeviceColumns());
      // From the index alone: MySQL steps from one zone to the next.
      const rows = await driver.all(sql`SELECT DISTINCT time_zone FROM push_device`);
      // An empty text is none, as a filter has it.
      return [...new Set(rows.map((row) => readOptionalText(row, 'time_zone') || null))];
    },

    async fetchParts(announcementId, limit) {
      const columns = await fetchColumns();
      if (!columns.has('part_of')) return [];
      const rows = await driver.all(
        sql`SELECT announcement_id, status FROM push_announcement WHERE part_of = ${announcementId}
            ORDER BY announcement_id DESC LIMIT ${limit}`,
      );
      return rows.map((row) => ({
        announcementId: readWhole(row, 'announcement_id'),
        status: readStatus(row),
      }));
    },
  };
}

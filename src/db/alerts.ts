import * as z from 'zod';
import {
  type Alert,
  ALERT_CHANNELS,
  ALERT_KINDS,
  type AlertChannel,
  type DueAlert,
  type NewAlert,
  type Watch,
} from '../model/alert.ts';
import { VERDICTS } from '../model/delivery.ts';
import type { Alerts } from '../store/alerts.ts';
import { insertAudit, parseEntry, selectAudit } from './audits.ts';
import { type Driver, hasEffect, type Row } from './driver.ts';
import { readOptionalText, readOptionalWhole, readOr, readText, readWhole, readWord } from './rows.ts';
import { type Fragment, sql } from './sql.ts';

/** The row of push_watch that says up to when the audit was looked through. */
const AUDIT = 0;

/** The announcement of a row of push_alert that is about none. */
const NO_ANNOUNCEMENT = 0;

const count = z.number();
const alertSchema: z.ZodType<Alert> = z.object({
  id: z.string(),
  kind: z.enum(ALERT_KINDS),
  at: count,
  stage: z.string(),
  source: z.string(),
  announcementId: count.nullable(),
  text: z.string(),
  reason: z.string().nullable(),
  balance: z
    .object({
      audience: count,
      excluded: count,
      delivered: count,
      unregistered: count,
      rejected: count,
      unknown: count,
      unsent: count,
    })
    .nullable(),
  counts: z.record(z.enum(VERDICTS), count).nullable(),
  next: z.string(),
});

/** The statements of push_alert and push_watch. */
export function makeAlerts(driver: Driver): Alerts {
  const { dialect } = driver;
  const { now, nowPlus, at, msUntil, epochMs, keepExisting, onConflict, incoming } = dialect;

  return {
    async fetchAuditMark() {
      const [row = {}] = await driver.all(
        sql`SELECT ${epochMs(now)} AS now_ms,
              (SELECT ${epochMs(sql`looked_at`)} FROM push_watch WHERE announcement_id = ${AUDIT}) AS mark_ms`,
      );
      return { nowMs: readWhole(row, 'now_ms'), markMs: readOptionalWhole(row, 'mark_ms') };
    },

    async recordAuditMark(markMs) {
      await driver.run(
        sql`INSERT INTO push_watch (announcement_id, progress, changed_at, looked_at)
            VALUES (${AUDIT}, '', ${now}, ${at(markMs)})
            ${onConflict(sql`announcement_id`)} looked_at = ${incoming(sql`looked_at`)}`,
      );
    },

    async fetchUnalerted(actions, fromMs, limit) {
      const rows = await driver.all(
        sql`${selectAudit(dialect)}
            WHERE at >= ${at(fromMs)} AND announcement_id IS NOT NULL AND action IN (${actions}) AND NOT EXISTS (
              SELECT 1 FROM push_alert
              WHERE push_alert.announcement_id = push_audit.announcement_id AND cause = audit_id)
            ORDER BY at, audit_id LIMIT ${limit}`,
      );
      return rows.flatMap((row) => readOr([], () => [parseEntry(row)], []));
    },

    async addAlerts(alerts, channels) {
      const rows = alerts.flatMap((each) => channels.map((channel) => newValues(each, channel, now)));
      if (rows.length === 0) return;
      await driver.run(
        sql`INSERT INTO push_alert (announcement_id, kind, cause, channel, content, made_at, due_at) VALUES ${rows}
            ${keepExisting(sql`announcement_id`)}`,
      );
    },

    async fetchDueAlerts(channels, limit) {
      const rows = await driver.all(
        sql`SELECT alert_id, announcement_id, kind, channel, content, attempts, ${msUntil(sql`made_at`)} AS made_in_ms
            FROM push_alert WHERE closed_at IS NULL AND due_at <= ${now} AND channel IN (${[...channels]})
            ORDER BY due_at, alert_id LIMIT ${limit}`,
      );
      return rows.flatMap((row) => readOr([], () => [parseDue(row)], []));
    },

    claimAlert(alert, leaseMs) {
      return hasEffect(
        driver,
        sql`UPDATE push_alert SET attempts = attempts + 1, due_at = ${nowPlus(leaseMs)}
            WHERE ${isClaim(alert)} AND due_at <= ${now}`,
      );
    },

    async postponeAlert(alert, waitMs) {
      await driver.run(sql`UPDATE push_alert SET due_at = ${nowPlus(waitMs)} WHERE ${isClaim(alert)}`);
    },

    closeAlert(alert, action, why) {
      const { announcementId } = alert;
      return driver.runTogether(
        sql`UPDATE push_alert SET closed_at = ${now} WHERE ${isClaim(alert)}`,
        insertAudit(dialect, { announcementId, source: null, actor: 'schedule', action, why }),
      );
    },

    async fetchWatches(limit) {
      const rows = await driver.all(
        sql`SELECT push_announcement.announcement_id, progress, held_ms,
              ${msUntil(sql`changed_at`)} AS changed_in_ms, ${msUntil(sql`looked_at`)} AS looked_in_ms,
              (SELECT MIN(CASE WHEN owner IS NULL THEN ${msUntil(sql`lease_until`)} ELSE 0 END)
               FROM push_hop
               WHERE push_hop.announcement_id = push_announcement.announcement_id
                 AND retries_kept = 0 AND closed_at IS NULL) AS due_in_ms
            FROM push_announcement
              LEFT JOIN push_watch ON push_watch.announcement_id = push_announcement.announcement_id
            WHERE status = 'running' ORDER BY push_announcement.announcement_id DESC LIMIT ${limit}`,
      );
      return rows.flatMap((row) => readOr([], () => [parseWatch(row)], []));
    },

    async recordWatch(announcementId, { progress, isQuiet, heldMs }) {
      const change = isQuiet ? sql`` : sql`changed_at = ${incoming(sql`changed_at`)},`;
      await driver.run(
        sql`INSERT INTO push_watch (announcement_id, progress, changed_at, held_ms, looked_at)
            VALUES (${announcementId}, ${progress}, ${now}, ${heldMs}, ${now})
            ${onConflict(sql`announcement_id`)} ${change} progress = ${incoming(sql`progress`)},
              held_ms = ${incoming(sql`held_ms`)}, looked_at = ${incoming(sql`looked_at`)}`,
      );
    },

    async forgetWatches() {
      await driver.run(
        sql`DELETE FROM push_watch WHERE announcement_id <> ${AUDIT} AND NOT EXISTS (
              SELECT 1 FROM push_announcement
              WHERE push_announcement.announcement_id = push_watch.announcement_id AND status = 'running')`,
      );
    },
  };
}

/** True for an alert as it was claimed last: a claim that has outlived its lease changes nothing. */
function isClaim({ alertId, attempts }: Pick<DueAlert, 'alertId' | 'attempts'>): Fragment {
  return sql`alert_id = ${alertId} AND attempts = ${attempts} AND closed_at IS NULL`;
}

function newValues({ alert, cause }: NewAlert, channel: AlertChannel, now: Fragment): Fragment {
  const { announcementId, kind } = alert;
  return sql`(${announcementId ?? NO_ANNOUNCEMENT}, ${kind}, ${cause}, ${channel}, ${JSON.stringify(alert)}, ${now}, ${now})`;
}

function parseDue(row: Row): DueAlert {
  return {
    alertId: readWhole(row, 'alert_id'),
    announcementId: readWhole(row, 'announcement_id') || null,
    kind: readWord(row, 'kind', ALERT_KINDS),
    channel: readWord(row, 'channel', ALERT_CHANNELS),
    alert: parseAlert(readText(row, 'content')),
    attempts: readWhole(row, 'attempts'),
    ageMs: -readWhole(row, 'made_in_ms'),
  };
}

function parseAlert(text: string): Alert | null {
  try {
    return alertSchema.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
}

function parseWatch(row: Row): Watch {
  const age = (column: string): number => Math.max(0, -(readOptionalWhole(row, column) ?? 0));
  return {
    announcementId: readWhole(row, 'announcement_id'),
    progress: readOptionalText(row, 'progress'),
    quietMs: age('changed_in_ms'),
    heldMs: readOptionalWhole(row, 'held_ms') ?? 0,
    lookedMs: age('looked_in_ms'),
    dueInMs: readOptionalWhole(row, 'due_in_ms'),
  };
}

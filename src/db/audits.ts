import { ANNOUNCEMENT_STATUSES, type AnnouncementStatus } from '../model/announcement.ts';
import { AUDIT_ACTIONS, type AuditEntry, type NewAuditEntry } from '../model/audit.ts';
import type { Audits } from '../store/audits.ts';
import { cut } from './columns.ts';
import type { Dialect, Driver, Row } from './driver.ts';
import { readOptionalText, readOptionalWhole, readText, readWhole, readWord } from './rows.ts';
import { type Fragment, sql, type Statement } from './sql.ts';

/** The statements of push_audit. */
export function makeAudits(driver: Driver): Audits {
  const select = selectAudit(driver.dialect);

  return {
    async recordAudit(entry) {
      await driver.run(insertAudit(driver.dialect, entry));
    },

    async fetchAudit(announcementId, limit, afterId = 0) {
      const rows = await driver.all(
        sql`${select} WHERE announcement_id = ${announcementId} AND audit_id > ${afterId} ORDER BY audit_id LIMIT ${limit}`,
      );
      return rows.map(parseEntry);
    },

    async fetchLatestAudit(limit) {
      const rows = await driver.all(sql`${select} ORDER BY audit_id DESC LIMIT ${limit}`);
      return rows.map(parseEntry);
    },

    async fetchSourceAudit(source, fromMs, toMs, limit) {
      const { at } = driver.dialect;
      const rows = await driver.all(
        sql`${select} WHERE source = ${source} AND announcement_id IS NULL AND at BETWEEN ${at(fromMs)} AND ${at(toMs)}
            ORDER BY at, audit_id LIMIT ${limit}`,
      );
      return rows.map(parseEntry);
    },
  };
}

/** `selectAudit` is a SELECT of the rows that `parseEntry` reads. */
export function selectAudit({ epochMs }: Pick<Dialect, 'epochMs'>): Fragment {
  return sql`SELECT audit_id, ${epochMs(sql`at`)} AS at_ms, announcement_id, source, actor, action, was, became, why
    FROM push_audit`;
}

/** The change of an announcement's status, if the entry is about one. */
export interface StatusChange {
  readonly was?: AnnouncementStatus | null;
  readonly became?: AnnouncementStatus | null;
}

/** `insertAudit` adds a line to the audit: in the transaction that makes the change. */
export function insertAudit(
  { now }: Pick<Dialect, 'now'>,
  { announcementId, source, actor, action, why, was = null, became = null }: NewAuditEntry & StatusChange,
): Statement {
  return sql`INSERT INTO push_audit (at, announcement_id, source, actor, action, was, became, why)
    VALUES (${now}, ${announcementId}, ${cut('source', source)}, ${cut('actor', actor)}, ${action}, ${was}, ${became},
      ${cut('why', why)})`;
}

export function parseEntry(row: Row): AuditEntry {
  const readStatus = (column: string): AnnouncementStatus | null =>
    row[column] === null ? null : readWord(row, column, ANNOUNCEMENT_STATUSES);
  return {
    auditId: readWhole(row, 'audit_id'),
    at: readWhole(row, 'at_ms'),
    announcementId: readOptionalWhole(row, 'announcement_id'),
    source: readOptionalText(row, 'source'),
    actor: readText(row, 'actor'),
    action: readWord(row, 'action', AUDIT_ACTIONS),
    was: readStatus('was'),
    became: readStatus('became'),
    why: readOptionalText(row, 'why'),
  };
}

import type { Actor } from '../model/audit.ts';
import { insertAudit } from './audits.ts';
import { cut } from './columns.ts';
import type { Driver } from './driver.ts';
import { requireColumn } from './optional.ts';
import { takeSnapshot } from './snapshot.ts';
import { type Fragment, sql } from './sql.ts';
import { changeStatus, isStatus } from './status-change.ts';

const NOTHING: Fragment = { sql: '', values: [] };

/**
 * Records who approves an announcement, with a copy of what it is to send, in one transaction. One that was paused before its
 * start becomes `scheduled`; any other one keeps its status. False if its status allows no approval.
 */
export async function approve(
  driver: Driver,
  columns: ReadonlySet<string>,
  announcementId: number,
  actor: Actor,
): Promise<boolean> {
  requireColumn('push_announcement', 'approved_by', columns);
  const { dialect } = driver;
  return changeStatus(driver, announcementId, ['draft', 'scheduled', 'paused', 'failed'], async (was) => {
    const [row = {}] = await driver.all(
      sql`SELECT started_at IS NOT NULL AS is_started FROM push_announcement WHERE announcement_id = ${announcementId}`,
    );
    const goesOn = was === 'paused' && row['is_started'] === 0;
    const next = goesOn
      ? sql`, status = 'scheduled', status_reason = NULL, publish_at = COALESCE(publish_at, ${dialect.now})`
      : NOTHING;
    const change = goesOn ? ({ was, became: 'scheduled' } as const) : {};
    return driver.runTogether(
      sql`UPDATE push_announcement SET approved_by = ${cut('actor', actor)}${next}
          WHERE announcement_id = ${announcementId} AND ${isStatus(was)}`,
      ...takeSnapshot(announcementId, columns),
      insertAudit(dialect, { announcementId, source: null, actor, action: 'approved', why: null, ...change }),
    );
  });
}

import type { Actor } from '../model/audit.ts';
import type { ApproveOptions } from '../store/announcements.ts';
import { insertAudit } from './audits.ts';
import { cut } from './columns.ts';
import type { Driver } from './driver.ts';
import { timeToGoOn } from './move.ts';
import { requireColumn } from './optional.ts';
import { takeSnapshot } from './snapshot.ts';
import { sql } from './sql.ts';
import { changeStatus, isStatus } from './status-change.ts';
import { isVersion } from './versions.ts';

/** An approval, and by whom. */
export interface Approving extends ApproveOptions {
  readonly actor: Actor;
}

/**
 * Records who approves an announcement, with a copy of what it is to send, in one transaction. With `goesOn`, one that was
 * paused before its start becomes `scheduled`; any other one keeps its status. False if its status allows no approval, or if it
 * is no longer of the version.
 */
export async function approve(
  driver: Driver,
  columns: ReadonlySet<string>,
  announcementId: number,
  { actor, goesOn = false, version = null }: Approving,
): Promise<boolean> {
  requireColumn('push_announcement', 'approved_by', columns);
  const { dialect } = driver;
  return changeStatus(
    driver,
    announcementId,
    ['draft', 'scheduled', 'paused', 'failed'],
    version,
    async (was) => {
      const [row = {}] = await driver.all(
        sql`SELECT started_at IS NOT NULL AS is_started FROM push_announcement WHERE announcement_id = ${announcementId}`,
      );
      const isFreed = goesOn && was === 'paused' && row['is_started'] === 0;
      const next = isFreed
        ? sql`, status = 'scheduled', status_reason = NULL, publish_at = ${timeToGoOn(columns, dialect.now)}`
        : sql``;
      const change = isFreed ? ({ was, became: 'scheduled' } as const) : {};
      return driver.runTogether(
        sql`UPDATE push_announcement SET approved_by = ${cut('actor', actor)}${next}
            WHERE announcement_id = ${announcementId} AND ${isStatus(was)} ${isVersion(driver.dialect, announcementId, columns, version)}`,
        ...takeSnapshot(announcementId, columns),
        insertAudit(dialect, {
          announcementId,
          source: null,
          actor,
          action: 'approved',
          why: null,
          ...change,
        }),
      );
    },
  );
}

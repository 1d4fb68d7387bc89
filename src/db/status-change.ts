import { ANNOUNCEMENT_STATUSES, type AnnouncementStatus } from '../model/announcement.ts';
import type { AuditAction } from '../model/audit.ts';
import { readStatus } from './announcement-rows.ts';
import type { Driver } from './driver.ts';
import type { RowVersion } from '../store/versions.ts';
import { type Fragment, sql } from './sql.ts';

/**
 * `changeStatus` reads the status and changes it from that one, so that the audit has the status that was there; again if it
 * has changed in between. False if it is none of `from`. A status that Baton does not know counts as a draft. With a version,
 * which `change` compares, it is false as soon as `change` has no effect.
 */
export async function changeStatus(
  driver: Driver,
  announcementId: number,
  from: readonly AnnouncementStatus[],
  version: RowVersion | null,
  change: (was: AnnouncementStatus) => Promise<boolean>,
): Promise<boolean> {
  for (;;) {
    const [row] = await driver.all(
      sql`SELECT status FROM push_announcement WHERE announcement_id = ${announcementId}`,
    );
    if (!row) return false;
    const was = readStatus(row);
    if (!from.includes(was)) return false;
    if (await change(was)) return true;
    if (version !== null) return false;
  }
}

/** The condition that a row has this status; a status that Baton does not know is a draft. */
export function isStatus(status: AnnouncementStatus): Fragment {
  return status === 'draft'
    ? sql`(status = 'draft' OR status NOT IN (${ANNOUNCEMENT_STATUSES}))`
    : sql`status = ${status}`;
}

/** The action of the audit that gives an announcement this status. */
export function actionOf(to: Exclude<AnnouncementStatus, 'running'>): AuditAction {
  switch (to) {
    case 'draft':
      return 'created';
    case 'scheduled':
    case 'paused':
    case 'cancelled':
    case 'failed':
    case 'done':
      return to;
  }
}

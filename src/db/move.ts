import { type AnnouncementStatus, hasEnded } from '../model/announcement.ts';
import type { Actor } from '../model/audit.ts';
import type { MoveOptions } from '../store/announcements.ts';
import { insertAudit } from './audits.ts';
import { cut } from './columns.ts';
import type { Driver } from './driver.ts';
import { columnOrNull } from './optional.ts';
import { renewSnapshot } from './snapshot.ts';
import { type Fragment, sql } from './sql.ts';
import { actionOf, changeStatus, isStatus } from './status-change.ts';
import { isVersion } from './versions.ts';

/** A move of an announcement to another status. */
export interface Moving extends MoveOptions {
  readonly from: readonly AnnouncementStatus[];
  readonly to: AnnouncementStatus;
  readonly reason: string | null;
  readonly actor: Actor;
}

/** `move` changes the status of an announcement in one conditional update: see `Announcements.moveAnnouncement`. */
export async function move(
  driver: Driver,
  columns: ReadonlySet<string>,
  announcementId: number,
  { from, to, reason, actor, acceptsAudience = null, keepsCopy = false, version = null }: Moving,
): Promise<boolean> {
  const { dialect } = driver;
  const { now } = dialect;
  return changeStatus(driver, announcementId, from, version, (was) => {
    const isUnchanged = sql`announcement_id = ${announcementId} AND ${isStatus(was)} ${isVersion(driver.dialect, announcementId, columns, version)}`;
    const why = cut('status_reason', reason);
    const entry = { announcementId, source: null, actor, was, became: to };
    if (to !== 'running') {
      return driver.runTogether(
        sql`UPDATE push_announcement
            SET status = ${to}, status_reason = ${why}, finished_at = ${hasEnded(to) ? now : null}
            WHERE ${isUnchanged}`,
        insertAudit(dialect, { ...entry, action: actionOf(to), why }),
      );
    }
    const isAccepted = acceptsAudience !== null && columns.has('expected_audience');
    const accepted = isAccepted ? `its audience is accepted: ${acceptsAudience.words}` : why;
    const expected = isAccepted ? sql`, expected_audience = ${acceptsAudience.pushes}` : sql``;
    // One that was stopped before it started has no hop that could go on: it starts at the next tick.
    return driver.runTogether(
      sql`UPDATE push_announcement
          SET publish_at = CASE WHEN started_at IS NULL THEN ${timeToGoOn(columns, now)} ELSE publish_at END,
            status = CASE WHEN started_at IS NULL THEN 'scheduled' ELSE 'running' END,
            status_reason = ${why}, finished_at = NULL${expected}
          WHERE ${isUnchanged}`,
      ...renewSnapshot(announcementId, columns, { keepsCopy }),
      insertAudit(dialect, { ...entry, action: 'resumed', why: accepted }),
    );
  });
}

/**
 * The time at which an announcement starts that a person lets go on. A part of another one that has waited for the person
 * starts now: its own time may be so old that it would be skipped.
 */
export function timeToGoOn(columns: ReadonlySet<string>, now: Fragment): Fragment {
  const partOf = columnOrNull('push_announcement', 'part_of', columns);
  return sql`CASE WHEN publish_at IS NULL OR (${partOf} IS NOT NULL AND publish_at < ${now}) THEN ${now} ELSE publish_at END`;
}

import type { Context } from '../context.ts';
import { PushError } from '../errors.ts';
import type { Announcement, AnnouncementStatus } from '../model/announcement.ts';
import type { AuditAction } from '../model/audit.ts';
import { findAnnouncement } from './announcement.ts';

/** Statuses of announcements that can be approved: while one runs, nothing changes what it sends. */
const APPROVABLE: readonly AnnouncementStatus[] = ['draft', 'scheduled', 'paused', 'failed'];

/** A person who did one of these is the first person, and cannot be the second. */
const FIRST_PERSON: readonly AuditAction[] = ['created', 'scheduled', 'start requested'];

/** Entries of the audit that are read to find the first person. */
const MAX_ENTRIES = 1000;

/**
 * Approves an announcement as its row is now: exactly that is sent. One that waits for approval goes on at the next tick.
 * PushError('FORBIDDEN') if the caller made it or asked for its start; ('NO_SUCH_ANNOUNCEMENT'), ('WRONG_STATUS'), and
 * ('BAD_INPUT') for a row that cannot be sent, or whose audience was edited since the start.
 */
export async function approveAnnouncement(
  { store, actor }: Pick<Context, 'store' | 'actor'>,
  announcementId: number,
): Promise<Announcement> {
  const { audience, problem, edited, status } = await findAnnouncement({ store }, announcementId);
  if (!APPROVABLE.includes(status)) throw refuseStatus(announcementId, status);
  if (audience === 'messages') {
    const got = `${announcementId}, a mailing, which needs no approval`;
    throw PushError.of('WRONG_STATUS', [{ field: 'announcementId', expected: 'a broadcast', got }]);
  }
  if (edited.includes('audience')) {
    const got = 'another one since then';
    throw PushError.of('BAD_INPUT', [{ field: 'audience', expected: audience, got }]);
  }
  if (problem !== null) {
    throw PushError.of('BAD_INPUT', [
      { field: 'announcementId', expected: 'a row that can be sent', got: problem },
    ]);
  }
  const own = await store.fetchAudit(announcementId, MAX_ENTRIES);
  const first = own.find((entry) => entry.actor === actor && FIRST_PERSON.includes(entry.action));
  if (first) {
    const did = first.action === 'start requested' ? 'asked for its start' : `has ${first.action} it`;
    const expected =
      'a second person, who neither made nor scheduled the announcement nor asked for its start';
    throw PushError.of('FORBIDDEN', [{ field: 'caller', expected, got: `${actor}, who ${did}` }]);
  }
  const isApproved = await store.approveAnnouncement(announcementId, actor);
  const announcement = await findAnnouncement({ store }, announcementId);
  if (isApproved) return announcement;
  throw refuseStatus(announcementId, announcement.status);
}

function refuseStatus(announcementId: number, status: AnnouncementStatus): PushError {
  const expected = `an announcement that is ${APPROVABLE.join(' or ')}`;
  return PushError.of('WRONG_STATUS', [
    { field: 'announcementId', expected, got: `${announcementId}, which is ${status}` },
  ]);
}

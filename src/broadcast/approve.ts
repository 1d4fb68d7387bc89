import type { Context } from '../context.ts';
import { PushError } from '../errors.ts';
import { type Announcement, type AnnouncementStatus, isSeries } from '../model/announcement.ts';
import type { AuditAction } from '../model/audit.ts';
import { findAnnouncement, findVersioned, refuseOtherAudience } from './announcement.ts';
import { isUnapproved, waitsForApproval, WAITS_FOR_APPROVAL } from './may-start.ts';

/** Statuses of announcements that can be approved: while one runs, nothing changes what it sends. */
const APPROVABLE: readonly AnnouncementStatus[] = ['draft', 'scheduled', 'paused', 'failed'];

/** A person who did one of these is the first person, and cannot be the second. */
const FIRST_PERSON: readonly AuditAction[] = ['created', 'scheduled', 'start requested'];

/** Entries of the audit that are read to find the first person. */
const MAX_ENTRIES = 1000;

/** Number of parts that go on with the approval of the whole. */
const MAX_PARTS = 1000;

/**
 * Approves an announcement as its row is now: exactly that is sent. One that waits for approval goes on at the next tick, and
 * so do the parts of it that wait for nothing else. PushError('FORBIDDEN') if the caller made it or asked for its start, or did
 * so with what it is a part of; ('NO_SUCH_ANNOUNCEMENT'), ('WRONG_STATUS'), and ('BAD_INPUT') for a row that cannot be sent,
 * that has another audience or filter than at the start, or that is edited at the same time.
 */
export async function approveAnnouncement(
  { store, actor }: Pick<Context, 'store' | 'actor'>,
  announcementId: number,
): Promise<Announcement> {
  const { announcement: was, row, isStarted, version } = await findVersioned({ store }, announcementId);
  if (!APPROVABLE.includes(was.status)) throw refuseStatus(announcementId, was.status);
  if (was.audience === 'messages') {
    const got = `${announcementId}, a mailing, which needs no approval`;
    throw PushError.of('WRONG_STATUS', [{ field: 'announcementId', expected: 'a broadcast', got }]);
  }
  if (isStarted) refuseOtherAudience(was);
  const { audience, problem } = row;
  if (audience !== was.audience) {
    throw PushError.of('BAD_INPUT', [{ field: 'audience', expected: was.audience, got: audience }]);
  }
  if (problem !== null) {
    throw PushError.of('BAD_INPUT', [
      { field: 'announcementId', expected: 'a row that can be sent', got: problem },
    ]);
  }
  await refuseFirstPerson({ store, actor }, announcementId, 'it');
  // Its maker has made the part, too.
  if (typeof row.partOf === 'number') {
    await refuseFirstPerson(
      { store, actor },
      row.partOf,
      `announcement ${row.partOf}, which it is a part of`,
    );
  }
  const options = { goesOn: waitsForApproval(was), version };
  const isApproved = await store.approveAnnouncement(announcementId, actor, options);
  const announcement = await findAnnouncement({ store }, announcementId);
  if (!isApproved && !APPROVABLE.includes(announcement.status))
    throw refuseStatus(announcementId, announcement.status);
  if (!isApproved) {
    const expected = 'a row that nobody edits or approves at the same time';
    throw PushError.of('BAD_INPUT', [{ field: 'announcementId', expected, got: String(announcementId) }]);
  }
  if (isSeries(announcement)) await freeParts({ store, actor }, announcement);
  return announcement;
}

/** PushError('FORBIDDEN') if the caller is the first person of an announcement, by its audit. */
async function refuseFirstPerson(
  { store, actor }: Pick<Context, 'store' | 'actor'>,
  announcementId: number,
  name: string,
): Promise<void> {
  const own = await store.fetchAudit(announcementId, MAX_ENTRIES);
  const first = own.find((entry) => entry.actor === actor && FIRST_PERSON.includes(entry.action));
  if (!first) return;
  const did =
    first.action === 'start requested'
      ? `asked for ${name === 'it' ? 'its start' : `the start of ${name}`}`
      : `has ${first.action} ${name}`;
  const expected = 'a second person, who neither made nor scheduled the announcement nor asked for its start';
  throw PushError.of('FORBIDDEN', [{ field: 'caller', expected, got: `${actor}, who ${did}` }]);
}

/** Lets the parts of an approved announcement go on that wait for nothing but approval, and send what was approved. */
async function freeParts(
  { store, actor }: Pick<Context, 'store' | 'actor'>,
  parent: Announcement,
): Promise<void> {
  for (const { announcementId, status } of await store.fetchParts(parent.announcementId, MAX_PARTS)) {
    if (status !== 'paused') continue;
    const versioned = await store.fetchVersioned(announcementId);
    if (versioned?.announcement.statusReason !== WAITS_FOR_APPROVAL) continue;
    const { announcement: part, version } = versioned;
    if (isUnapproved(part, { approval: 'required', parent })) continue;
    await store.moveAnnouncement(announcementId, ['paused'], 'running', null, actor, { version });
  }
}

function refuseStatus(announcementId: number, status: AnnouncementStatus): PushError {
  const expected = `an announcement that is ${APPROVABLE.join(' or ')}`;
  return PushError.of('WRONG_STATUS', [
    { field: 'announcementId', expected, got: `${announcementId}, which is ${status}` },
  ]);
}

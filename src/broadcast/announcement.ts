import type { Config } from '../config/config.ts';
import type { Context } from '../context.ts';
import { PushError } from '../errors.ts';
import { type Announcement, type AnnouncementStatus, isSeries } from '../model/announcement.ts';
import type { MoveOptions } from '../store.ts';
import type { RowVersion, Versioned } from '../store/versions.ts';
import { audienceIn, fetchParent, isUnapproved, waitsForApproval } from './may-start.ts';

/** What a person may do with an announcement: from which status, to which. */
export const MOVES = {
  pause: { from: ['running'], to: 'paused' },
  resume: { from: ['paused', 'failed'], to: 'running' },
  cancel: { from: ['draft', 'scheduled', 'running', 'paused', 'failed'], to: 'cancelled' },
} as const satisfies Record<string, { from: readonly AnnouncementStatus[]; to: AnnouncementStatus }>;

export type Move = keyof typeof MOVES;

/** The announcement with this id. PushError('NO_SUCH_ANNOUNCEMENT') if there is none. */
export async function findAnnouncement(
  { store }: Pick<Context, 'store'>,
  announcementId: number,
): Promise<Announcement> {
  return (await store.fetchAnnouncement(announcementId)) ?? refuseUnknown(announcementId);
}

function refuseUnknown(announcementId: number): never {
  const expected = 'the id of a row in push_announcement';
  throw PushError.of('NO_SUCH_ANNOUNCEMENT', [
    { field: 'announcementId', expected, got: String(announcementId) },
  ]);
}

/** `findAnnouncement` with the version of what was read. */
export async function findVersioned(
  { store }: Pick<Context, 'store'>,
  announcementId: number,
): Promise<Versioned> {
  return (await store.fetchVersioned(announcementId)) ?? refuseUnknown(announcementId);
}

/**
 * Pauses, resumes or cancels an announcement; one that has the new status already stays as it is.
 * PushError('NO_SUCH_ANNOUNCEMENT'), or ('WRONG_STATUS') where its status does not allow the move.
 */
export async function moveAnnouncement(
  { store, actor }: Pick<Context, 'store' | 'actor'>,
  announcementId: number,
  move: Move,
  options: MoveOptions = {},
): Promise<Announcement> {
  const { from, to } = MOVES[move];
  const isMoved = await store.moveAnnouncement(announcementId, from, to, null, actor, options);
  const announcement = await findAnnouncement({ store }, announcementId);
  if (isMoved || announcement.status === to) return announcement;
  // Of one that is sent in parts, the parts to come are paused.
  if (move === 'pause' && isSeries(announcement)) {
    if (await store.moveAnnouncement(announcementId, ['scheduled'], to, null, actor)) {
      return findAnnouncement({ store }, announcementId);
    }
  }
  const expected = `an announcement that is ${from.join(' or ')}`;
  const got = `${announcementId}, which is ${announcement.status}`;
  throw PushError.of('WRONG_STATUS', [{ field: 'announcementId', expected, got }]);
}

/** PushError('WRONG_STATUS') for an announcement that is sent in parts: nobody but the schedule can start it. */
export function refuseSeries(announcement: Announcement): void {
  if (!isSeries(announcement)) return;
  const expected = 'an announcement without localTime and repeat: the schedule sends those in parts';
  const got = String(announcement.announcementId);
  throw PushError.of('WRONG_STATUS', [{ field: 'announcementId', expected, got }]);
}

/** Records in the audit who asks for a start: the invocation that starts the announcement does not know it. */
export async function recordStartRequest(
  { store, actor }: Pick<Context, 'store' | 'actor'>,
  announcementId: number,
  fromId: number,
): Promise<void> {
  const why = fromId === 0 ? null : `from id ${fromId}`;
  await store.recordAudit({ announcementId, source: null, actor, action: 'start requested', why });
}

/** What a person accepts when resuming an announcement. */
export interface Accepts {
  /** Send the rest as the row is now, with what was edited in it since the start. */
  readonly acceptEdits: boolean;
  /** The devices are really gone: answers that are nearly all unregistered do not fail the announcement again. */
  readonly acceptUnregistered: boolean;
}

/**
 * Resumes an announcement with what the caller accepts; the audience of one that was paused at its start because of it is
 * accepted as it is. PushError('BAD_INPUT') if the audience or its filter was edited: the hops of an announcement to devices go
 * over ids of devices, those of a mailing over ids of messages; and the devices of another filter may be in pages that are sent
 * already. ('WRONG_STATUS') if a second person has to approve it first.
 */
export async function resumeAnnouncement(
  { store, actor, config }: Resumer,
  announcementId: number,
  { acceptEdits, acceptUnregistered }: Accepts,
): Promise<Announcement> {
  const announcement = await findAnnouncement({ store }, announcementId);
  await checkApproval({ store, config }, announcement);
  if (acceptEdits) {
    refuseOtherAudience(announcement);
    const isRefused = needsApproval({ config }, announcement);
    if (isRefused && announcement.edited.length > 0) {
      throw refuseUnapproved(announcementId, 'edits that nobody has approved');
    }
    // Without edits there is nothing to accept, and one that comes in this moment is not approved.
    if (!isRefused) await store.acceptEdits(announcementId, actor);
  }
  if (acceptUnregistered) await store.acceptUnregistered(announcementId, actor);
  // What nobody has approved is not sent, even if no phone has shown what was.
  const keepsCopy = !announcement.dryRun && needsApproval({ config }, announcement);
  const options = { acceptsAudience: audienceIn(announcement.statusReason), keepsCopy };
  return moveAnnouncement({ store, actor }, announcementId, 'resume', options);
}

/**
 * PushError('BAD_INPUT') if the audience or its filter was edited since the start of an announcement: the rest would go to
 * other devices than the beginning, and the pages that are sent already would never be read again.
 */
export function refuseOtherAudience({ edited, audience }: Pick<Announcement, 'edited' | 'audience'>): void {
  const got = 'another one since the start';
  if (edited.includes('audience')) {
    throw PushError.of('BAD_INPUT', [{ field: 'audience', expected: audience, got }]);
  }
  if (edited.includes('filter')) {
    const expected = 'the filter that it was started with: another audience takes a new announcement';
    throw PushError.of('BAD_INPUT', [{ field: 'filter', expected, got }]);
  }
}

/** What a resume is made with. */
export interface Resumer extends Pick<Context, 'store' | 'actor'> {
  readonly config: Pick<Config, 'approval'>;
}

/** PushError('WRONG_STATUS') for an announcement that waits for approval: a resume is none. */
async function checkApproval(
  { store, config }: Pick<Resumer, 'store' | 'config'>,
  announcement: Announcement,
): Promise<void> {
  if (!waitsForApproval(announcement)) return;
  const parent = await fetchParent({ store }, announcement);
  if (!isUnapproved(announcement, { ...config, parent })) return;
  throw refuseUnapproved(announcement.announcementId, 'one that nobody has approved');
}

/** True if edits of an announcement count only once a second person has approved them. */
function needsApproval({ config }: Pick<Resumer, 'config'>, { audience, approvedBy }: Announcement): boolean {
  if ((approvedBy ?? null) !== null) return true;
  return config.approval === 'required' && audience === 'devices';
}

function refuseUnapproved(announcementId: number, got: string): PushError {
  const expected = `approval by a second person first (baton approve ${announcementId})`;
  return PushError.of('WRONG_STATUS', [{ field: 'announcementId', expected, got }]);
}

/**
 * Stops a running announcement as `failed`, for a reason in words; or, with `from`, one that has not started. Its hops stay
 * open and go on after a resume; what was `misconfigured` is sent again then. False if its status is another one, or if it is
 * no longer of the version.
 */
export async function failAnnouncement(
  { store, log, metrics }: Pick<Context, 'store' | 'log' | 'metrics'>,
  announcementId: number,
  reason: string,
  from: readonly AnnouncementStatus[] = ['running'],
  version: RowVersion | null = null,
): Promise<boolean> {
  const isFailed = await store.moveAnnouncement(announcementId, from, 'failed', reason, 'baton', { version });
  if (!isFailed) return false;
  log.error('announcement failed', { announcementId, reason });
  metrics.record({ AnnouncementsFailed: 1 });
  return true;
}

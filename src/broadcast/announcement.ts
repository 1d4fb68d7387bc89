import type { Announcement, AnnouncementStatus } from '../model/announcement.ts';
import { fetchNamed } from './hop.ts';
import type { Context } from '../context.ts';
import { PushError } from '../errors.ts';

/** What a person may do with an announcement: from which status, to which. */
export const MOVES = {
  pause: { from: ['running'], to: 'paused' },
  resume: { from: ['paused', 'failed'], to: 'running' },
  cancel: { from: ['draft', 'scheduled', 'running', 'paused', 'failed'], to: 'cancelled' },
} as const satisfies Record<string, { from: readonly AnnouncementStatus[]; to: AnnouncementStatus }>;

export type Move = keyof typeof MOVES;

/** Throws PushError('NO_SUCH_ANNOUNCEMENT'), or ('WRONG_STATUS'); one that is there already is left as it is. */
export async function moveAnnouncement(
  { store }: Pick<Context, 'store'>,
  announcementId: number,
  move: Move,
): Promise<Announcement> {
  const { from, to } = MOVES[move];
  const isMoved = await store.moveAnnouncement(announcementId, from, to, null);
  const announcement = await fetchNamed({ store }, { announcementId });
  if (isMoved || announcement.status === to) return announcement;
  const expected = `an announcement that is ${from.join(' or ')}`;
  const got = `${announcementId}, which is ${announcement.status}`;
  throw PushError.of('WRONG_STATUS', [{ field: 'announcementId', expected, got }]);
}

import type { Content } from './content.ts';

export const ANNOUNCEMENT_STATUSES = [
  'draft',
  'scheduled',
  'running',
  'paused',
  'cancelled',
  'failed',
  'done',
] as const;
export type AnnouncementStatus = (typeof ANNOUNCEMENT_STATUSES)[number];

/** Statuses of announcements that have ended. A failed one can still be resumed. */
export const END_STATUSES: readonly AnnouncementStatus[] = ['done', 'cancelled', 'failed'];

/** True for the status of an announcement that has ended. */
export function hasEnded(status: AnnouncementStatus): boolean {
  return END_STATUSES.includes(status);
}

/**
 * What a crash may do to the pushes in flight.
 * - `at-least-once`: they may be sent again.
 * - `at-most-once`: they are never sent again, and end as `unknown`.
 */
export const GUARANTEES = ['at-least-once', 'at-most-once'] as const;
export type Guarantee = (typeof GUARANTEES)[number];

/**
 * Whom an announcement is for.
 * - `devices`: every device.
 * - `messages`: the recipient of each of its messages (a mailing). Its hops go over message ids, not device ids.
 */
export const AUDIENCES = ['devices', 'messages'] as const;
export type Audience = (typeof AUDIENCES)[number];

/** More lanes would only wait for one another: four already feed FCM's default quota many times over. */
export const MAX_LANES = 100;

/** An announcement that has no id yet. */
export interface NewAnnouncement {
  readonly source: string;
  readonly guarantee: Guarantee;
  /** How long FCM may hold a push (time to live), and how long Baton retries one. Null: FCM's own 4 weeks. */
  readonly ttlSeconds: number | null;
  /** FCM only validates every message (`validate_only`); no phone shows one. */
  readonly dryRun: boolean;
  /** Number of chains of hops that go over the devices side by side, from 1 to MAX_LANES. */
  readonly lanes: number;
  readonly content: Content;
}

/**
 * An announcement as its row says. From its start on it is as its row was then: an edit of the row of a running announcement
 * changes nothing for the rest of the audience.
 */
export interface Announcement extends Omit<NewAnnouncement, 'content'> {
  readonly announcementId: number;
  /** Null: the row cannot be sent, for the reason in `problem`. */
  readonly content: Content | null;
  readonly problem: string | null;
  /** Columns of the row that were changed after the start, without effect. */
  readonly edited: readonly string[];
  readonly audience: Audience;
  readonly status: AnnouncementStatus;
  /** True: answers that are nearly all `unregistered` are accepted and do not stop the announcement. */
  readonly acceptUnregistered: boolean;
  /** Why the announcement has its status, in words for a person; null where the status says it all. */
  readonly statusReason: string | null;
}

/** An announcement that can be sent. */
export type SendableAnnouncement = Announcement & { readonly content: Content };

export function isSendable(announcement: Announcement): announcement is SendableAnnouncement {
  return announcement.content !== null && announcement.problem === null;
}

import type { Content } from './content.ts';
import type { DeviceFilter } from './filter.ts';
import type { Locales } from './locales.ts';

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

/** Statuses of announcements that a start sets running. */
export const BEFORE_START = ['draft', 'scheduled'] as const satisfies readonly AnnouncementStatus[];

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

/** The languages that the texts of an announcement may be templates in. */
export const TEMPLATE_LANGUAGES = ['liquid'] as const;
export type TemplateLanguage = (typeof TEMPLATE_LANGUAGES)[number];

/** Whom an announcement is for, in which words, and when; each part is absent or null where it says nothing. */
export interface Aim {
  /** The devices that a broadcast is for; null: all. */
  readonly filter?: DeviceFilter | null;
  /** Content by locale, for devices that say theirs. */
  readonly locales?: Locales | null;
  /** Its texts are templates in this language; null: they are sent as they are. */
  readonly template?: TemplateLanguage | null;
  /** The announcement starts only if the number of its pushes is within 10% of this. */
  readonly expectedAudience?: number | null;
  /** Wall-clock time without a zone, such as `2026-12-24T18:00`: each device gets it at this time in its own zone. */
  readonly localTime?: string | null;
  /** Each occurrence is an announcement of its own: a cron expression, in an IANA time zone. */
  readonly repeat?: { readonly at: string; readonly zone: string } | null;
  /** The id of the announcement that this one is a part or an occurrence of. */
  readonly partOf?: number | null;
}

/** True for an announcement that is sent in parts, each an announcement of its own: it never sends anything itself. */
export function isSeries({ localTime, repeat }: Pick<Aim, 'localTime' | 'repeat'>): boolean {
  return (localTime ?? null) !== null || (repeat ?? null) !== null;
}

/** An announcement that has no id yet. */
export interface NewAnnouncement extends Aim {
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
 * An announcement as its row says. From its approval or its start on it is as its row was then: an edit of the row of a running
 * announcement changes nothing for the rest of the audience.
 */
export interface Announcement extends Omit<NewAnnouncement, 'content'> {
  readonly announcementId: number;
  /** Null: the row cannot be sent, for the reason in `problem`. */
  readonly content: Content | null;
  readonly problem: string | null;
  /** Columns of the row that were changed after the approval or the start, without effect. */
  readonly edited: readonly string[];
  readonly audience: Audience;
  readonly status: AnnouncementStatus;
  /** True: answers that are nearly all `unregistered` are accepted and do not stop the announcement. */
  readonly acceptUnregistered: boolean;
  /** Who has approved it as it is here; absent or null: nobody. */
  readonly approvedBy?: string | null;
  /** Why the announcement has its status, in words for a person; null where the status says it all. */
  readonly statusReason: string | null;
}

/** An announcement that can be sent. */
export type SendableAnnouncement = Announcement & { readonly content: Content };

export function isSendable(announcement: Announcement): announcement is SendableAnnouncement {
  return announcement.content !== null && announcement.problem === null;
}

import type { AnnouncementStatus } from '../model/announcement.ts';
import type { Actor } from '../model/audit.ts';

/** A part of an announcement that is sent in parts: an occurrence of a repeat, or the zones with one instant of a local time. */
export interface Part {
  readonly announcementId: number;
  readonly status: AnnouncementStatus;
}

/** The times of scheduled announcements, and the parts of those that are sent in parts. Times are milliseconds since the epoch. */
export interface Series {
  /** As `fetchDue`, those whose time comes within so many milliseconds, the next one first. */
  fetchComing(limit: number, withinMs: number): Promise<{ announcementId: number; publishAt: number }[]>;
  /**
   * Scheduled announcements that are sent in parts and whose next time comes within so many milliseconds, the next one first;
   * before them those without a time, whose rows a back end wrote.
   */
  fetchDueSeries(
    limit: number,
    withinMs: number,
  ): Promise<{ announcementId: number; publishAt: number | null }[]>;
  /** The announcement with an idempotency key, and its time; null: there is none. */
  findByKey(idempotencyKey: string): Promise<{ announcementId: number; publishAt: number | null } | null>;
  /** When a scheduled announcement is due; null if it is not scheduled, or has no time. */
  fetchDueTime(announcementId: number): Promise<number | null>;
  /**
   * Sets the next time of an announcement that is sent in parts, in one conditional update; false if it is no longer scheduled
   * for `was`. `why` is for the audit; null: no line.
   */
  moveTime(
    announcementId: number,
    was: number | null,
    next: { readonly publishAt: number; readonly reason: string; readonly why: string | null },
  ): Promise<boolean>;
  /** Schedules a draft or scheduled announcement for a later time, with the reason; false if it was neither. */
  holdAnnouncement(
    announcementId: number,
    publishAt: number,
    reason: string,
    actor?: Actor,
  ): Promise<boolean>;
  /** The time zones that devices say, each once; null: of devices that say none. PushError('BAD_INPUT') if a view lacks the column. */
  fetchTimeZones(): Promise<(string | null)[]>;
  /** The latest parts of an announcement, the latest first. */
  fetchParts(announcementId: number, limit: number): Promise<Part[]>;
}

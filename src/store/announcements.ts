import type { Announcement, AnnouncementStatus, NewAnnouncement } from '../model/announcement.ts';
import type { Actor } from '../model/audit.ts';
import type { HopKey } from '../model/hop.ts';
import type { AudienceCount } from '../model/summary.ts';
import type { RowVersion, Versions } from './versions.ts';

/**
 * Announcements and their status, and the ticks of the schedule. A change and its line in the audit are one transaction;
 * `actor` says who makes it, and is Baton itself if absent.
 */
export interface Announcements extends Versions {
  /** Adds an announcement as a draft; resolves to its id. */
  createAnnouncement(announcement: NewAnnouncement, actor?: Actor): Promise<number>;
  /**
   * Adds an announcement as scheduled for `publishAt` (milliseconds since the epoch). If one with this idempotency key exists
   * already, it stays as it is, and the call resolves to its id; `isSame` is false if it was made for another content.
   */
  createAnnouncementOnce(
    announcement: NewAnnouncement,
    idempotencyKey: string,
    publishAt: number,
    actor?: Actor,
  ): Promise<{ announcementId: number; isNew: boolean; isSame: boolean }>;
  /** Null if there is no announcement with this id. */
  fetchAnnouncement(announcementId: number): Promise<Announcement | null>;
  /** Announcements of any status, the latest first; with `beforeId`, only those with a smaller id. */
  fetchLatest(limit: number, beforeId?: number): Promise<AnnouncementSummary[]>;
  /** Running, paused and failed announcements, the latest first. */
  fetchUnfinished(limit: number): Promise<Announcement[]>;
  /**
   * Changes the status in one conditional update; false if the status was none of `from`. A status that Baton does not know
   * counts as `draft`. Instead of `running`, an announcement that has not started becomes `scheduled`; one that no phone can
   * have shown is from then on what its row says, unless what it sends was approved.
   */
  moveAnnouncement(
    announcementId: number,
    from: readonly AnnouncementStatus[],
    to: AnnouncementStatus,
    reason: string | null,
    actor?: Actor,
    options?: MoveOptions,
  ): Promise<boolean>;
  /**
   * Records who approves an announcement that is draft, scheduled, paused or failed, and keeps a copy of what it is to send:
   * from then on edits of its row have no effect. False if it had another status.
   */
  approveAnnouncement(announcementId: number, actor: Actor, options?: ApproveOptions): Promise<boolean>;
  /** Sets a draft or scheduled announcement to start at `publishAt` (milliseconds since the epoch); false if it was neither. */
  scheduleAnnouncement(announcementId: number, publishAt: number, actor?: Actor): Promise<boolean>;
  /** Counts the pushes that an announcement is for: the devices from `fromId` on that receive pushes, or those of a mailing. */
  countAudience(
    announcement: Pick<Announcement, 'announcementId' | 'audience' | 'filter'>,
    fromId: number,
  ): Promise<Pick<AudienceCount, 'devices' | 'lastId'>>;
  /**
   * Sets a draft or scheduled announcement running, keeps a copy of what it is to send (of an approved one, that of its
   * approval), and plants the first hop of each lane, in one transaction; false if it was neither. The first lane begins at the key's id, the others at `laneIds`; each
   * ends where the next begins, and the last one with the audience, if that is given.
   */
  startAnnouncement(
    key: HopKey,
    wakeWithinMs: number,
    laneIds?: readonly number[],
    options?: StartOptions,
  ): Promise<boolean>;
  /** What was edited in the row of a paused or failed announcement since its start is sent from now on. */
  acceptEdits(announcementId: number, actor?: Actor): Promise<void>;
  /** From now on answers that are nearly all `unregistered` do not stop the announcement. */
  acceptUnregistered(announcementId: number, actor?: Actor): Promise<void>;
  /** Changes `running` to `done` if no hop is open and `round` was the last; false otherwise. */
  finishAnnouncement(announcementId: number, round: number): Promise<boolean>;
  /** Fails scheduled announcements whose id is beyond 2^53 - 1, which no job can name; resolves to their number. */
  failUnnameable(): Promise<number>;
  /** Ids of scheduled announcements whose `publish_at` has passed; no series, and no parts of one that is paused. */
  fetchDue(limit: number): Promise<number[]>;
  /** Running announcements without an open hop, and their last round. */
  fetchFinished(limit: number): Promise<{ announcementId: number; round: number }[]>;
  /** Records that the schedule has ticked. */
  recordTick(): Promise<void>;
  /** Milliseconds since the last tick; null if there has been none. */
  fetchTickAgeMs(): Promise<number | null>;
}

/** A condition of a change. */
export interface OfVersion {
  /** The change has no effect, and is false, if the announcement is no longer as it was read; null: it may be. */
  readonly version?: RowVersion | null;
}

export interface StartOptions extends OfVersion {
  readonly audience?: Pick<AudienceCount, 'devices' | 'lastId'>;
  readonly actor?: Actor;
}

export interface ApproveOptions extends OfVersion {
  /** True: if it was paused before its start, it becomes `scheduled`. */
  readonly goesOn?: boolean;
}

export interface MoveOptions extends OfVersion {
  /** With `running`, before the start: the audience that the caller accepts, and expects from then on. Null: none. */
  readonly acceptsAudience?: AcceptedAudience | null;
  /** With `running`: what it sends stays as it was at its start, even if no phone has shown it. */
  readonly keepsCopy?: boolean;
}

/** A number of pushes that a person accepts, and the words for the audit. */
export interface AcceptedAudience {
  readonly words: string;
  readonly pushes: number;
}

/** One announcement in a list: of its content, only the title. Times are milliseconds since the epoch. */
export interface AnnouncementSummary extends Pick<
  Announcement,
  'announcementId' | 'audience' | 'source' | 'status' | 'statusReason' | 'dryRun'
> {
  readonly title: string;
  readonly publishAt: number | null;
  readonly startedAt: number | null;
  readonly finishedAt: number | null;
}

import type { Announcement } from '../model/announcement.ts';
import type { Actor } from '../model/audit.ts';
import type { HopKey } from '../model/hop.ts';

/**
 * What is deleted when it is old. Announcements, hops and the audit stay, so that the numbers do. Each delete is a small batch
 * that may run twice; what is deleted last says that there is still something to delete.
 */
export interface Retention {
  /** Takes the turn to delete a batch; false if somebody else deletes, or a rest is not over. */
  claimPruning(leaseMs: number): Promise<boolean>;
  /** Gives the turn back: nobody deletes anything for so long. */
  restPruning(ms: number): Promise<void>;
  /** Announcements that ended more than `ageMs` ago and still have something to delete, by id, after that of `afterId`. */
  fetchOldAnnouncements(ageMs: number, afterId: number, limit: number): Promise<OldAnnouncement[]>;
  /**
   * Hops whose deliveries are to be counted before any is deleted, in this order: all hops of an announcement that an earlier
   * release has worked on, which kept no numbers. Empty if the hops have them.
   */
  fetchUncountedHops(announcementId: number): Promise<HopKey[]>;
  /** Keeps the numbers of a hop's deliveries in its row. Those of a retry round are counted in the pages of round 0. */
  countPage(hop: HopKey): Promise<void>;
  /**
   * Records that the announcement's deliveries are deleted from now on; a failed one becomes `cancelled`, as it cannot be
   * resumed without them. False if its status has changed, or it has been recorded before.
   */
  beginPruning(announcement: OldAnnouncement, ageMs: number, actor: Actor): Promise<boolean>;
  /** Deletes the next rows of an announcement, at most `limit` and roughly as many; null if there are none left. */
  pruneBatch(announcementId: number, limit: number): Promise<Pruned | null>;
  /** Deletes the next messages that were sent at once more than `ageMs` ago, and their deliveries; null if there are none. */
  pruneAtOnce(ageMs: number, limit: number): Promise<Pruned | null>;
  /**
   * Deletes the next alerts that were sent or given up more than `ageMs` ago, and at the end what the tick remembers of
   * announcements that no longer run; null if there are none left. What belongs to a running announcement stays: it says what
   * was alerted already.
   */
  pruneAlerts(ageMs: number, limit: number): Promise<Pruned | null>;
  /** Counts the messages that were sent at once more than `ageMs` ago. */
  countOldMessages(ageMs: number): Promise<number>;
}

/** An announcement whose deliveries are old enough to be deleted. */
export interface OldAnnouncement extends Pick<Announcement, 'announcementId' | 'status'> {
  readonly title: string;
  /** Milliseconds since the epoch. */
  readonly endedAt: number;
  /** True: some of its deliveries are deleted already. */
  readonly isBegun: boolean;
}

/** Number of rows that were deleted. */
export interface Pruned {
  readonly deliveries: number;
  readonly messages: number;
}

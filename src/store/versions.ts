import type { Announcement } from '../model/announcement.ts';

/** What a row and its snapshot were when they were read. A change that is given it has no effect once they are different. */
export type RowVersion = readonly string[];

export interface Versioned {
  readonly announcement: Announcement;
  /** As the row is now, whatever was approved or started. */
  readonly row: Announcement;
  readonly isStarted: boolean;
  readonly version: RowVersion;
}

/** Announcements with their version. */
export interface Versions {
  /** Null if there is no announcement with this id. */
  fetchVersioned(announcementId: number): Promise<Versioned | null>;
}

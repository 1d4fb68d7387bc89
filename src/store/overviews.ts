import type { SourceBudget } from '../model/budget.ts';
import type { AnnouncementSummary } from '../store.ts';

/** What the dashboard shows of everything: small reads that it may repeat every other second, but for the one that says so. */
export interface Overviews {
  /** Running and paused announcements, the latest first. */
  fetchCurrent(limit: number): Promise<AnnouncementSummary[]>;
  /** Scheduled announcements, the next one first. */
  fetchSchedule(limit: number): Promise<AnnouncementSummary[]>;
  /** Columns of the rows of announcements that were edited since the approval or the start, without effect; by id, where there are any. */
  fetchEdited(announcementIds: readonly number[]): Promise<Map<number, readonly string[]>>;
  /** The budgets of the sources that have sent anything. */
  fetchSourceBudgets(): Promise<SourceBudget[]>;
  /** Counts all devices: reads the whole table. */
  countDevicesByState(): Promise<{ readonly active: number; readonly unregistered: number }>;
}

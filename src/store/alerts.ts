import type { AlertChannel, DueAlert, NewAlert, Watch } from '../model/alert.ts';
import type { AuditAction, AuditEntry } from '../model/audit.ts';

/** Alerts, which the tick makes from the audit and from what it sees of running announcements, and sends. */
export interface Alerts {
  /** Up to when the audit was looked through (null: not yet), and the time now; both in milliseconds since the epoch. */
  fetchAuditMark(): Promise<{ readonly markMs: number | null; readonly nowMs: number }>;
  recordAuditMark(markMs: number): Promise<void>;
  /** Entries about announcements since a time (milliseconds since the epoch) that no alert is about; the earliest first. */
  fetchUnalerted(actions: readonly AuditAction[], fromMs: number, limit: number): Promise<AuditEntry[]>;
  /** Adds alerts for each of the channels. Those that exist already stay as they are. */
  addAlerts(alerts: readonly NewAlert[], channels: readonly AlertChannel[]): Promise<void>;
  /** Alerts that are due for one of the channels; at least one channel. */
  fetchDueAlerts(channels: readonly AlertChannel[], limit: number): Promise<DueAlert[]>;
  /** Takes an alert for one attempt; false if another tick has it. The caller counts one attempt more from then on. */
  claimAlert(alert: Pick<DueAlert, 'alertId' | 'attempts'>, leaseMs: number): Promise<boolean>;
  /** Gives a claimed alert back for an attempt in `waitMs`. */
  postponeAlert(alert: Pick<DueAlert, 'alertId' | 'attempts'>, waitMs: number): Promise<void>;
  /** Ends a claimed alert, with a line in the audit in the same transaction; false if another tick has it. */
  closeAlert(
    alert: Pick<DueAlert, 'alertId' | 'attempts' | 'announcementId'>,
    action: 'alert sent' | 'alert failed',
    why: string,
  ): Promise<boolean>;
  /** The latest running announcements, and what the tick before saw of them. */
  fetchWatches(limit: number): Promise<Watch[]>;
  /** Records what this tick has seen of a running announcement. Its quiet time goes on if it `isQuiet`. */
  recordWatch(
    announcementId: number,
    seen: { readonly progress: string; readonly isQuiet: boolean; readonly heldMs: number },
  ): Promise<void>;
  /** Deletes what was seen of announcements that run no more. */
  forgetWatches(): Promise<void>;
}

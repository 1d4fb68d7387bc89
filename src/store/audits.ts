import type { AuditEntry, NewAuditEntry } from '../model/audit.ts';

/** Who changed what, when and why. */
export interface Audits {
  recordAudit(entry: NewAuditEntry): Promise<void>;
  /** Entries about an announcement, the earliest first; with `afterId`, only those after that one. */
  fetchAudit(announcementId: number, limit: number, afterId?: number): Promise<AuditEntry[]>;
  /** The latest entries about whatever it is, the latest first. */
  fetchLatestAudit(limit: number): Promise<AuditEntry[]>;
  /** Entries about a source from one time to another (milliseconds since the epoch, inclusive), the earliest first. */
  fetchSourceAudit(source: string, fromMs: number, toMs: number, limit: number): Promise<AuditEntry[]>;
}

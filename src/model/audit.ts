import type { AnnouncementStatus } from './announcement.ts';

/** What can happen to an announcement, or to a source. */
export const AUDIT_ACTIONS = [
  'created',
  'scheduled',
  'start requested',
  'approved',
  'started',
  'paused',
  'resumed',
  'cancelled',
  'failed',
  'done',
  'edits accepted',
  'unregistered accepted',
  'throttled',
  'outage',
  'outage over',
  'devices restored',
  'pruned',
  'alert sent',
  'alert failed',
] as const;
export type AuditAction = (typeof AUDIT_ACTIONS)[number];

/**
 * Who has changed something: `api:NAME` (a token's name, or what a gateway says of its caller), `cli:NAME` (the user of the
 * terminal), `event` (an event of AWS, or a direct invoke), `schedule` (the tick), or `baton` (a hop, by its answers).
 */
export type Actor = `api:${string}` | `cli:${string}` | 'event' | 'schedule' | 'baton';

/** One line of the audit. */
export interface AuditEntry {
  readonly auditId: number;
  /** Milliseconds since the epoch, by the database's clock. */
  readonly at: number;
  /** Null: it is about a source. */
  readonly announcementId: number | null;
  readonly source: string | null;
  readonly actor: string;
  readonly action: AuditAction;
  readonly was: AnnouncementStatus | null;
  readonly became: AnnouncementStatus | null;
  /** In words for a person; null where the action says it all. */
  readonly why: string | null;
}

export type NewAuditEntry = Pick<AuditEntry, 'announcementId' | 'source' | 'action' | 'why'> & {
  readonly actor: Actor;
};

import type { Counts } from './delivery.ts';
import { CHECKS } from './notice.ts';
import type { Balance } from './summary.ts';

/**
 * What an alert says of an announcement.
 * - `started`, `done`: it has this status now. Mailings have no such alerts: there may be one a minute.
 * - `failed`: it has failed; once for each time that it fails.
 * - `paused`: it was paused at its start: a person has to accept its audience, or to approve it. A pause by a person is none.
 * - `stalled`: nothing was sent or recorded for some minutes, although nothing holds it up.
 * - `throttled`: FCM has throttled its source, or was down, for some minutes in all.
 * - `failure-rate`: too large a share of its pushes will never arrive.
 */
export const ANNOUNCEMENT_ALERT_KINDS = [
  'started',
  'done',
  'failed',
  'paused',
  'stalled',
  'throttled',
  'failure-rate',
] as const;
export type AnnouncementAlertKind = (typeof ANNOUNCEMENT_ALERT_KINDS)[number];

/** What alerts are about: an announcement, or what a check has found (see model/notice.ts). */
export const ALERT_KINDS = [...ANNOUNCEMENT_ALERT_KINDS, ...CHECKS] as const;
export type AlertKind = (typeof ALERT_KINDS)[number];

/** Ways to send an alert. Each configured one gets every alert. */
export const ALERT_CHANNELS = ['webhook', 'sns'] as const;
export type AlertChannel = (typeof ALERT_CHANNELS)[number];

/** An alert as it was made: every attempt sends the same. It has nothing of the announcement's content. */
export interface Alert {
  /** By this the receiver recognizes a repeat. */
  readonly id: string;
  readonly kind: AlertKind;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly stage: string;
  /** An empty text: it is about no source. */
  readonly source: string;
  /** Null: it is about no announcement. */
  readonly announcementId: number | null;
  /** What happened, in one sentence. */
  readonly text: string;
  /** In words for a person; null where the text says it all. */
  readonly reason: string | null;
  /** Null: the audience was not counted. */
  readonly balance: Balance | null;
  /** Deliveries by verdict; null: not counted. */
  readonly counts: Counts | null;
  /** What to do. */
  readonly next: string;
}

/** A new alert with its place in the table: an alert of the same announcement, kind and cause is made once. */
export interface NewAlert {
  readonly alert: Alert;
  /** The line of the audit that it is about, or the notice; 0: the announcement as a whole. */
  readonly cause: number;
}

/** An alert that waits to be sent to one channel. */
export interface DueAlert {
  readonly alertId: number;
  readonly announcementId: number | null;
  readonly kind: AlertKind;
  readonly channel: AlertChannel;
  /** Null: the row cannot be read. */
  readonly alert: Alert | null;
  readonly attempts: number;
  /** Milliseconds since it was made. */
  readonly ageMs: number;
}

/** A running announcement, and what the tick before saw of it. */
export interface Watch {
  readonly announcementId: number;
  /** Stands for what was done until then; null: no tick has seen it yet. */
  readonly progress: string | null;
  /** Milliseconds since the progress changed, or the announcement had something to wait for. */
  readonly quietMs: number;
  /** Milliseconds, in total, for which its source was held up. */
  readonly heldMs: number;
  /** Milliseconds since the tick before. */
  readonly lookedMs: number;
  /** Milliseconds until an open hop is due, at most 0 while one is held or overdue; null without an open hop. */
  readonly dueInMs: number | null;
}

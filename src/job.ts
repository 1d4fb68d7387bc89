import { PushError } from './errors.ts';
import type { NewAnnouncement } from './model/announcement.ts';
import type { HopKey } from './model/hop.ts';
import type { CheckName } from './model/notice.ts';

/**
 * What an event asks the function to do. HTTP requests are not jobs: http/ answers them, and makes jobs where work has to go
 * on after the answer.
 */
export type PushJob = BroadcastJob | ScanJob | AnnounceJob | CheckJob | QueueJob | MessagesJob;

/** Go on with a broadcast at one hop; at an announcement that has not started, start it. */
export interface BroadcastJob extends HopKey {
  readonly kind: 'broadcast';
  /** Number of lanes, for the job that starts the announcement; absent: as the announcement says. */
  readonly lanes?: number | undefined;
  /** The announcement is due at this time, in milliseconds since the epoch: the invocation waits for it. Absent: it is due. */
  readonly startsAt?: number | undefined;
}

/** The minute tick: start what is due, wake what has stalled, close what is finished. */
export interface ScanJob {
  readonly kind: 'scan';
}

/** Put an announcement into the table, and start it if it is due. */
export interface AnnounceJob {
  readonly kind: 'announce';
  /** Null: FCM_SOURCE. */
  readonly source: string | null;
  readonly announcement: Omit<NewAnnouncement, 'source'>;
  /** Milliseconds since the epoch; null: now. */
  readonly publishAt: number | null;
  /** A second job with the same key makes no second announcement; null: the id of the request is the key. */
  readonly idempotencyKey: string | null;
}

/**
 * Look for what will break a broadcast before it does: `doctor` checks that everything is set up correctly, `radar` looks for
 * what is about to be retired, and `canary` sends silent pushes to the team's own phones.
 */
export interface CheckJob {
  readonly kind: CheckName;
  /** The announcement that starts soon, for which the check is made; absent: none. */
  readonly announcementId?: number | undefined;
}

/** Send the messages in these records of an SQS batch at once. */
export interface QueueJob {
  readonly kind: 'queue';
  readonly records: readonly QueueRecord[];
}

/** Send the messages in one record of a topic or a bus at once. */
export interface MessagesJob {
  readonly kind: 'messages';
  /** Where the record comes from and its id there, the same at every delivery: the beginning of its messages' keys. */
  readonly recordKey: string;
  /** One message, or several in `messages`: each is parsed by itself, where it is sent. */
  readonly body: unknown;
}

/** What a record of a topic or a bus may start only if RECORDS_MAY_START names it. */
export const RECORD_STARTS = ['announcements', 'scan', 'doctor'] as const;
export type RecordStart = (typeof RECORD_STARTS)[number];

export interface QueueRecord {
  /** SQS's own id, the same at every delivery of the record. */
  readonly recordId: string;
  readonly body: string;
  /** SQS's MessageGroupId, of a FIFO queue or a fair one; null: none. */
  readonly group: string | null;
  /** True: the records of a group have to be sent one after another, as in a FIFO queue. */
  readonly isOrdered: boolean;
}

/** The job that starts an announcement, at its first device. */
export function firstJob(announcementId: number): BroadcastJob {
  return { kind: 'broadcast', announcementId, round: 0, fromId: 0 };
}

/** The job that takes up the same hop again. */
export function sameJob({ announcementId, round, fromId }: HopKey): BroadcastJob {
  return { kind: 'broadcast', announcementId, round, fromId };
}

/** The job of the next hop. The recursion ends because the cursor only grows: PushError('CURSOR_STUCK') if it does not. */
export function nextJob(key: HopKey, nextId: number): BroadcastJob {
  if (nextId > key.fromId) return { ...sameJob(key), fromId: nextId };
  throw new PushError(
    'CURSOR_STUCK',
    `announcement ${key.announcementId}: the next cursor: expected more than ${key.fromId}, got ${nextId}`,
  );
}

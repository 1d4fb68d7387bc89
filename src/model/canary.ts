import type { Verdict } from './delivery.ts';
import type { DeviceInTable } from './device.ts';
import type { Platform } from './filter.ts';
import { toDay } from '../words.ts';

/** A round goes to so many phones at most: they are the team's own. */
export const MAX_CANARIES = 100;

/** A phone that has the push answers within seconds; after this time it is silent. */
export const ANSWER_WITHIN_MS = 900_000;

/** What the names of rounds begin with: by this a receipt is known from one of an announcement or a message. */
export const ROUND_PREFIX = 'canary-';

/** The key in the data of a push that says what the phone has to answer with. */
export const ROUND_KEY = 'baton_id';

/** The name of the round that belongs to a day, or to the announcement that comes next. */
export function roundOf(nowMs: number, announcementId?: number): string {
  return announcementId === undefined
    ? `${ROUND_PREFIX}${toDay(nowMs)}`
    : `${ROUND_PREFIX}a${announcementId}`;
}

/** The name of a round that a person asks for: it has one of its own each second. */
export function roundOfPerson(nowMs: number): string {
  return `${ROUND_PREFIX}${new Date(nowMs).toISOString().slice(0, 19).replaceAll(':', '')}`;
}

/** A device that is marked as a canary. Times are milliseconds since the epoch. */
export interface Canary extends DeviceInTable {
  readonly platform: Platform | null;
  /** Since when it gets no pushes, because FCM has reported its app as gone; null: it gets them. */
  readonly unregisteredAt: number | null;
}

/** What became of the push of one round to one canary. Times are milliseconds since the epoch. */
export interface CanaryPush {
  readonly round: string;
  readonly deviceId: number;
  readonly sentAt: number;
  /** Milliseconds since then, by the clock of the database. */
  readonly ageMs: number;
  /** Null: the invocation ended before it had recorded FCM's answer, so the push may have been sent. */
  readonly verdict: Verdict | null;
  readonly reason: string | null;
  /** When the receipt of the phone arrived; null: it has not. */
  readonly answeredAt: number | null;
}

/** A receipt of a canary. */
export interface CanaryAnswer {
  readonly round: string;
  /** The phone's own target: nobody else knows it. It is never logged or shown. */
  readonly target: string;
}

/** The run in push_check that says when the canaries were judged last; a round that is sent is the run `canary`. */
export const JUDGED = 'canary-judged';

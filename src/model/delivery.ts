import type { Notification } from './content.ts';
import type { Device, Target } from './device.ts';

/**
 * What became of a push.
 * - `delivered`: FCM accepted the message.
 * - `unregistered`: the app is gone from the device.
 * - `rejected`: this device's target will never work; other devices are not affected.
 * - `retryable`: FCM did not take it this time; a retry round sends it again.
 * - `misconfigured`: not the device's fault (credentials, project, payload): every other push fails in the same way.
 * - `unknown`: no answer arrived, so FCM may or may not have accepted it.
 * - `unsent`: not sent yet; goes first when the hop goes on.
 */
export const VERDICTS = [
  'delivered',
  'unregistered',
  'rejected',
  'retryable',
  'misconfigured',
  'unknown',
  'unsent',
] as const;
export type Verdict = (typeof VERDICTS)[number];

/** Verdicts that nothing replaces: FCM has said so permanently, to whichever invocation. */
export const FINAL_VERDICTS: readonly Verdict[] = ['delivered', 'unregistered', 'rejected'];

/** Verdicts that cost a device no attempt: a repeat of the same hop sends these pushes first. */
export const OPEN_VERDICTS: readonly Verdict[] = ['misconfigured', 'unsent'];

/** The reason of a push whose target was replaced while it was on its way: it is sent again, to the new one. */
export const TARGET_REPLACED = 'TARGET_REPLACED';

/**
 * The reason of a push whose row says `fid` of what is too long for one, or `token` of what is too short: it is sent again as the
 * other kind.
 */
export const WRONG_KIND = 'WRONG_KIND';

/** Number of deliveries by verdict. */
export type Counts = Readonly<Record<Verdict, number>>;

/** Counts deliveries by verdict. */
export function countVerdicts(deliveries: Iterable<{ readonly verdict: Verdict }>): Counts {
  const counts = Object.fromEntries(VERDICTS.map((verdict) => [verdict, 0])) as Record<Verdict, number>;
  for (const { verdict } of deliveries) counts[verdict]++;
  return counts;
}

/** Number of deliveries of any verdict. */
export function sumCounts(counts: Counts): number {
  return VERDICTS.reduce((sum, verdict) => sum + counts[verdict], 0);
}

/** What names a push within its announcement. */
export interface PushId {
  readonly deviceId: number;
  /** Absent: the push carries the announcement's own content. */
  readonly messageId?: number;
}

/** `keyOf` is a text that no other push of the announcement has. */
export function keyOf({ messageId = 0, deviceId }: PushId): string {
  return `${messageId}/${deviceId}`;
}

/** One push of a page. */
export interface Push extends Device, PushId {
  /** The message's own notification; absent: the announcement's. */
  readonly own?: Notification;
  /** The verdict that the ledger has of it; absent: none, or not asked for, as in round 0. */
  readonly was?: Verdict;
  /** Milliseconds after which it is not retried; null or absent: the announcement decides. */
  readonly expiresInMs?: number | null;
}

/** FCM's answer to one push; the nth outcome belongs to the nth push. */
export interface Outcome {
  readonly verdict: Exclude<Verdict, 'unsent'>;
  /** FCM's own error code, or the HTTP status with Google's word for the cause, or Baton's code where no answer arrived; null when delivered. */
  readonly reason: string | null;
  /** FCM's name for the accepted message, `projects/…/messages/…`. */
  readonly messageName: string | null;
  /** How long FCM asks to wait before the next attempt; at most MAX_RETRY_AFTER_MS. */
  readonly retryAfterMs: number | null;
  /** FCM says that the target is at fault, so that the refusal is this device's own. */
  readonly blamesTarget?: boolean;
  /** Another row has a target of the same install, which gets pushes: that this one is gone says nothing about the project. */
  readonly isSuperseded?: boolean;
  /** FCM's own words about a refusal, for a person: one line of limited length, without the target. */
  readonly words?: string;
}

/** A longer wait that FCM asks for is cut to this: after a day Baton tries again. */
export const MAX_RETRY_AFTER_MS = 86_400_000;

/** What is to be written to the ledger about one push. */
export interface Delivery extends PushId, Pick<Outcome, 'reason' | 'messageName'> {
  readonly verdict: Verdict;
  /** Milliseconds until the next attempt; null: no further attempt. */
  readonly retryInMs: number | null;
  /** Where a refused push went: its device is changed only if it still has this target. */
  readonly sentTo?: Target;
}

/** A delivery as the ledger has it. */
export interface Recorded extends Pick<Delivery, 'verdict' | 'reason' | 'messageName'> {
  readonly round: number;
  readonly isToRetry: boolean;
}

/** A delivery of an announcement to one device. Times are milliseconds since the epoch. */
export interface DeviceDelivery extends Pick<Delivery, 'verdict' | 'reason' | 'messageName'> {
  readonly announcementId: number;
  readonly attempts: number;
  readonly recordedAt: number;
  /** When it is to be sent again; null: never. */
  readonly retryAt: number | null;
}

/** A message to a device or to its member. Times are milliseconds since the epoch. */
export interface DeviceMessage {
  readonly messageId: number;
  /** Its mailing; 0: it is sent at once, in no mailing; null: it waits for its time. */
  readonly announcementId: number | null;
  readonly publishAt: number | null;
  /** What became of it on this device; null: nothing yet. */
  readonly delivery: DeviceDelivery | null;
}

/** Recorded deliveries by message id, then by device id. */
export type Ledger = ReadonlyMap<number, ReadonlyMap<number, Recorded>>;

/** Pushes with the same key replace each other on the phone: a repeat does not show twice. At most 64 bytes. */
export function collapseKeyOf(
  push: { readonly announcementId: number } | { readonly messageId: number },
): string {
  return 'messageId' in push ? `baton-m${push.messageId}` : `baton-${push.announcementId}`;
}

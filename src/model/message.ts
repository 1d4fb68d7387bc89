import type { Content, Notification } from './content.ts';
import type { DeviceDelivery, Recorded } from './delivery.ts';
import type { Device } from './device.ts';
import type { TemplateUse } from './message-template.ts';
import type { TopicName } from './topic.ts';

/** Who gets a message: one device, all devices of a member, or the subscribers of a topic (as device 0). */
export type Recipient =
  | { readonly deviceId: number; readonly memberId: null; readonly topic?: undefined }
  | { readonly deviceId: null; readonly memberId: string; readonly topic?: undefined }
  | { readonly deviceId: 0; readonly memberId: null; readonly topic: TopicName };

/** A message that has no id yet. */
export interface NewMessage extends Pick<Notification, 'content' | 'ttlSeconds'> {
  /** A second message with the same key is not a new message. */
  readonly messageKey: string;
  readonly source: string;
  readonly recipient: Recipient;
  /** The announcement that it is a test send of; 0: a text that is no announcement; absent: it is no test send. */
  readonly testOf?: number;
  /** Its content is made of this template, for each device; it has none of its own. */
  readonly template?: TemplateUse;
}

/** A message as its row says, with the devices that it goes to. */
export interface Message {
  readonly messageId: number;
  /** Null: the row cannot be sent, for the reason in `problem`. */
  readonly content: Content | null;
  readonly problem: string | null;
  readonly ttlSeconds: number | null;
  /** Milliseconds until its time to live is over; null: it has none. */
  readonly expiresInMs: number | null;
  readonly devices: readonly Device[];
  /** Its content is made of this template: see messages/fill-in.ts. */
  readonly template?: TemplateUse;
  /** What each device gets of the template, by device id; absent: it is not filled in. */
  readonly filled?: ReadonlyMap<number, Filled>;
  /** Why it cannot be sent, if not for its row. */
  readonly refusal?: string;
}

/** What a device gets of a message that names a template, or the reason why it gets nothing. */
export type Filled = Pick<Notification, 'content' | 'ttlSeconds'> | { readonly refusal: string };

/** What names a message and the invocation that has claimed it. */
export type MessageClaim = Pick<ClaimedMessage, 'messageId' | 'owner'>;

/** A message to be sent at once, as its claimant finds it. */
export interface ClaimedMessage extends Message {
  readonly owner: string;
  /** True: the claimant before did not give it back. It may be alive, and about to record what it has sent. */
  readonly isTakenOver: boolean;
  /** False: another invocation sends it, and holds it for `leaseMs` more. */
  readonly isMine: boolean;
  /** False: the message's key is that of an earlier message with other content, which this one is not. */
  readonly isSame: boolean;
  readonly leaseMs: number;
  /** What the ledger already has of it, by device id. */
  readonly recorded: ReadonlyMap<number, Recorded>;
}

/**
 * The first characters of the keys of the test sends to a device, which are in the order of time: by them, the latest ones are
 * found without an index of their own.
 */
export function testKeyPrefix(deviceId: number): string {
  return `test:${deviceId}:`;
}

/** The key of a test send. Each request is a test of its own. */
export function testKeyOf(deviceId: number, nowMs: number, requestId: string): string {
  return `${testKeyPrefix(deviceId)}${nowMs}:${requestId}`;
}

/** A test send as its device met it. Times are milliseconds since the epoch. */
export interface TestDelivery extends Pick<
  DeviceDelivery,
  'verdict' | 'reason' | 'messageName' | 'recordedAt'
> {
  readonly messageId: number;
  /** 0: a text that is no announcement. */
  readonly testOf: number;
}

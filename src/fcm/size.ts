import { type ContentInput, makeContent, type Mark, type Notification } from '../model/content.ts';
import { collapseKeyOf } from '../model/delivery.ts';
import { restMessage } from './message.ts';

/** https://firebase.google.com/docs/cloud-messaging/concept-options : the whole message without its target. */
export const MAX_MESSAGE_BYTES = 4096;

/** The longest key that Baton assigns: the message's own key is not known yet, but counts towards the size. */
export const LONGEST_COLLAPSE_KEY = collapseKeyOf({ messageId: Number.MAX_SAFE_INTEGER });

/** Any moment serves: `apns-expiration`, in seconds, has ten digits until the year 2286. */
const ANY_MOMENT_MS = Date.UTC(2026, 0, 1);

/** Whether FCM takes a message of this size: it refuses a larger one once for each device. */
export function fitsFcm(input: ContentInput): boolean {
  return sizeOf(input) <= MAX_MESSAGE_BYTES;
}

/** The problem that a schema reports if `fitsFcm` is false. */
export const TOO_BIG = {
  path: ['body'],
  error: (issue: { input?: unknown }): string =>
    `a message of at most ${MAX_MESSAGE_BYTES} bytes in all; this one has ${sizeOf(issue.input as ContentInput)}`,
};

function sizeOf(input: ContentInput): number {
  return bytesOf({ ...makeContent(input), collapseKey: LONGEST_COLLAPSE_KEY });
}

/** The size of a message without its target, as FCM counts it. */
export function bytesOf(notification: Notification): number {
  return Buffer.byteLength(JSON.stringify(restMessage(notification, ANY_MOMENT_MS)));
}

/** The message with its mark, or without it if it would then be too long for FCM. */
export function withMark<N extends Notification>(notification: N, mark: Mark | undefined): N {
  if (mark === undefined) return notification;
  const marked = { ...notification, mark };
  return bytesOf(marked) <= MAX_MESSAGE_BYTES ? marked : notification;
}

import { type ContentInput, makeContent } from '../model/content.ts';
import { collapseKeyOf } from '../model/delivery.ts';
import { restMessage } from './message.ts';

/** https://firebase.google.com/docs/cloud-messaging/concept-options : the whole message without its target. */
const MAX_MESSAGE_BYTES = 4096;

/** The longest key that Baton assigns: the message's own key is not known yet, but counts towards the size. */
const LONGEST_COLLAPSE_KEY = collapseKeyOf({ messageId: Number.MAX_SAFE_INTEGER });

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
  const message = restMessage({ ...makeContent(input), collapseKey: LONGEST_COLLAPSE_KEY }, ANY_MOMENT_MS);
  return Buffer.byteLength(JSON.stringify(message));
}

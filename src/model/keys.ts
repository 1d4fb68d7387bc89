/*
 * The idempotency keys that Baton makes itself. They share a column with those of requests, which may not begin like them.
 */

const PART = 'part:';
const REQUEST = 'request:';

/** How the keys begin that Baton makes itself. */
export const OWN_KEYS = [PART, REQUEST] as const;

/** True for a key that begins like those that Baton makes itself. */
export function isOwnKey(key: string): boolean {
  return OWN_KEYS.some((beginning) => key.startsWith(beginning));
}

/** `keyOfPart` makes the key of the nth part of an announcement that has this instant. */
export function keyOfPart(announcementId: number, instant: number, nth: number): string {
  return `${PART}${announcementId}:${instant}${nth === 0 ? '' : `:${nth}`}`;
}

/** `keyOfRequest` makes the key of a request that has none, from the id that Lambda repeats it under. */
export function keyOfRequest(requestId: string): string {
  return `${REQUEST}${requestId}`;
}

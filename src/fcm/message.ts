import type { BaseMessage } from 'firebase-admin/messaging';
import type { Batch } from '../context.ts';

/**
 * The message in the words of HTTP v1, all but its target.
 * https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages
 *
 * The collapse key, the tags and apns-collapse-id make a repeat of the same push replace the first on the phone.
 */
export function restMessage(
  { content, collapseKey, ttlSeconds }: Batch,
  nowMs: number,
): Record<string, unknown> {
  const { title, body, image, data } = content;
  return {
    notification: { title, body, ...(image === null ? {} : { image }) },
    ...(Object.keys(data).length === 0 ? {} : { data }),
    android: {
      collapse_key: collapseKey,
      ...(ttlSeconds === null ? {} : { ttl: `${ttlSeconds}s` }),
      notification: { tag: collapseKey },
    },
    ...apnsAndWeb(collapseKey, ttlSeconds, nowMs),
  };
}

/** The same message in the words of firebase-admin. */
export function sdkMessage({ content, collapseKey, ttlSeconds }: Batch, nowMs: number): BaseMessage {
  const { title, body, image, data } = content;
  return {
    notification: { title, body, ...(image === null ? {} : { imageUrl: image }) },
    ...(Object.keys(data).length === 0 ? {} : { data: { ...data } }),
    android: {
      collapseKey,
      ...(ttlSeconds === null ? {} : { ttl: ttlSeconds * 1000 }),
      notification: { tag: collapseKey },
    },
    ...apnsAndWeb(collapseKey, ttlSeconds, nowMs),
  };
}

/** Alike in both. APNs takes the moment of expiry in seconds since the epoch, the web a time to live in seconds. */
function apnsAndWeb(collapseKey: string, ttlSeconds: number | null, nowMs: number) {
  const expiry =
    ttlSeconds === null ? {} : { 'apns-expiration': String(Math.floor(nowMs / 1000) + ttlSeconds) };
  return {
    apns: { headers: { 'apns-collapse-id': collapseKey, ...expiry } },
    webpush: {
      ...(ttlSeconds === null ? {} : { headers: { TTL: String(ttlSeconds) } }),
      notification: { tag: collapseKey },
    },
  };
}

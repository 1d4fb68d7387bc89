import type { BaseMessage } from 'firebase-admin/messaging';
import type { Batch } from '../context.ts';

/**
 * The message in the words of HTTP v1, all but its target.
 * https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages
 *
 * The collapse key, the tags and apns-collapse-id make a repeat of the same push replace the first on the phone.
 */
export function restMessage({ content, collapseKey }: Batch): Record<string, unknown> {
  const { title, body, image, data } = content;
  return {
    notification: { title, body, ...(image === null ? {} : { image }) },
    ...(Object.keys(data).length === 0 ? {} : { data }),
    android: { collapse_key: collapseKey, notification: { tag: collapseKey } },
    apns: { headers: { 'apns-collapse-id': collapseKey } },
    webpush: { notification: { tag: collapseKey } },
  };
}

/** The same message in the words of firebase-admin. */
export function sdkMessage({ content, collapseKey }: Batch): BaseMessage {
  const { title, body, image, data } = content;
  return {
    notification: { title, body, ...(image === null ? {} : { imageUrl: image }) },
    ...(Object.keys(data).length === 0 ? {} : { data: { ...data } }),
    android: { collapseKey, notification: { tag: collapseKey } },
    apns: { headers: { 'apns-collapse-id': collapseKey } },
    webpush: { notification: { tag: collapseKey } },
  };
}

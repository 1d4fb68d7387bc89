import type { Notification } from '../model/content.ts';
import type { BaseMessage, Message } from 'firebase-admin/messaging';
import type { Addressee, Batch } from '../context.ts';
import { isObject } from '../parse.ts';

type Json = Readonly<Record<string, unknown>>;

/** Makes a function that writes the JSON request for a device. The batch's message is written once: only the target differs. */
export function makeBody(batch: Batch, nowMs: number): (device: Addressee) => string {
  const before = batch.dryRun ? '{"validate_only":true,"message":{' : '{"message":{';
  const write = (message: Notification): string =>
    `,${JSON.stringify(restMessage(message, nowMs)).slice(1)}}`;
  const after = write(batch);
  return ({ targetKind, target, own }) =>
    `${before}"${targetKind}":${JSON.stringify(target)}${own ? write(own) : after}`;
}

/** Makes a function that makes firebase-admin's message for a device. */
export function makeSdkMessage(batch: Batch, nowMs: number): (device: Addressee) => Message {
  const common = sdkMessage(batch, nowMs);
  return ({ targetKind, target, own }) => {
    const message = own ? sdkMessage(own, nowMs) : common;
    return targetKind === 'fid' ? { ...message, fid: target } : { ...message, token: target };
  };
}

/**
 * `restMessage` makes the message without its target, in the format of HTTP v1.
 * https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages
 *
 * The collapse key, the tags and apns-collapse-id make a repeat of the same push replace the first on the phone. APNs expects
 * the time of expiry in seconds since the epoch, the web a time to live in seconds. Apps get a link in their `data`.
 */
export function restMessage({ content, collapseKey, ttlSeconds }: Notification, nowMs: number): Json {
  const { title, body, image, options } = content;
  const { link, clickAction, sound, badge, priority, analyticsLabel } = options;
  const isHigh = priority === 'high';
  const data = { ...content.data, ...(link === undefined ? {} : { link }) };
  const android = omitUndefined({
    collapse_key: collapseKey,
    ttl: ttlSeconds === null ? undefined : `${ttlSeconds}s`,
    priority,
    notification: omitUndefined({
      tag: collapseKey,
      click_action: clickAction,
      sound,
      notification_count: badge,
    }),
  });
  const aps = omitUndefined({ sound, badge, category: clickAction });
  const apns = omitUndefined({
    headers: omitUndefined({
      'apns-collapse-id': collapseKey,
      'apns-expiration': ttlSeconds === null ? undefined : String(Math.floor(nowMs / 1000) + ttlSeconds),
      'apns-priority': priority && (isHigh ? '10' : '5'),
    }),
    payload: Object.keys(aps).length === 0 ? undefined : { aps },
  });
  const headers = omitUndefined({
    TTL: ttlSeconds === null ? undefined : String(ttlSeconds),
    Urgency: priority,
  });
  const webpush = omitUndefined({
    headers: Object.keys(headers).length === 0 ? undefined : headers,
    notification: { tag: collapseKey },
    fcm_options: link === undefined ? undefined : { link },
  });
  return omitUndefined({
    notification: omitUndefined({ title, body, image: image ?? undefined }),
    data: Object.keys(data).length === 0 ? undefined : data,
    android: merge(android, options.android),
    apns: merge(apns, options.apns),
    webpush: merge(webpush, options.webpush),
    fcm_options: analyticsLabel === undefined ? undefined : { analytics_label: analyticsLabel },
  });
}

/** `sdkMessage` makes the message for firebase-admin: the format of HTTP v1, with Android's time to live in milliseconds. */
export function sdkMessage(parts: Notification, nowMs: number): BaseMessage {
  const message = restMessage(parts, nowMs) as { android: { ttl?: string } };
  const { ttl, ...android } = message.android;
  return {
    ...message,
    android: { ...android, ...(ttl === undefined ? {} : { ttl: Number.parseFloat(ttl) * 1000 }) },
  };
}

function omitUndefined(fields: Json): Json {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

/** Replaces fields of `base` by those of `override`, level by level. */
function merge(base: Json, override: Json | undefined): Json {
  if (override === undefined) return base;
  const merged = Object.entries(override).map(([name, value]): [string, unknown] => {
    const inner = Object.hasOwn(base, name) ? base[name] : undefined;
    return [name, isObject(inner) && isObject(value) ? merge(inner, value) : value];
  });
  return { ...base, ...Object.fromEntries(merged) };
}

import type { Notification } from '../model/content.ts';
import type { BaseMessage, Message } from 'firebase-admin/messaging';
import type { Addressee, Batch } from '../context.ts';
import { isObject } from '../parse.ts';

type Json = Readonly<Record<string, unknown>>;

/** The request for a device as JSON. The batch's message is written once; only the target differs from device to device. */
export function makeBody(batch: Batch, nowMs: number): (device: Addressee) => string {
  const before = batch.dryRun ? '{"validate_only":true,"message":{' : '{"message":{';
  const write = (message: Notification): string =>
    `,${JSON.stringify(restMessage(message, nowMs)).slice(1)}}`;
  const after = write(batch);
  return ({ targetKind, target, own }) =>
    `${before}"${targetKind}":${JSON.stringify(target)}${own ? write(own) : after}`;
}

/** The message for a device in the words of firebase-admin. */
export function makeSdkMessage(batch: Batch, nowMs: number): (device: Addressee) => Message {
  const common = sdkMessage(batch, nowMs);
  return ({ targetKind, target, own }) => {
    const message = own ? sdkMessage(own, nowMs) : common;
    return targetKind === 'fid' ? { ...message, fid: target } : { ...message, token: target };
  };
}

/**
 * The message in the words of HTTP v1, all but its target.
 * https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages
 *
 * The collapse key, the tags and apns-collapse-id make a repeat of the same push replace the first on the phone. APNs takes
 * the moment of expiry in seconds since the epoch, the web a time to live in seconds. Apps get a link in their `data`.
 */
export function restMessage({ content, collapseKey, ttlSeconds }: Notification, nowMs: number): Json {
  const { title, body, image, options } = content;
  const { link, clickAction, sound, badge, priority, analyticsLabel } = options;
  const isHigh = priority === 'high';
  const data = { ...content.data, ...(link === undefined ? {} : { link }) };
  const android = given({
    collapse_key: collapseKey,
    ttl: ttlSeconds === null ? undefined : `${ttlSeconds}s`,
    priority,
    notification: given({
      tag: collapseKey,
      click_action: clickAction,
      sound,
      notification_count: badge,
    }),
  });
  const aps = given({ sound, badge, category: clickAction });
  const apns = given({
    headers: given({
      'apns-collapse-id': collapseKey,
      'apns-expiration': ttlSeconds === null ? undefined : String(Math.floor(nowMs / 1000) + ttlSeconds),
      'apns-priority': priority && (isHigh ? '10' : '5'),
    }),
    payload: Object.keys(aps).length === 0 ? undefined : { aps },
  });
  const headers = given({
    TTL: ttlSeconds === null ? undefined : String(ttlSeconds),
    Urgency: priority,
  });
  const webpush = given({
    headers: Object.keys(headers).length === 0 ? undefined : headers,
    notification: { tag: collapseKey },
    fcm_options: link === undefined ? undefined : { link },
  });
  return given({
    notification: given({ title, body, image: image ?? undefined }),
    data: Object.keys(data).length === 0 ? undefined : data,
    android: merge(android, options.android),
    apns: merge(apns, options.apns),
    webpush: merge(webpush, options.webpush),
    fcm_options: analyticsLabel === undefined ? undefined : { analytics_label: analyticsLabel },
  });
}

/** The same message for firebase-admin: it hands on the words of HTTP v1 as they are, but for Android's time to live. */
export function sdkMessage(parts: Notification, nowMs: number): BaseMessage {
  const message = restMessage(parts, nowMs) as { android: { ttl?: string } };
  const { ttl, ...android } = message.android;
  return {
    ...message,
    android: { ...android, ...(ttl === undefined ? {} : { ttl: Number.parseFloat(ttl) * 1000 }) },
  };
}

/** Without what is not given. */
function given(fields: Json): Json {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

/** The caller's own words go before Baton's, field by field. */
function merge(own: Json, override: Json | undefined): Json {
  if (override === undefined) return own;
  const merged = Object.entries(override).map(([name, value]): [string, unknown] => {
    const there = own[name];
    return [name, isObject(there) && isObject(value) ? merge(there, value) : value];
  });
  return { ...own, ...Object.fromEntries(merged) };
}

import { type ContentOptions, isDataOnly, type Mark, type Notification } from '../model/content.ts';
import type { BaseMessage, Message } from 'firebase-admin/messaging';
import type { Addressee, Batch } from '../context.ts';
import { BATON_ID } from '../model/receipt.ts';
import { isObject } from '../parse.ts';

type Json = Readonly<Record<string, unknown>>;

/** A batch with more different messages than this has hardly two devices with the same one. */
const MAX_SHARED = 100;

/** Makes a function that makes each notification once, however many devices share it. Of very many, it makes the rest anew each time. */
function once<T>(make: (notification: Notification) => T): (notification: Notification) => T {
  const made = new Map<Notification, T>();
  return (notification) => {
    const known = made.get(notification);
    if (known !== undefined) return known;
    const result = make(notification);
    if (made.size < MAX_SHARED) made.set(notification, result);
    return result;
  };
}

/** Makes a function that writes the part of a message that the texts do not change, once for messages with the same options. */
function makeEnvelopeWriter(nowMs: number): (message: Notification) => string {
  const made = new Map<ContentOptions, { message: Notification; json: string }>();
  return (message) => {
    const known = made.get(message.content.options);
    if (known !== undefined && hasSameEnvelope(known.message, message)) return known.json;
    const json = JSON.stringify(envelopeOf(message, nowMs));
    if (made.size < MAX_SHARED) made.set(message.content.options, { message, json });
    return json;
  };
}

function hasSameEnvelope(one: Notification, two: Notification): boolean {
  return (
    one.collapseKey === two.collapseKey &&
    one.ttlSeconds === two.ttlSeconds &&
    one.mark === two.mark &&
    isDataOnly(one.content) === isDataOnly(two.content)
  );
}

/** Makes a function that writes the JSON request for a device. A message is written once: only the target differs. */
export function makeBody(batch: Batch, nowMs: number): (device: Addressee) => string {
  const before = batch.dryRun ? '{"validate_only":true,"message":{' : '{"message":{';
  const writeEnvelope = makeEnvelopeWriter(nowMs);
  const write = once((message) => {
    const texts = JSON.stringify(textsOf(message));
    return `,${texts === '{}' ? '' : `${texts.slice(1, -1)},`}${writeEnvelope(message).slice(1)}}`;
  });
  return ({ targetKind, target, own }) =>
    `${before}"${targetKind}":${JSON.stringify(target)}${write(own ?? batch)}`;
}

/** Makes a function that makes firebase-admin's message for a device. */
export function makeSdkMessage(batch: Batch, nowMs: number): (device: Addressee) => Message {
  const make = once((message) => sdkMessage(message, nowMs));
  return ({ targetKind, target, own }) => {
    const message = make(own ?? batch);
    switch (targetKind) {
      case 'token':
        return { ...message, token: target };
      case 'fid':
        return { ...message, fid: target };
      case 'topic':
        return { ...message, topic: target };
      case 'condition':
        return { ...message, condition: target };
    }
  };
}

/**
 * `restMessage` makes the message without its target, in the format of HTTP v1.
 * https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages
 *
 * The collapse key, the tags and apns-collapse-id make a repeat of the same push replace the first on the phone. APNs expects
 * the time of expiry in seconds since the epoch, the web a time to live in seconds. Apps get a link in their `data`.
 *
 * Content without texts is a background message: the app gets its data, and the phone shows nothing. APNs refuses one that is
 * to be shown or heard, or that has another priority than 5.
 * https://developer.apple.com/documentation/usernotifications/pushing-background-updates-to-your-app
 */
export function restMessage(message: Notification, nowMs: number): Json {
  return { ...textsOf(message), ...envelopeOf(message, nowMs) };
}

function textsOf({ content, mark }: Notification): Json {
  const { title, body, image, options } = content;
  const { link } = options;
  const own = link === undefined ? content.data : { ...content.data, link };
  const data = addBatonId(own, mark);
  return {
    ...(isDataOnly(content) ? {} : { notification: { title, body, ...(image === null ? {} : { image }) } }),
    ...(Object.keys(data).length === 0 ? {} : { data }),
  };
}

/** A content that has a key of this name keeps its own. */
function addBatonId(data: Json, mark: Mark | undefined): Json {
  return mark?.batonId === undefined ? data : { [BATON_ID]: mark.batonId, ...data };
}

/** The data of a platform takes the place of the message's data: there the key has to be as well. */
function addToOverride(override: Json | undefined, mark: Mark | undefined): Json | undefined {
  const data = override?.['data'];
  return isObject(data) ? { ...override, data: addBatonId(data, mark) } : override;
}

/** The part of a message that depends on no text. */
function envelopeOf({ content, collapseKey, ttlSeconds, mark }: Notification, nowMs: number): Json {
  const { options } = content;
  const { link, clickAction, sound, badge, priority, analyticsLabel = mark?.label } = options;
  const isBackground = isDataOnly(content);
  const shown = (fields: Json): Json | undefined => (isBackground ? undefined : omitUndefined(fields));
  const android = omitUndefined({
    collapse_key: collapseKey,
    ttl: ttlSeconds === null ? undefined : `${ttlSeconds}s`,
    priority,
    notification: shown({
      tag: collapseKey,
      click_action: clickAction,
      sound,
      notification_count: badge,
    }),
  });
  const aps = shown({ sound, badge, category: clickAction }) ?? { 'content-available': 1 };
  const apns = omitUndefined({
    headers: omitUndefined({
      'apns-push-type': isBackground ? 'background' : undefined,
      'apns-collapse-id': isBackground ? undefined : collapseKey,
      'apns-expiration': ttlSeconds === null ? undefined : String(Math.floor(nowMs / 1000) + ttlSeconds),
      'apns-priority': isBackground ? '5' : priority && APNS_PRIORITY[priority],
    }),
    payload: Object.keys(aps).length === 0 ? undefined : { aps },
  });
  const headers = omitUndefined({
    TTL: ttlSeconds === null ? undefined : String(ttlSeconds),
    Urgency: priority,
  });
  const webpush = omitUndefined({
    headers: Object.keys(headers).length === 0 ? undefined : headers,
    notification: shown({ tag: collapseKey }),
    fcm_options: link === undefined ? undefined : shown({ link }),
  });
  const ofWeb = merge(webpush, addToOverride(options.webpush, mark));
  return omitUndefined({
    android: merge(android, addToOverride(options.android, mark)),
    apns: merge(apns, options.apns),
    webpush: Object.keys(ofWeb).length === 0 ? undefined : ofWeb,
    fcm_options: analyticsLabel === undefined ? undefined : { analytics_label: analyticsLabel },
  });
}

const APNS_PRIORITY = { normal: '5', high: '10' } as const;

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

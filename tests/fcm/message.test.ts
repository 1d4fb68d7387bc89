import type { Content, ContentOptions } from '../../src/model/content.ts';
import { expect, test } from 'vitest';
import { restMessage, sdkMessage } from '../../src/fcm/message.ts';

const NOW = Date.UTC(2026, 0, 1);

function partsFor(options: ContentOptions, content: Partial<Content> = {}, ttlSeconds: number | null = null) {
  return {
    content: { title: 't', body: 'b', image: null, data: {}, ...content, options },
    collapseKey: 'k',
    ttlSeconds,
  };
}

test('a plain message has its text, and for every platform the key by which a repeat replaces it', () => {
  expect(restMessage(partsFor({}), NOW)).toEqual({
    notification: { title: 't', body: 'b' },
    android: { collapse_key: 'k', notification: { tag: 'k' } },
    apns: { headers: { 'apns-collapse-id': 'k' } },
    webpush: { notification: { tag: 'k' } },
  });
});

test('every option goes into the fields where each platform reads it', () => {
  const options: ContentOptions = {
    link: 'https://example.com/',
    clickAction: 'OPEN',
    sound: 'chime',
    badge: 0,
    priority: 'high',
    analyticsLabel: 'news',
  };
  const content = { image: 'https://example.com/a.png', data: { a: '1' } };
  expect(restMessage(partsFor(options, content, 60), NOW)).toEqual({
    notification: { title: 't', body: 'b', image: 'https://example.com/a.png' },
    data: { a: '1', link: 'https://example.com/' },
    android: {
      collapse_key: 'k',
      ttl: '60s',
      priority: 'high',
      notification: { tag: 'k', click_action: 'OPEN', sound: 'chime', notification_count: 0 },
    },
    apns: {
      headers: {
        'apns-collapse-id': 'k',
        'apns-expiration': String(NOW / 1000 + 60),
        'apns-priority': '10',
      },
      payload: { aps: { sound: 'chime', badge: 0, category: 'OPEN' } },
    },
    webpush: {
      headers: { TTL: '60', Urgency: 'high' },
      notification: { tag: 'k' },
      fcm_options: { link: 'https://example.com/' },
    },
    fcm_options: { analytics_label: 'news' },
  });
});

test("a platform's own fields override Baton's, level by level", () => {
  const { android, apns, webpush } = restMessage(
    partsFor({
      sound: 'chime',
      android: { notification: { channel_id: 'news' }, priority: 'high' },
      apns: { payload: { aps: { sound: 'gong' }, extra: [1] } },
      webpush: { headers: { Topic: 'x' } },
    }),
    NOW,
  );
  expect(android).toEqual({
    collapse_key: 'k',
    priority: 'high',
    notification: { tag: 'k', sound: 'chime', channel_id: 'news' },
  });
  expect(apns).toEqual({
    headers: { 'apns-collapse-id': 'k' },
    payload: { aps: { sound: 'gong' }, extra: [1] },
  });
  expect(webpush).toEqual({ headers: { Topic: 'x' }, notification: { tag: 'k' } });
});

test("Android's time to live is in milliseconds for firebase-admin, Baton's own and an override", () => {
  expect(sdkMessage(partsFor({}, {}, 60), NOW).android).toMatchObject({ ttl: 60_000 });
  expect(sdkMessage(partsFor({ android: { ttl: '3.5s' } }), NOW).android).toMatchObject({ ttl: 3500 });
  expect(sdkMessage(partsFor({}), NOW).android).not.toHaveProperty('ttl');
});

import type { Content, ContentOptions } from '../../src/model/content.ts';
import { expect, test } from 'vitest';
import { makeBody, makeSdkMessage, restMessage, sdkMessage } from '../../src/fcm/message.ts';

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

test('data alone is a background message: nothing of it is shown, heard or replaced on the phone', () => {
  const content = { title: '', body: '', data: { sync: '1' } };
  expect(restMessage(partsFor({}, content, 60), NOW)).toEqual({
    data: { sync: '1' },
    android: { collapse_key: 'k', ttl: '60s' },
    apns: {
      headers: {
        'apns-push-type': 'background',
        'apns-priority': '5',
        'apns-expiration': String(NOW / 1000 + 60),
      },
      payload: { aps: { 'content-available': 1 } },
    },
    webpush: { headers: { TTL: '60' } },
  });
});

test('a high priority of data alone is for Android and browsers: APNs takes only 5', () => {
  const options = { priority: 'high', sound: 'chime', badge: 1, link: 'https://example.com/' } as const;
  expect(restMessage(partsFor(options, { title: '', body: '', data: { a: '1' } }), NOW)).toEqual({
    data: { a: '1', link: 'https://example.com/' },
    android: { collapse_key: 'k', priority: 'high' },
    apns: {
      headers: { 'apns-push-type': 'background', 'apns-priority': '5' },
      payload: { aps: { 'content-available': 1 } },
    },
    webpush: { headers: { Urgency: 'high' } },
  });
});

test('devices that share a message share its text, and each has its own target', () => {
  const shared = partsFor({}, { title: 'shared' });
  let made = 0;
  const counted = (title: string) => ({
    ...partsFor({}, { title }),
    get content() {
      made++;
      return { ...shared.content, title };
    },
  });
  const [one, two] = [counted('one'), counted('two')];
  const devices = Array.from({ length: 50 }, (_, nth) => ({
    ...{ deviceId: nth, target: `t${nth}`, targetKind: 'token' as const, own: nth % 2 === 0 ? one : two },
  }));
  const body = makeBody({ ...shared, dryRun: false, devices }, NOW);
  const first = devices.slice(0, 2).map(body);
  const madeForTwo = made;
  const bodies = [...first, ...devices.slice(2).map(body)];
  expect(made).toBe(madeForTwo);
  expect(bodies.map((text) => JSON.parse(text) as unknown)).toMatchObject(
    devices.map(({ target, own }) => ({
      message: { token: target, notification: { title: own === one ? 'one' : 'two' } },
    })),
  );
});

test('of more messages than a batch shares, each device still gets its own', () => {
  const devices = Array.from({ length: 250 }, (_, nth) => ({
    ...{
      deviceId: nth,
      target: `t${nth}`,
      targetKind: 'fid' as const,
      own: partsFor({}, { title: `n${nth}` }),
    },
  }));
  const batch = { ...partsFor({}), dryRun: true, devices };
  const bodies = devices.map(makeBody(batch, NOW)).map((body) => JSON.parse(body) as { message: unknown });
  expect(bodies.map(({ message }) => message)).toMatchObject(
    devices.map(({ target, own }) => ({ fid: target, notification: { title: own.content.title } })),
  );
});
test.each([
  ['token', 'a-token'],
  ['fid', 'an-installation'],
  ['topic', 'news'],
  ['condition', "'news' in topics"],
] as const)(
  'a push to a %s names it in the same field for HTTP v1 and for firebase-admin',
  (targetKind, target) => {
    const batch = { ...partsFor({}), dryRun: false, devices: [] };
    const device = { deviceId: 0, target, targetKind };
    const { message } = JSON.parse(makeBody(batch, NOW)(device)) as { message: object };
    expect(message).toEqual({ [targetKind]: target, ...restMessage(batch, NOW) });
    expect(makeSdkMessage(batch, NOW)(device)).toEqual({ [targetKind]: target, ...sdkMessage(batch, NOW) });
  },
);

test('of messages with the same options, only the texts are written anew, and what differs otherwise is not mixed up', () => {
  const options = { sound: 'chime', link: 'https://example.com/' };
  const own = [
    partsFor(options, { title: 'a' }, 60),
    partsFor(options, { title: 'b', image: 'https://example.com/a.png', data: { n: '1' } }, 60),
    partsFor(options, { title: 'c' }, 90),
    { ...partsFor(options, { title: 'd' }, 60), collapseKey: 'other' },
    partsFor(options, { title: '', body: '', data: { n: '2' } }, 60),
    partsFor(options, { title: '', body: '' }, 60),
    partsFor({}, { title: '', body: '' }),
  ];
  const devices = own.map((each, nth) => ({
    ...{ deviceId: nth, target: 't', targetKind: 'token' as const, own: each },
  }));
  const bodies = devices.map(makeBody({ ...partsFor({}), dryRun: false, devices }, NOW));
  expect(bodies.map((body) => JSON.parse(body) as unknown)).toEqual(
    own.map((each) => ({ message: { token: 't', ...restMessage(each, NOW) } })),
  );
});

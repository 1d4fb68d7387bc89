import { expect, test } from 'vitest';
import { makeRenderer } from '../../src/content/render.ts';
import { makeBody, restMessage } from '../../src/fcm/message.ts';
import { bytesOf, MAX_MESSAGE_BYTES, withMark } from '../../src/fcm/size.ts';
import { toPushes } from '../../src/messages/pushes.ts';
import type { Content, Notification } from '../../src/model/content.ts';
import { markOf, parseBatonId } from '../../src/model/receipt.ts';

const ON = { receipts: true };

function notificationOf(content: Partial<Content> = {}): Notification {
  return {
    content: { title: 't', body: 'b', image: null, data: {}, options: {}, ...content },
    collapseKey: 'k',
    ttlSeconds: null,
  };
}

test('the id of a push names its announcement, and its message; at-once messages have no label', () => {
  expect(markOf({ receipts: false }, { announcementId: 42 })).toBeUndefined();
  expect(markOf(ON, { announcementId: 42 })).toEqual({ batonId: '42', label: 'baton-42' });
  expect(markOf(ON, { announcementId: 42, messageId: 7 })).toEqual({ batonId: '42.7', label: 'baton-42' });
  expect(markOf(ON, { announcementId: 0, messageId: 7 })).toEqual({ batonId: '0.7' });
  const sources = new Map([['default', { androidApps: ['1:2:android:3'] }]]);
  expect(markOf({ receipts: false, sources }, { announcementId: 42, messageId: 7 })).toEqual({
    label: 'baton-42',
  });
  expect(markOf({ receipts: false, sources }, { announcementId: 0, messageId: 7 })).toBeUndefined();
});

test.each<[string, ReturnType<typeof parseBatonId>]>([
  ['42', { announcementId: 42, messageId: 0 }],
  ['42.7', { announcementId: 42, messageId: 7 }],
  ['0.7', { announcementId: 0, messageId: 7 }],
  ...['', '0', '0.0', '042', '42.', '.7', '1.2.3', '-1', '1e3', '9999999999999999'].map(
    (id): [string, null] => [id, null],
  ),
])('%j names %j', (id, push) => {
  expect(parseBatonId(id)).toEqual(push);
});

test('a marked message has the key in its data, and the label; what the content says itself wins', () => {
  const mark = { batonId: '42', label: 'baton-42' };
  const plain = notificationOf();
  expect(restMessage({ ...plain, mark }, 0)).toEqual({
    ...restMessage(plain, 0),
    data: { baton_id: '42' },
    fcm_options: { analytics_label: 'baton-42' },
  });
  const own = notificationOf({ data: { baton_id: 'mine' }, options: { analyticsLabel: 'news' } });
  expect(restMessage({ ...own, mark }, 0)).toEqual(restMessage(own, 0));
  // The data of a platform takes the place of the message's.
  const android = notificationOf({ options: { android: { data: { a: '1' } } } });
  expect(restMessage({ ...android, mark }, 0)).toMatchObject({
    android: { data: { a: '1', baton_id: '42' } },
  });
});

test('all devices of a batch share one body, but for their targets', () => {
  const batch = { ...notificationOf(), mark: { batonId: '42' }, dryRun: false, devices: [] };
  const body = makeBody(batch, 0);
  const [one, two] = ['x', 'y'].map((target) => body({ deviceId: 1, target, targetKind: 'token' }));
  expect(one).toContain('"baton_id":"42"');
  expect(one?.replace('"x"', '"y"')).toBe(two);
});

test('a message that would be too long with its mark goes without it', async () => {
  const mark = { batonId: '42', label: 'baton-42' };
  const room = MAX_MESSAGE_BYTES - bytesOf(notificationOf({ body: '' }));
  const markBytes = bytesOf({ ...notificationOf(), mark }) - bytesOf(notificationOf());
  const fitting = notificationOf({ body: 'x'.repeat(room - markBytes) });
  const long = notificationOf({ body: 'x'.repeat(room - markBytes + 1) });
  expect(withMark(fitting, mark).mark).toBe(mark);
  expect(withMark(long, mark)).toBe(long);
  for (const [{ content }, expected] of [
    [fitting, mark],
    [long, undefined],
  ] as const) {
    const parts = { content: { ...content, title: '{{ "t" }}' }, locales: null, ttlSeconds: null, mark };
    const renderer = await makeRenderer({ ...parts, template: 'liquid' }, 'k');
    const rendered = renderer.render({ deviceId: 1, target: 't', targetKind: 'token' }, {});
    expect('mark' in rendered ? rendered.mark : undefined).toEqual(expected);
  }
});

test('a message to a device carries its id; one to a topic does not, because its subscribers are not known', () => {
  const message = {
    ...{ messageId: 7, problem: null, ttlSeconds: null, expiresInMs: null },
    content: notificationOf().content,
  };
  const mark = { batonId: '0.7' };
  const marksOf = (targetKind: 'token' | 'topic') => {
    const devices = [{ deviceId: 0, target: 't', targetKind }];
    return toPushes({ ...message, devices }, mark).map(({ own }) => own?.mark);
  };
  expect(marksOf('token')).toEqual([mark]);
  expect(marksOf('topic')).toEqual([undefined]);
});

import { expect, test } from 'vitest';
import { announceSchema } from '../../src/broadcast/announce.ts';
import { messageSchema } from '../../src/messages/parse.ts';
import { parseWith } from '../../src/parse.ts';
import { showName } from '../../src/show.ts';

const parse = (fields: object) =>
  parseWith(announceSchema, { title: 'T', body: 'B', ...fields }, 'BAD_REQUEST');
const RESERVED =
  'expected no key from or message_type, and none that begins with google or gcm: FCM reserves these';

test.each(['from', 'message_type', 'google', 'google.c.a.e', 'gcm.notification', 'gcmx'])(
  'FCM reserves the key %s of data',
  (key) => {
    expect(() => parse({ data: { [key]: '7' } })).toThrow(`data.${showName(key)}: ${RESERVED}`);
    expect(() => parse({ android: { data: { [key]: '7' } } })).toThrow(
      `android.data.${showName(key)}: ${RESERVED}`,
    );
    expect(() => parse({ webpush: { data: { [key]: '7' } } })).toThrow(
      `webpush.data.${showName(key)}: ${RESERVED}`,
    );
  },
);

test.each(['fromUserId', 'from_shop', 'message_types', 'From', 'Google', 'my.gcm'])(
  'the key %s of data is free',
  (key) => {
    const { announcement } = parse({ data: { [key]: '7' }, android: { data: { [key]: '7' }, ttl: '3s' } });
    expect(announcement.content).toMatchObject({
      data: { [key]: '7' },
      options: { android: { data: { [key]: '7' }, ttl: '3s' } },
    });
  },
);

test.each([
  ['an announcement', announceSchema],
  ['a message', messageSchema],
])('%s of data alone is refused plainly', (_, schema) => {
  const request = { data: { sync: '1' }, apns: { payload: { aps: { 'content-available': 1 } } } };
  expect(() => parseWith<unknown>(schema, request, 'BAD_REQUEST')).toThrow(
    'data: expected a title and a body beside it: messages of data alone are not supported, got ',
  );
  expect(() => parseWith<unknown>(schema, { data: {}, title: 'T' }, 'BAD_REQUEST')).not.toThrow(
    'of data alone',
  );
});

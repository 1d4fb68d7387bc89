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

test('the key __proto__ of data is refused, not lost', () => {
  const fields: unknown = JSON.parse('{"title":"T","body":"B","data":{"a":"1","__proto__":"7"}}');
  const refusal = /^data\.__proto__: expected no key __proto__, which programs in JavaScript lose/;
  expect(() => parseWith(announceSchema, fields, 'BAD_REQUEST')).toThrow(refusal);
  const android: unknown = JSON.parse('{"title":"T","body":"B","android":{"data":{"__proto__":"7"}}}');
  expect(() => parseWith(announceSchema, android, 'BAD_REQUEST')).toThrow(/^android\.data\.__proto__: /);
});

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

const KINDS = [
  ['an announcement', announceSchema, {}],
  ['a message', messageSchema, { memberId: 'm' }],
] as const;

test.each(KINDS)('%s may be of data alone', (_, schema, fields) => {
  const request = { data: { sync: '1' }, priority: 'high', ttlSeconds: 60, ...fields };
  expect(() => parseWith<unknown>(schema, request, 'BAD_REQUEST')).not.toThrow();
});

test.each(KINDS)('%s without data has a title and a text', (_, schema, fields) => {
  const refusal = (request: object): unknown => {
    try {
      parseWith<unknown>(schema, { ...fields, ...request }, 'BAD_REQUEST');
      return null;
    } catch (error) {
      return (error as Error).message;
    }
  };
  const [title, body] = ['title: expected a title, got nothing', 'body: expected a text, got nothing'];
  expect(refusal({})).toBe(`${title}; ${body}`);
  expect(refusal({ data: {} })).toBe(`${title}; ${body}`);
  expect(refusal({ data: { a: '1' }, title: 't' })).toBe(body);
  expect(refusal({ data: { a: '1' }, body: 'b' })).toBe(title);
  expect(refusal({ data: { a: '1' }, title: null })).toContain('title: expected a title, got null');
});

test.each([
  ['image', 'https://example.com/a.png'],
  ['clickAction', 'OPEN'],
  ['sound', 'chime'],
  ['badge', 1],
])('beside data alone, %s has no effect and is refused', (field, value) => {
  const request = { data: { a: '1' }, [field]: value };
  expect(() => parseWith<unknown>(announceSchema, request, 'BAD_REQUEST')).toThrow(
    `${field}: expected a title and a body beside it: no phone shows a message of data alone, got `,
  );
});

const HALF = 'a\ud83d';

test.each([
  ['title', { title: HALF }],
  ['body', { body: HALF }],
  ['image', { image: `https://example.com/${HALF}` }],
  ['data', { data: { key: HALF } }],
  ['data', { data: { [HALF]: 'v' } }],
  ['link', { link: `https://example.com/${HALF}` }],
  ['clickAction', { clickAction: HALF }],
  ['sound', { sound: HALF }],
  ['android', { android: { notification: { body_loc_args: [HALF] } } }],
  ['android.data', { android: { data: { key: HALF } } }],
  ['apns', { apns: { payload: { [HALF]: 1 } } }],
  ['webpush', { webpush: { headers: { Topic: HALF } } }],
])('half a surrogate pair in %s is refused before it is stored', (field, fields) => {
  const expected = `${field}: expected Unicode text, without half a surrogate pair, got`;
  expect(() => parse(fields)).toThrow(expected);
  const message = { title: 'T', body: 'B', memberId: 'm', ...fields };
  expect(() => parseWith(messageSchema, message, 'BAD_EVENT')).toThrow(expected);
});

test('half a surrogate pair in a member id is refused, and whole pairs are text', () => {
  const message = { title: '😀', body: '😀', data: { '😀': '😀' }, memberId: '😀' };
  expect(parseWith(messageSchema, message, 'BAD_EVENT')).toMatchObject(message);
  expect(() => parseWith(messageSchema, { ...message, memberId: HALF }, 'BAD_EVENT')).toThrow(
    'memberId: expected Unicode text',
  );
});

import { expect, test } from 'vitest';
import { isSameContent, parseContent } from '../../src/db/content.ts';

const row = (fields: object) => ({
  title: 'T',
  body: 'B',
  image: null,
  data: '{}',
  options: '{}',
  ...fields,
});

test.each([
  [
    { data: '{"from":"7"}' },
    'data: expected no key from or message_type, and none that begins with google or gcm',
  ],
  [
    { options: '{"android":{"data":{"gcm.x":"7"}}}' },
    'android.data.(a name of 5 characters): expected no key from or message_type',
  ],
  [{ data: '{"a":"\\ud83d"}' }, 'data: expected Unicode text, without half a surrogate pair'],
  [{ data: '{"\\ud83d":"a"}' }, 'data: expected Unicode text, without half a surrogate pair'],
  [{ options: '{"sound":"\\ud83d"}' }, 'sound: expected Unicode text, without half a surrogate pair'],
])('a row with what FCM does not take is refused: %j', (fields, message) => {
  expect(() => parseContent(row(fields))).toThrow(message);
});

test('a key of data that only begins with a reserved word is free', () => {
  expect(parseContent(row({ data: '{"fromUserId":"7"}' })).data).toEqual({ fromUserId: '7' });
});

test.each([
  ['a text', '{"b":"2","a":"1"}', '{"badge":1}'],
  ['a value, as of a column of the type JSON', { b: '2', a: '1' }, { badge: 1 }],
])('the content of a row is the same if its JSON is %s with the same keys', (_, data, options) => {
  const content = { title: 'T', body: 'B', image: null, data: { a: '1', b: '2' }, options: { badge: 1 } };
  const wanted = { content, ttlSeconds: null };
  const stored = row({ data, options, ttl_seconds: null });
  expect(isSameContent(stored, wanted)).toBe(true);
  expect(isSameContent({ ...stored, data: { a: '1' } }, wanted)).toBe(false);
});

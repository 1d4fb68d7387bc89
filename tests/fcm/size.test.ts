import { expect, test } from 'vitest';
import { fitsFcm, TOO_BIG } from '../../src/fcm/size.ts';
import { restMessage } from '../../src/fcm/message.ts';
import { collapseKeyOf } from '../../src/model/delivery.ts';

const input = (body: string) => ({ title: 't', body, data: {} });

/** The bytes of a message with an empty body, and with the longest collapse key. */
const EMPTY_BYTES = Buffer.byteLength(
  JSON.stringify(
    restMessage(
      {
        content: { title: 't', body: '', image: null, data: {}, options: {} },
        ttlSeconds: null,
        collapseKey: collapseKeyOf({ messageId: Number.MAX_SAFE_INTEGER }),
      },
      0,
    ),
  ),
);

test('a message of 4096 bytes fits, and one of 4097 bytes does not', () => {
  expect(fitsFcm(input('x'.repeat(4096 - EMPTY_BYTES)))).toBe(true);
  expect(fitsFcm(input('x'.repeat(4097 - EMPTY_BYTES)))).toBe(false);
});

test('the size counts bytes, not characters', () => {
  expect(fitsFcm(input('x'.repeat(2000)))).toBe(true);
  expect(fitsFcm(input('ä'.repeat(2000)))).toBe(false);
});

test('the error names the limit and the size', () => {
  expect(TOO_BIG.error({ input: input('x'.repeat(5000 - EMPTY_BYTES)) })).toBe(
    'a message of at most 4096 bytes in all; this one has 5000',
  );
});

import type { Outcome } from '../../src/model/delivery.ts';
import * as fc from 'fast-check';
import { expect } from 'vitest';
import { MAX_RETRY_AFTER_MS, VERDICTS } from '../../src/model/delivery.ts';

/** What a server may answer to a message, as bytes. */
export interface RawReply {
  readonly status: number;
  readonly retryAfter: string | null;
  readonly body: Buffer;
}

const CODES = ['UNREGISTERED', 'SENDER_ID_MISMATCH', 'QUOTA_EXCEEDED', 'INTERNAL', 'INVALID_ARGUMENT'];
const INHERITED = ['__proto__', 'constructor', 'toString', 'valueOf', 'hasOwnProperty'];
const TYPES = [
  'google.firebase.fcm.v1.FcmError',
  'google.rpc.BadRequest',
  'google.rpc.ErrorInfo',
  'google.rpc.QuotaFailure',
].map((name) => `type.googleapis.com/${name}`);

/** Any value, mostly a plausible one. */
const odd = (plausible: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
  fc.oneof({ weight: 4, arbitrary: plausible }, { weight: 1, arbitrary: fc.jsonValue() });

const word = fc.oneof(
  fc.constantFrom(...CODES, ...INHERITED, 'NEW_CODE', 'x'.repeat(150), 'A\u0000B', '😀'.repeat(60)),
  fc.string({ unit: 'binary', maxLength: 200 }),
);
const sentence = fc.oneof(
  fc.constantFrom(
    'Request contains an invalid argument.',
    'The registration token is not a valid FCM registration token',
    `Invalid value at 'message.data[0].value' (TYPE_STRING), "4711"`,
  ),
  fc.string({ unit: 'binary', maxLength: 600 }),
  fc.constantFrom('<html>', '\uD800', 'a\r\nb', 'y').map((text) => text.repeat(500)),
);
const violation = fc.record(
  {
    field: odd(fc.constantFrom('message.token', 'message.fid', 'message.data[0].value')),
    description: odd(sentence),
  },
  { requiredKeys: [] },
);
const detail = fc.record(
  {
    '@type': odd(fc.constantFrom(...TYPES)),
    errorCode: odd(word),
    reason: odd(word),
    fieldViolations: odd(fc.array(odd(violation), { maxLength: 3 })),
  },
  { requiredKeys: [] },
);

/** An error of FCM, with any of its parts missing or replaced. `target` is the message's own, and may be quoted. */
const errorBody = (target: string): fc.Arbitrary<unknown> =>
  fc.record(
    {
      error: odd(
        fc.record(
          {
            code: odd(fc.nat(999)),
            message: odd(
              fc.tuple(sentence, fc.constantFrom('', target), sentence).map((parts) => parts.join(' ')),
            ),
            status: odd(word),
            details: odd(fc.array(odd(detail), { maxLength: 4 })),
          },
          { requiredKeys: [] },
        ),
      ),
      name: odd(word),
    },
    { requiredKeys: [] },
  );

/** JSON, whole, cut short or with bytes in front of it; a page of HTML; any bytes; nesting and size without reason. */
const bytes = (target: string): fc.Arbitrary<Buffer> =>
  fc.oneof(
    { weight: 6, arbitrary: errorBody(target).map((body) => Buffer.from(JSON.stringify(body))) },
    {
      weight: 1,
      arbitrary: fc
        .tuple(errorBody(target), fc.nat(300))
        .map(([body, length]) => Buffer.from(JSON.stringify(body)).subarray(0, length)),
    },
    { weight: 1, arbitrary: errorBody(target).map((body) => Buffer.from(`\uFEFF${JSON.stringify(body)}`)) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 300 }).map((some) => Buffer.from(some)) },
    {
      weight: 1,
      arbitrary: fc
        .constantFrom(
          '',
          'null',
          '[]',
          '<!DOCTYPE html><title>502</title>',
          '['.repeat(9000),
          '{"name":'.repeat(900),
        )
        .map((text) => Buffer.from(text)),
    },
  );

const retryAfter = fc.oneof(
  fc.constant(null),
  fc.constantFrom(
    '0',
    '-1',
    '1.5',
    '10, 20',
    '9'.repeat(90),
    'Tue, 24 Nov 2026 12:01:00 GMT',
    'soon',
    '1e400',
  ),
  fc.integer().map(String),
  fc.string({ maxLength: 40 }),
);

export function rawReply(target: string): fc.Arbitrary<RawReply> {
  const status = fc.oneof(
    fc.constantFrom(200, 204, 400, 401, 403, 404, 429, 500, 503),
    fc.integer({ min: 200, max: 999 }),
    fc.nat(999),
  );
  return fc.record({ status, retryAfter, body: bytes(target) });
}

export function parseBody(body: Buffer): unknown {
  try {
    return JSON.parse(String(body)) as unknown;
  } catch {
    return null;
  }
}

/** An outcome that the ledger, a log line and a person can take, whatever FCM's answer was. */
export function expectSound(outcome: Outcome | undefined, target: string): void {
  const { verdict, reason, messageName, retryAfterMs, words } = outcome!;
  expect(VERDICTS).toContain(verdict);
  expect(verdict).not.toBe('unsent');
  if (verdict === 'delivered') expect(reason).toBeNull();
  else expect(reason).toMatch(/^([A-Z][A-Z0-9_]{0,99}|(app|messaging)\/[a-z-]{1,80})$/);
  if (messageName !== null) expect(messageName.length).toBeLessThanOrEqual(255);
  if (retryAfterMs !== null) {
    expect(Number.isInteger(retryAfterMs)).toBe(true);
    expect(retryAfterMs).toBeGreaterThanOrEqual(0);
    expect(retryAfterMs).toBeLessThanOrEqual(MAX_RETRY_AFTER_MS);
  }
  if (words === undefined) return;
  expect(words.length).toBeLessThanOrEqual(602);
  expect(words).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u);
  expect(words).not.toContain(target);
  expect(words).not.toContain('4711');
}

import type { Verdict } from '../../src/model/delivery.ts';
import { expect, test } from 'vitest';
import { judge } from '../../src/fcm/verdict.ts';

const NOW = Date.parse('2026-11-24T12:00:00Z');
const FCM_ERROR = 'type.googleapis.com/google.firebase.fcm.v1.FcmError';
const BAD_REQUEST = 'type.googleapis.com/google.rpc.BadRequest';

function answer(status: number, name: string, details: unknown[] = [], retryAfter: string | null = null) {
  return {
    status,
    body: { error: { code: status, message: 'a text', status: name, details } },
    retryAfter,
  };
}

function fcmError(status: number, name: string, errorCode: string, more: unknown[] = []) {
  return answer(status, name, [{ '@type': FCM_ERROR, errorCode }, ...more]);
}

function violation(field: string) {
  return { '@type': BAD_REQUEST, fieldViolations: [{ field, description: 'a text' }] };
}

test.each<[string, ReturnType<typeof answer>, Verdict, string]>([
  ['an app that is gone', fcmError(404, 'NOT_FOUND', 'UNREGISTERED'), 'unregistered', 'UNREGISTERED'],
  ['a wrong project', answer(404, 'NOT_FOUND'), 'misconfigured', 'HTTP_404_NOT_FOUND'],
  [
    "another sender's token",
    fcmError(403, 'PERMISSION_DENIED', 'SENDER_ID_MISMATCH'),
    'rejected',
    'SENDER_ID_MISMATCH',
  ],
  [
    'a service account without the permission',
    answer(403, 'PERMISSION_DENIED'),
    'misconfigured',
    'HTTP_403_PERMISSION_DENIED',
  ],
  ['a stale access token', answer(401, 'UNAUTHENTICATED'), 'misconfigured', 'HTTP_401_UNAUTHENTICATED'],
  [
    'an APNs key that is not valid',
    fcmError(401, 'UNAUTHENTICATED', 'THIRD_PARTY_AUTH_ERROR'),
    'misconfigured',
    'THIRD_PARTY_AUTH_ERROR',
  ],
  [
    'a target that is not a token',
    fcmError(400, 'INVALID_ARGUMENT', 'INVALID_ARGUMENT'),
    'rejected',
    'INVALID_ARGUMENT',
  ],
  [
    'a target that FCM names as the field at fault',
    fcmError(400, 'INVALID_ARGUMENT', 'INVALID_ARGUMENT', [violation('message.token')]),
    'rejected',
    'INVALID_ARGUMENT',
  ],
  [
    'a bad payload',
    fcmError(400, 'INVALID_ARGUMENT', 'INVALID_ARGUMENT', [violation('message.data[0].value')]),
    'misconfigured',
    'INVALID_ARGUMENT',
  ],
  [
    'a bad payload, without FcmError',
    answer(400, 'INVALID_ARGUMENT', [violation('message')]),
    'misconfigured',
    'HTTP_400_INVALID_ARGUMENT',
  ],
  [
    'a quota that is used up',
    fcmError(429, 'RESOURCE_EXHAUSTED', 'QUOTA_EXCEEDED'),
    'retryable',
    'QUOTA_EXCEEDED',
  ],
  ['a 429 without FcmError', answer(429, 'RESOURCE_EXHAUSTED'), 'retryable', 'HTTP_429_RESOURCE_EXHAUSTED'],
  ['FCM overloaded', fcmError(503, 'UNAVAILABLE', 'UNAVAILABLE'), 'retryable', 'UNAVAILABLE'],
  ['an internal error of FCM', fcmError(500, 'INTERNAL', 'INTERNAL'), 'retryable', 'INTERNAL'],
  [
    'an unknown error code with a 4xx',
    fcmError(400, 'INVALID_ARGUMENT', 'NEW_ONE'),
    'misconfigured',
    'NEW_ONE',
  ],
])('%s', (_, reply, verdict, reason) => {
  expect(judge(reply, NOW)).toMatchObject({ verdict, reason, messageName: null });
});

test('an HTML answer of a proxy removes no device from the table', () => {
  expect(judge({ status: 404, body: null, retryAfter: null }, NOW)).toMatchObject({
    verdict: 'misconfigured',
    reason: 'HTTP_404',
  });
  expect(judge({ status: 502, body: null, retryAfter: null }, NOW)).toMatchObject({
    verdict: 'retryable',
    reason: 'HTTP_502',
  });
});

test('only a 200 that names the message is delivered', () => {
  const name = 'projects/p/messages/0:1%2';
  expect(judge({ status: 200, body: { name }, retryAfter: null }, NOW)).toEqual({
    verdict: 'delivered',
    reason: null,
    messageName: name,
    retryAfterMs: null,
  });
  expect(judge({ status: 200, body: null, retryAfter: null }, NOW)).toMatchObject({
    verdict: 'unknown',
    reason: 'UNREADABLE_REPLY',
  });
});

test.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'x'.repeat(150), 'A\nB', ''])(
  'an error code that is no code is ignored: %j',
  (errorCode) => {
    expect(judge(fcmError(400, 'INVALID_ARGUMENT', errorCode), NOW)).toMatchObject({
      verdict: 'misconfigured',
      reason: 'HTTP_400_INVALID_ARGUMENT',
    });
    expect(judge(fcmError(503, errorCode, errorCode), NOW)).toMatchObject({
      verdict: 'retryable',
      reason: 'HTTP_503',
    });
  },
);

test('a field at fault that is no text is part of the payload', () => {
  const fieldViolations = [{ field: { toString: 1 } }];
  const reply = fcmError(400, 'INVALID_ARGUMENT', 'INVALID_ARGUMENT', [
    { '@type': BAD_REQUEST, fieldViolations },
  ]);
  expect(judge(reply, NOW)).toMatchObject({ verdict: 'misconfigured' });
});

test.each([
  ['The registration token is not a valid FCM registration token', true],
  ['Request contains an invalid argument.', undefined],
])('INVALID_ARGUMENT with the message "%s"', (message, blamesTarget) => {
  const details = [{ '@type': FCM_ERROR, errorCode: 'INVALID_ARGUMENT' }];
  const body = { error: { code: 400, message, status: 'INVALID_ARGUMENT', details } };
  const outcome = judge({ status: 400, body, retryAfter: null }, NOW);
  expect(outcome).toMatchObject({ verdict: 'rejected', reason: 'INVALID_ARGUMENT', words: message });
  expect(outcome.blamesTarget).toBe(blamesTarget);
});

test("Google's own word for the cause comes before the status, and its message is kept", () => {
  const ERROR_INFO = 'type.googleapis.com/google.rpc.ErrorInfo';
  const reply = answer(403, 'PERMISSION_DENIED', [{ '@type': ERROR_INFO, reason: 'SERVICE_DISABLED' }]);
  expect(judge(reply, NOW)).toMatchObject({
    verdict: 'misconfigured',
    reason: 'HTTP_403_SERVICE_DISABLED',
    words: 'a text',
  });
});

test('no message quotes the target', () => {
  const body = { error: { code: 400, message: 'No such target: target-17.' } };
  expect(judge({ status: 400, body, retryAfter: null }, NOW, 'target-17').words).toBe('No such target: ….');
});

test.each([0, 100, 199, 201, 204, 299, Number.NaN, -1])(
  'the status %d does not say whether FCM took the message',
  (status) => {
    const body = { name: 'projects/p/messages/1' };
    expect(judge({ status, body, retryAfter: null }, NOW)).toMatchObject({
      verdict: 'unknown',
      reason: 'UNREADABLE_REPLY',
    });
  },
);

test.each<[number, Verdict]>([
  [301, 'misconfigured'],
  [408, 'retryable'],
  [418, 'misconfigured'],
  [599, 'retryable'],
  [999, 'retryable'],
])('an answer with the status %d and no body is %s', (status, verdict) => {
  expect(judge({ status, body: null, retryAfter: null }, NOW)).toMatchObject({
    verdict,
    reason: `HTTP_${status}`,
  });
});

test('a name that the ledger cannot hold is dropped, and the message is delivered', () => {
  const body = { name: 'n'.repeat(256) };
  expect(judge({ status: 200, body, retryAfter: null }, NOW)).toEqual({
    verdict: 'delivered',
    reason: null,
    messageName: null,
    retryAfterMs: null,
  });
});

test.each([
  ['37', 37_000],
  ['Tue, 24 Nov 2026 12:01:00 GMT', 60_000],
  ['Tue, 24 Nov 2026 11:00:00 GMT', 0],
  ['soon', null],
  [null, null],
])('Retry-After: %s is %s ms', (header, retryAfterMs) => {
  expect(judge(answer(429, 'RESOURCE_EXHAUSTED', [], header), NOW).retryAfterMs).toBe(retryAfterMs);
});

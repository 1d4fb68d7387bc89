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

test.each([
  ['37', 37_000],
  ['Tue, 24 Nov 2026 12:01:00 GMT', 60_000],
  ['Tue, 24 Nov 2026 11:00:00 GMT', 0],
  ['soon', null],
  [null, null],
])('Retry-After: %s is %s ms', (header, retryAfterMs) => {
  expect(judge(answer(429, 'RESOURCE_EXHAUSTED', [], header), NOW).retryAfterMs).toBe(retryAfterMs);
});

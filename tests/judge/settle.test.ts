import { expect, test } from 'vitest';
import type { Guarantee } from '../../src/model/announcement.ts';
import { settle, type SettleOptions } from '../../src/judge/settle.ts';
import { delivered, outcome } from '../support/context.ts';

function at(round: number, guarantee: Guarantee = 'at-least-once', jitter = 0): SettleOptions {
  return { maxAttempts: 3, retryMs: 10_000, quotaRetryMs: 60_000, guarantee, round, jitter: () => jitter };
}

test('a final verdict is recorded as FCM gave it', () => {
  expect(settle(at(0), delivered)).toEqual({
    verdict: 'delivered',
    reason: null,
    messageName: 'm',
    retryInMs: null,
  });
  for (const verdict of ['unregistered', 'rejected'] as const) {
    expect(settle(at(0), outcome(verdict, 'R'))).toMatchObject({
      verdict,
      reason: 'R',
      retryInMs: null,
    });
  }
});

test.each([
  [0, 10_000, 15_000],
  [1, 20_000, 30_000],
])('after an error in round %d the wait is %d to %d ms', (round, shortest, longest) => {
  const failed = outcome('retryable', 'UNAVAILABLE');
  const settleWith = (jitter: number) => settle(at(round, 'at-least-once', jitter), failed);
  expect(settleWith(0)).toMatchObject({ verdict: 'retryable', retryInMs: shortest });
  expect(settleWith(1)).toMatchObject({ verdict: 'retryable', retryInMs: longest });
  const { retryInMs } = settle({ ...at(round), jitter: Math.random }, failed);
  expect(retryInMs).toBeGreaterThanOrEqual(shortest);
  expect(retryInMs).toBeLessThanOrEqual(longest);
});

test('after a 429 the wait is what FCM asks for, or at least a minute', () => {
  const throttled = outcome('retryable', 'QUOTA_EXCEEDED');
  expect(settle(at(0), { ...throttled, retryAfterMs: 37_000 }).retryInMs).toBe(37_000);
  expect(settle(at(1), throttled).retryInMs).toBe(60_000);
});

test('a push without an answer is sent again only where the guarantee allows a repeat', () => {
  const silent = outcome('unknown', 'TIMEOUT');
  expect(settle(at(0), silent)).toMatchObject({ verdict: 'unknown', retryInMs: 10_000 });
  expect(settle(at(0, 'at-most-once'), silent)).toMatchObject({ verdict: 'unknown', retryInMs: null });
});

test('a refusal without any fault of the device is retried, and stays misconfigured after the last attempt', () => {
  const refused = outcome('misconfigured', 'HTTP_401_UNAUTHENTICATED');
  expect(settle(at(0), refused).retryInMs).toBe(10_000);
  expect(settle(at(2), refused)).toMatchObject({
    verdict: 'misconfigured',
    retryInMs: null,
  });
});

test('the outcome of the last attempt is final', () => {
  expect(settle(at(2), outcome('retryable', 'UNAVAILABLE'))).toMatchObject({
    verdict: 'rejected',
    reason: 'UNAVAILABLE',
    retryInMs: null,
  });
  expect(settle(at(2), outcome('unknown', 'TIMEOUT'))).toMatchObject({
    verdict: 'unknown',
    retryInMs: null,
  });
});

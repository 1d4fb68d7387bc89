import { expect, test } from 'vitest';
import { settle } from '../../src/judge/settle.ts';
import { delivered, outcome } from '../support/context.ts';

const config = { maxAttempts: 3, retryMs: 10_000, quotaRetryMs: 60_000 };

test('a final verdict stays as FCM gave it', () => {
  expect(settle(config, 'at-least-once', 0, delivered)).toEqual({
    verdict: 'delivered',
    reason: null,
    messageName: 'm',
    retryInMs: null,
  });
  for (const verdict of ['unregistered', 'rejected'] as const) {
    expect(settle(config, 'at-least-once', 0, outcome(verdict, 'R'))).toMatchObject({
      verdict,
      reason: 'R',
      retryInMs: null,
    });
  }
});

test.each([
  [0, 10_000, 15_000],
  [1, 20_000, 30_000],
])('after an error in round %d the wait is %d to %d ms', (round, least, most) => {
  for (let times = 0; times < 50; times++) {
    const { verdict, retryInMs } = settle(
      config,
      'at-least-once',
      round,
      outcome('retryable', 'UNAVAILABLE'),
    );
    expect(verdict).toBe('retryable');
    expect(retryInMs).toBeGreaterThanOrEqual(least);
    expect(retryInMs).toBeLessThanOrEqual(most);
  }
});

test('after a 429 the wait is what FCM asks for, or a minute at the least', () => {
  const throttled = outcome('retryable', 'QUOTA_EXCEEDED');
  expect(settle(config, 'at-least-once', 0, { ...throttled, retryAfterMs: 37_000 }).retryInMs).toBe(37_000);
  expect(settle(config, 'at-least-once', 1, throttled).retryInMs).toBeGreaterThanOrEqual(60_000);
});

test('no answer is tried again only where a repeat is allowed', () => {
  const silent = outcome('unknown', 'TIMEOUT');
  const again = settle(config, 'at-least-once', 0, silent);
  expect(again.verdict).toBe('unknown');
  expect(again.retryInMs).toBeGreaterThanOrEqual(10_000);
  expect(settle(config, 'at-most-once', 0, silent)).toMatchObject({ verdict: 'unknown', retryInMs: null });
});

test('a few that no device is to blame for are tried again, and stay so after the last attempt', () => {
  const refused = outcome('misconfigured', 'HTTP_401_UNAUTHENTICATED');
  expect(settle(config, 'at-least-once', 0, refused).retryInMs).toBeGreaterThanOrEqual(10_000);
  expect(settle(config, 'at-least-once', 2, refused)).toMatchObject({
    verdict: 'misconfigured',
    retryInMs: null,
  });
});

test('what the last attempt brings is final', () => {
  expect(settle(config, 'at-least-once', 2, outcome('retryable', 'UNAVAILABLE'))).toMatchObject({
    verdict: 'rejected',
    reason: 'UNAVAILABLE',
    retryInMs: null,
  });
  expect(settle(config, 'at-least-once', 2, outcome('unknown', 'TIMEOUT'))).toMatchObject({
    verdict: 'unknown',
    retryInMs: null,
  });
});

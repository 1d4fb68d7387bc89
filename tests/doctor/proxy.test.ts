import { expect, test } from 'vitest';
import { makeTestClock } from '../support/clock.ts';
import { isProxied, readSettings } from '../../src/doctor/settings.ts';

const FCM = 'https://fcm.googleapis.com';
const HTTPS_PROXY = 'http://u:hunter2@proxy:3128';

test('a proxy for FCM is red, because pushes would go past it', async () => {
  const { finding, invalid } = await readSettings({ HTTPS_PROXY }, makeTestClock(), 1000);
  expect(finding).toEqual({
    ok: false,
    says: 'HTTPS_PROXY: expected none for FCM, because HTTP/2 goes past proxies, got one',
    advice: 'give this machine a route to FCM, and add .googleapis.com to NO_PROXY',
  });
  expect(invalid).toEqual([]);
  const fixed = await readSettings({ HTTPS_PROXY, NO_PROXY: '.googleapis.com' }, makeTestClock(), 1000);
  expect(fixed.finding.ok).toBe(true);
});

test.each([
  ['', true],
  ['localhost,.internal', true],
  ['apis.com', true],
  ['*', false],
  ['localhost, .googleapis.com', false],
  ['*.googleapis.com', false],
  ['googleapis.com', false],
  ['fcm.googleapis.com:443', false],
])('with NO_PROXY=%s, a proxy for FCM: %s', (exceptions, expected) => {
  expect(isProxied(FCM, { https_proxy: HTTPS_PROXY, no_proxy: exceptions })).toBe(expected);
});

test('without a proxy, or without TLS to FCM, nothing goes through a proxy', () => {
  expect(isProxied(FCM, { HTTPS_PROXY: '' })).toBe(false);
  expect(isProxied('http://127.0.0.1:9000', { HTTPS_PROXY })).toBe(false);
});

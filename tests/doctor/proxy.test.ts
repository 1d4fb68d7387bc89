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
  ['localhost, .googleapis.com', false],
  ['*.googleapis.com', false],
  ['fcm.googleapis.com,oauth2.googleapis.com', false],
  // Pushes would go past the proxy, and Google's client would fetch the access tokens through it.
  ['fcm.googleapis.com', true],
  // Google's client does not know these forms.
  ['*', true],
  ['googleapis.com', true],
  ['fcm.googleapis.com:443,oauth2.googleapis.com:443', true],
])('with NO_PROXY=%s, a proxy for FCM or for access tokens: %s', (exceptions, expected) => {
  expect(isProxied(FCM, { https_proxy: HTTPS_PROXY, no_proxy: exceptions })).toBe(expected);
  expect(isProxied(FCM, { HTTPS_PROXY, NO_PROXY: exceptions })).toBe(expected);
});

test.each(['HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY', 'http_proxy'])('%s is a proxy for FCM', (name) => {
  expect(isProxied(FCM, { [name]: HTTPS_PROXY })).toBe(true);
});

test('without a proxy, or without TLS to FCM, nothing goes through a proxy', () => {
  expect(isProxied(FCM, { HTTPS_PROXY: '' })).toBe(false);
  expect(isProxied('http://127.0.0.1:9000', { HTTPS_PROXY })).toBe(false);
});

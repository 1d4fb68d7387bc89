import { expect, test } from 'vitest';
import { parseConfig } from '../src/config.ts';

test('an empty environment is a working configuration', () => {
  expect(parseConfig({})).toEqual({
    stage: 'dev',
    source: 'default',
    database: { kind: 'sqlite', file: 'baton.db' },
    fcm: {
      transport: 'http2',
      endpoint: 'https://fcm.googleapis.com',
      projectId: null,
      credentials: { kind: 'none' },
      timeoutMs: 10_000,
    },
    pace: { perMinute: 600_000, rampMs: 60_000 },
    pageSize: 3000,
    chunkSize: 500,
    leaseMs: 30_000,
    maxAttempts: 5,
    retryMs: 10_000,
    quotaRetryMs: 60_000,
    reserveMs: 15_000,
  });
});

test('one error names everything that is wrong', () => {
  const env = {
    STAGE: 'live',
    PAGE_SIZE: '0',
    CHUNK_SIZE: 'many',
    FCM_ENDPOINT: 'ftp://fcm',
    FCM_TRANSPORT: '',
  };
  expect(() => parseConfig(env)).toThrow(
    'STAGE: expected one of dev, staging, prod, came "live"; ' +
      'FCM_ENDPOINT: expected an address beginning with https:// or http://, came "ftp://fcm"; ' +
      'PAGE_SIZE: expected a whole number from 1 to 50000, came "0"; ' +
      'CHUNK_SIZE: expected a whole number from 1 to 5000, came "many"',
  );
});

test('the lease and the reserve must outlast an answer of FCM', () => {
  expect(() => parseConfig({ LEASE_MS: '10000', DEADLINE_RESERVE_MS: '9000' })).toThrow(
    'LEASE_MS: expected more than FCM_TIMEOUT_MS (10000), came 10000; ' +
      'DEADLINE_RESERVE_MS: expected more than FCM_TIMEOUT_MS (10000), came 9000',
  );
});

test.each([
  [
    'postgres://user:hunter2@host/db',
    'DATABASE_URL: expected mysql://… or the path of an SQLite file, came postgres://…',
  ],
  [
    'mysql://user:hunter2@ho st/db',
    'DATABASE_URL: expected mysql://user:password@host:3306/database, came no URL',
  ],
])('a wrong DATABASE_URL is refused without its password', (url, message) => {
  expect(() => parseConfig({ DATABASE_URL: url })).toThrow(message);
});

test.each([
  ['off', { kind: 'off' }],
  ['rds', { kind: 'rds' }],
  ['verify', { kind: 'verify', ca: null }],
  ['/etc/ca.pem', { kind: 'verify', ca: '/etc/ca.pem' }],
])('DATABASE_TLS=%s', (text, tls) => {
  const { database } = parseConfig({ DATABASE_URL: 'mysql://u@h/d', DATABASE_TLS: text });
  expect(database).toEqual({ kind: 'mysql', url: 'mysql://u@h/d', tls });
});

test.each([
  [{ FCM_CREDENTIALS: 'account.json' }, { kind: 'file', path: 'account.json' }],
  [
    { FCM_CREDENTIALS: ' {"type":"service_account"}' },
    { kind: 'inline', json: ' {"type":"service_account"}' },
  ],
  [{ FCM_CREDENTIALS: 'application-default' }, { kind: 'application-default' }],
  [{ GOOGLE_APPLICATION_CREDENTIALS: 'adc.json' }, { kind: 'application-default' }],
])('credentials from %j', (env, credentials) => {
  expect(parseConfig(env).fcm.credentials).toEqual(credentials);
});

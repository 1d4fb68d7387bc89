import { expect, test } from 'vitest';
import { parseConfig } from '../../src/config/config.ts';

test('an empty environment is a working configuration', () => {
  expect(parseConfig({})).toEqual({
    stage: 'dev',
    source: 'default',
    api: { tokenDigests: [], trustsGateway: false, basePath: '' },
    database: { kind: 'sqlite', file: 'baton.db' },
    sources: new Map([
      [
        'default',
        { credentials: { kind: 'none' }, projectId: null, pace: { perMinute: 600_000, rampMs: 60_000 } },
      ],
    ]),
    fcm: { transport: 'http2', endpoint: 'https://fcm.googleapis.com', timeoutMs: 10_000 },
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
    'STAGE: expected one of dev, staging, prod, got "live"; ' +
      'FCM_ENDPOINT: expected an address beginning with https:// or http://, got "ftp://fcm"; ' +
      'PAGE_SIZE: expected a whole number from 1 to 50000, got "0"; ' +
      'CHUNK_SIZE: expected a whole number from 1 to 5000, got "many"',
  );
});

test('the lease and the reserve must outlast an answer of FCM', () => {
  expect(() => parseConfig({ LEASE_MS: '10000', DEADLINE_RESERVE_MS: '9000' })).toThrow(
    'LEASE_MS: expected more than FCM_TIMEOUT_MS (10000), got 10000; ' +
      'DEADLINE_RESERVE_MS: expected more than FCM_TIMEOUT_MS (10000), got 9000',
  );
});

test.each([
  [
    'postgres://user:hunter2@host/db',
    'DATABASE_URL: expected mysql://… or the path of an SQLite file, got postgres://…',
  ],
  [
    'mysql://user:hunter2@ho st/db',
    'DATABASE_URL: expected mysql://user:password@host:3306/database, got no URL',
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
  expect(parseConfig(env).sources.get('default')?.credentials).toEqual(credentials);
});

test('a source more for every variable that ends in its name, with a budget of its own', () => {
  const { source, sources } = parseConfig({
    FCM_SOURCE: 'shop_a',
    FCM_CREDENTIALS: 'a.json',
    FCM_CREDENTIALS_SHOP_B: 'application-default',
    FCM_PROJECT_ID_SHOP_B: 'project-b',
    FCM_MESSAGES_PER_MINUTE_SHOP_B: '1200',
    FCM_RAMP_SECONDS: '5',
  });
  expect(source).toBe('shop_a');
  expect([...sources]).toEqual([
    [
      'shop_a',
      {
        credentials: { kind: 'file', path: 'a.json' },
        projectId: null,
        pace: { perMinute: 600_000, rampMs: 5000 },
      },
    ],
    [
      'shop_b',
      {
        credentials: { kind: 'application-default' },
        projectId: 'project-b',
        pace: { perMinute: 1200, rampMs: 5000 },
      },
    ],
  ]);
});

test('a source without credentials is refused', () => {
  expect(() => parseConfig({ FCM_PROJECT_ID_SHOP_B: 'b' })).toThrow(
    'FCM_CREDENTIALS_SHOP_B: expected credentials, as for the other variables of this source, got nothing',
  );
});

test('a token that is short is refused without telling it', () => {
  expect(() => parseConfig({ API_TOKEN: 'long-enough-to-be-a-token-0, hunter2' })).toThrow(
    /^API_TOKEN: expected tokens of at least 24 characters, got one of 7$/,
  );
});

test.each([
  [{ API_AUTH: 'none' }, 'API_AUTH: expected one of token, gateway, got "none"'],
  [
    { API_BASE_PATH: 'baton' },
    'API_BASE_PATH: expected the beginning of a path, such as /baton, got "baton"',
  ],
])('%j is refused', (env, words) => {
  expect(() => parseConfig(env)).toThrow(words);
});

test('the API lets in whom the gateway vouches for only if told so', () => {
  expect(parseConfig({ API_AUTH: 'gateway', API_BASE_PATH: '/baton/' }).api).toEqual({
    tokenDigests: [],
    trustsGateway: true,
    basePath: '/baton',
  });
});

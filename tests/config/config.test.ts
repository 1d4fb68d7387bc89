import { expect, test } from 'vitest';
import { parseConfig } from '../../src/config/config.ts';

test('an empty environment is a working configuration', () => {
  expect(parseConfig({})).toEqual({
    stage: 'dev',
    source: 'default',
    api: {
      tokens: expect.objectContaining({ count: 0 }),
      trustsGateway: false,
      grants: expect.objectContaining({ count: 0 }),
      basePath: '',
    },
    records: { mayStart: [] },
    alerts: {
      kinds: [
        'done',
        'failed',
        'paused',
        'stalled',
        'throttled',
        'failure-rate',
        'doctor',
        'radar',
        'canary',
      ],
      webhook: null,
      topicArn: null,
      failurePercent: 5,
      throttledMs: 600_000,
      stalledMs: 300_000,
    },
    checks: ['doctor', 'radar', 'canary'],
    queue: { refused: 'return' },
    database: { kind: 'sqlite', file: 'baton.db' },
    sources: new Map([
      [
        'default',
        {
          credentials: { kind: 'none' },
          projectId: null,
          pace: { perMinute: 600_000, rampMs: 60_000 },
          timeZone: 'UTC',
          quietHours: null,
          androidApps: [],
        },
      ],
    ]),
    fcm: {
      transport: 'http2',
      endpoint: 'https://fcm.googleapis.com',
      dataEndpoint: 'https://fcmdata.googleapis.com',
      timeoutMs: 12_000,
    },
    pageSize: 3000,
    maxWindow: 3000,
    batchSize: 500,
    concurrency: 0,
    leaseMs: 30_000,
    maxAttempts: 5,
    retryMs: 10_000,
    quotaRetryMs: 60_000,
    reserveMs: 15_000,
    retentionDays: 0,
    confirmAbove: 10_000,
    canaryAbove: 0,
    approval: 'off',
    receipts: false,
    baseImage: null,
  });
});

test('one error names every invalid variable', () => {
  const env = {
    STAGE: 'live',
    PAGE_SIZE: '0',
    BATCH_SIZE: 'many',
    FCM_ENDPOINT: 'ftp://fcm',
    FCM_TRANSPORT: '',
  };
  expect(() => parseConfig(env)).toThrow(
    'STAGE: expected one of dev, staging, prod, got 4 characters; ' +
      'FCM_ENDPOINT: expected an address that begins with https:// or http://, got 9 characters; ' +
      'PAGE_SIZE: expected a whole number from 1 to 50000, got "0"; ' +
      'BATCH_SIZE: expected a whole number from 1 to 5000, got 4 characters',
  );
});

test('the lease and the reserve must be longer than the wait for an answer of FCM', () => {
  expect(() => parseConfig({ LEASE_MS: '10000', DEADLINE_RESERVE_MS: '9000' })).toThrow(
    'LEASE_MS: expected more than FCM_TIMEOUT_MS (12000), got 10000; ' +
      'DEADLINE_RESERVE_MS: expected more than FCM_TIMEOUT_MS (12000), got 9000',
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
])('an invalid DATABASE_URL is refused, and the error has no password', (url, message) => {
  expect(() => parseConfig({ DATABASE_URL: url })).toThrow(message);
});

test.each([
  ['off', { kind: 'off' }],
  ['rds', { kind: 'rds' }],
  ['verify', { kind: 'verify', ca: null }],
  ['/etc/ca.pem', { kind: 'verify', ca: '/etc/ca.pem' }],
])('DATABASE_TLS=%s', (text, tls) => {
  const { database } = parseConfig({ DATABASE_URL: 'mysql://u@h/d', DATABASE_TLS: text });
  expect(database).toEqual({ kind: 'mysql', url: 'mysql://u@h/d', tls, connections: 2 });
});

test('DATABASE_CONNECTIONS is a whole number from 1', () => {
  const env = { DATABASE_URL: 'mysql://u@h/d', DATABASE_CONNECTIONS: '10' };
  expect(parseConfig(env).database).toMatchObject({ connections: 10 });
  expect(() => parseConfig({ ...env, DATABASE_CONNECTIONS: '0' })).toThrow(
    'DATABASE_CONNECTIONS: expected a whole number from 1 to 1000, got "0"',
  );
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

test('variables that end in a name add a source of that name, with a budget of its own', () => {
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
        timeZone: 'UTC',
        quietHours: null,
        androidApps: [],
      },
    ],
    [
      'shop_b',
      {
        credentials: { kind: 'application-default' },
        projectId: 'project-b',
        pace: { perMinute: 1200, rampMs: 5000 },
        timeZone: 'UTC',
        quietHours: null,
        androidApps: [],
      },
    ],
  ]);
});

test('each source has a time zone and quiet hours of its own', () => {
  const { sources } = parseConfig({
    TIME_ZONE: 'Europe/Berlin',
    FCM_CREDENTIALS_SHOP_B: 'application-default',
    FCM_PROJECT_ID_SHOP_B: 'project-b',
    QUIET_HOURS_SHOP_B: '22:00-08:00 America/New_York expire',
  });
  expect(sources.get('default')).toMatchObject({ timeZone: 'Europe/Berlin', quietHours: null });
  expect(sources.get('shop_b')).toMatchObject({
    timeZone: 'UTC',
    quietHours: { from: 1320, to: 480, zone: 'America/New_York', rule: 'expire' },
  });
  expect(() => parseConfig({ TIME_ZONE: 'Mars', QUIET_HOURS: 'at night' })).toThrow(
    /TIME_ZONE: expected a time zone such as Europe\/Berlin, got 4 characters.*QUIET_HOURS: expected two times of day, .* got 8 characters/,
  );
});

test('a source without credentials is refused', () => {
  expect(() => parseConfig({ FCM_PROJECT_ID_SHOP_B: 'b' })).toThrow(
    'FCM_CREDENTIALS_SHOP_B: expected credentials, because other variables of this source are set, got nothing',
  );
});

test('what errors and reports show of an environment has a length that they can bear', () => {
  const name = `FCM_CREDENTIALS_${'X'.repeat(65)}`;
  expect(() => parseConfig({ [name]: 'x.json' })).toThrow(
    'FCM_CREDENTIALS_NAME: expected the name of a source of at most 64 characters in the name of the variable, got one of 65',
  );
  expect(() => parseConfig({ FCM_ENDPOINT: `https://${'h'.repeat(300)}` })).toThrow(
    'FCM_ENDPOINT: expected an address that begins with https:// or http://, got 308 characters',
  );
});

test('a short token is refused, and the error does not show it', () => {
  expect(() => parseConfig({ API_TOKEN: 'long-enough-to-be-a-token-0, hunter2' })).toThrow(
    /^API_TOKEN: expected tokens of at least 24 characters, got one of 7$/,
  );
});

test.each([
  [{ API_AUTH: 'none' }, 'API_AUTH: expected one of token, gateway, got 4 characters'],
  [
    { API_BASE_PATH: 'baton' },
    'API_BASE_PATH: expected the beginning of a path, such as /baton, got 5 characters',
  ],
])('%j is refused', (env, message) => {
  expect(() => parseConfig(env)).toThrow(message);
});

test('a token may have a name and scopes, and a plain one may have colons in it', () => {
  const token = 'long-enough-to-be-a-token-';
  const { tokens } = parseConfig({
    API_TOKEN: `app:devices:${token}0, back-end:read+send:${token}1\ndGhpcw:APA91b:${token}2`,
  }).api;
  expect(tokens.find(`${token}0`)).toEqual({ name: 'app', scopes: ['devices'] });
  expect(tokens.find(`${token}1`)).toEqual({ name: 'back-end', scopes: ['read', 'send'] });
  expect(tokens.find(`dGhpcw:APA91b:${token}2`)).toEqual({ name: null, scopes: ['admin'] });
  expect(tokens.find(`app:devices:${token}0`)).toBeNull();
});

test.each([
  [
    'app:device:long-enough-to-be-a-token',
    'scopes of devices, read, send, admin, joined by +, got others in entry 1',
  ],
  [
    'app::long-enough-to-be-a-token',
    'scopes of devices, read, send, admin, joined by +, got others in entry 1',
  ],
  ['app:devices:hunter2', 'tokens of at least 24 characters, got one of 7'],
])('the token %s is refused, and the error does not show it', (API_TOKEN, words) => {
  expect(() => parseConfig({ API_TOKEN })).toThrow(`API_TOKEN: expected ${words}`);
});

test.each(['send', 'scope:push', 'scope:=send', 'group:staff=sent', 'arn=admin', 'name:x=send'])(
  'the grant %s is refused by its place',
  (grant) => {
    expect(() => parseConfig({ API_GATEWAY_GRANTS: `group:a=read,${grant}` })).toThrow(
      'API_GATEWAY_GRANTS: expected scope:NAME=SCOPES, group:NAME=SCOPES or arn:…=SCOPES, with SCOPES such as send or ' +
        'read+send, got something else in entry 2',
    );
  },
);

const ROLE = 'arn:aws:sts::123456789012:assumed-role/back-end';

test.each([
  ['an ARN of the pattern', `${ROLE}/session-1`, ['send']],
  ['another role', `${ROLE}-2/session-1`, []],
  ['a role of another account', `${ROLE.replace('123456789012', '210987654321')}/x`, []],
  ['a session with a path', `${ROLE}/x/y`, []],
  ['an ARN around the pattern', `x${ROLE}/session-1`, []],
  ['the user of an exact ARN', 'arn:aws:iam::123456789012:user/ops', ['admin']],
  ['a user whose name is longer', 'arn:aws:iam::123456789012:user/ops-2', []],
  ['a user whose name fits where a dot is a dot', 'arn:aws:iam::123456789012:user/axb', []],
])('%s has the scopes of its grants alone', (_case, arn, scopes) => {
  const API_GATEWAY_GRANTS = [
    `${ROLE}/*=send`,
    'arn:aws:iam::123456789012:user/ops=admin',
    'arn:aws:iam::123456789012:user/a.b=admin',
  ].join(', ');
  expect(parseConfig({ API_GATEWAY_GRANTS }).api.grants.scopesOf({ kind: 'iam', arn })).toEqual(scopes);
});

test('a JWT has the scopes of all its grants, and a scope is not a group', () => {
  const { grants } = parseConfig({
    API_GATEWAY_GRANTS: 'scope:https://push.example/send=send,group:staff=read+devices,group:x=admin',
  }).api;
  const jwt = { kind: 'jwt', subject: 'u' } as const;
  const scopesOf = (scopes: string[], groups: string[]) => grants.scopesOf({ ...jwt, scopes, groups });
  expect(scopesOf(['openid', 'https://push.example/send'], ['staff'])).toEqual(['send', 'read', 'devices']);
  expect(scopesOf(['staff', 'x'], ['https://push.example/send'])).toEqual([]);
});

test.each([
  ['announcements, scan', ['announcements', 'scan']],
  ['', []],
])('RECORDS_MAY_START=%s names what records may start', (RECORDS_MAY_START, mayStart) => {
  expect(parseConfig({ RECORDS_MAY_START }).records).toEqual({ mayStart });
});

test('another word in RECORDS_MAY_START is refused', () => {
  expect(() => parseConfig({ RECORDS_MAY_START: 'announcements,broadcast' })).toThrow(
    'RECORDS_MAY_START: expected a list of announcements, scan, doctor, got other words',
  );
});

test('API_AUTH=gateway makes the API trust the gateway', () => {
  expect(parseConfig({ API_AUTH: 'gateway', API_BASE_PATH: '/baton/' }).api).toEqual({
    tokens: expect.objectContaining({ count: 0 }),
    trustsGateway: true,
    grants: expect.objectContaining({ count: 0 }),
    basePath: '/baton',
  });
});

test('a token is accepted if it is one of API_TOKEN, and the configuration holds none of them', () => {
  const { api } = parseConfig({ API_TOKEN: 'long-enough-to-be-a-token-0,long-enough-to-be-a-token-1' });
  expect(api.tokens.count).toBe(2);
  const admin = { name: null, scopes: ['admin'] };
  expect(api.tokens.find('long-enough-to-be-a-token-0')).toEqual(admin);
  expect(api.tokens.find('long-enough-to-be-a-token-1')).toEqual(admin);
  expect(api.tokens.find('long-enough-to-be-a-token-2')).toBeNull();
  expect(JSON.stringify(api)).not.toContain('long-enough');
});

import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import type { CheckResult } from '../../src/doctor/check.ts';
import { examine } from '../../src/doctor/examine.ts';
import { openStore } from '../../src/db/open.ts';
import { writeSandboxCredentials } from '../../src/rehearsal/fcm/credentials.ts';
import { type FcmSandbox, startFcmSandbox } from '../../src/rehearsal/fcm/sandbox.ts';
import { baton } from '../support/baton.ts';
import { makeDatabase, type TestDatabase } from '../support/database.ts';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

let database: TestDatabase;
let sandbox: FcmSandbox;
let folder: string;
let env: Record<string, string>;

beforeEach(async () => {
  database = await makeDatabase('sqlite');
  const store = await openStore(database.config, systemClock);
  await store.recordTick();
  await store.close();
  sandbox = await startFcmSandbox();
  folder = mkdtempSync(join(tmpdir(), 'baton-doctor-'));
  env = {
    DATABASE_URL: database.url,
    FCM_ENDPOINT: sandbox.endpoint,
    FCM_PROJECT_ID: 'a-project',
    GOOGLE_APPLICATION_CREDENTIALS: writeSandboxCredentials(folder, sandbox.tokenUrl),
  };
  vi.stubEnv('GOOGLE_APPLICATION_CREDENTIALS', env['GOOGLE_APPLICATION_CREDENTIALS']);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await sandbox.close();
  await database.drop();
  rmSync(folder, { recursive: true });
});

async function check(more: Record<string, string> = {}, functionName: string | null = null) {
  const report = await examine({
    env: { ...env, ...more },
    functionName,
    fix: false,
    clock: systemClock,
    limitMs: 2000,
  });
  const named = (name: string): CheckResult => {
    const result = report.checks.find((each) => each.name === name);
    if (!result) throw new Error(`expected a check called ${name}, got none`);
    return result;
  };
  const failed = report.checks.filter(({ ok, says }) => ok === false && says !== 'not checked');
  return { report, named, failed: failed.map(({ name }) => name) };
}

test('on one machine all checks are green without a function, and its line says how to check one', async () => {
  const { report, named } = await check();
  expect(report.ok).toBe(true);
  expect(named('function')).toMatchObject({ ok: null, says: expect.stringContaining('--function NAME') });
  const { status, out } = await baton(['doctor'], env);
  expect(out).toContain('- function ');
  expect(status).toBe(0);
});

test('a missing SQLite file is reported and not created', async () => {
  const { named, failed } = await check({ DATABASE_URL: join(folder, 'none.db') });
  expect(failed).toEqual(['database']);
  expect(named('database').says).toBe(
    'DATABASE_URL: expected the path of an existing SQLite file, got the path of no file',
  );
  expect((await check({ DATABASE_URL: join(folder, 'none.db') })).failed).toEqual(['database']);
});

test('an invalid source leaves the others green', async () => {
  const { named, failed } = await check({
    FCM_CREDENTIALS_SHOP_B: join(folder, 'none.json'),
    FCM_PROJECT_ID_SHOP_C: 'c',
  });
  expect(failed).toEqual(['configuration', 'FCM credentials (shop_b)']);
  expect(named('FCM send (default)').ok).toBe(true);
  expect(named('FCM credentials (shop_b)').says).toContain('the path of no readable file (ENOENT)');
  expect(named('FCM send (shop_b)').advice).toBe('fix "FCM credentials (shop_b)" first');
  expect(named('FCM send (shop_c)').says).toBe('not checked');
});

test('a secret that cannot be read prevents only the checks that need it', async () => {
  vi.stubEnv('AWS_ENDPOINT_URL_SECRETS_MANAGER', 'http://127.0.0.1:1');
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'local');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'local');
  const arn = 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:database-AbCdEf';
  const { named, failed } = await check({ DATABASE_URL: arn });
  expect(failed).toEqual(['configuration']);
  expect(named('configuration')).toMatchObject({
    says: expect.stringMatching(/^DATABASE_URL: .*secret/),
    advice: expect.stringContaining('allow secretsmanager:GetSecretValue'),
  });
  expect(named('database').says).toBe('not checked');
  expect(named('FCM send (default)').ok).toBe(true);
});

test('credentials in place of their path are not quoted', async () => {
  const { report, named } = await check({ FCM_CREDENTIALS: 'c2VjcmV0'.repeat(300) });
  expect(named('FCM credentials (default)').says).toMatch(/^FCM_CREDENTIALS: got 2400 characters/);
  expect(JSON.stringify(report)).not.toContain('c2VjcmV0c2VjcmV0');
});

test('without a region for AWS the advice says what to set', async () => {
  vi.stubEnv('AWS_REGION', '');
  const { named, failed } = await check({}, 'baton');
  expect(failed).toEqual(['self-invoke', 'function']);
  expect(named('function').advice).toBe('set AWS_REGION to the region of the function');
});

test('alerts are checked where they are configured: an invalid key, and alerts that could not be sent', async () => {
  const url = 'https://hooks.example/k3y';
  const key = `whsec_${Buffer.alloc(24).toString('base64')}`;
  expect((await check()).report.checks.map(({ name }) => name)).not.toContain('alerts');
  const right = await check({ ALERT_WEBHOOK_URL: url, ALERT_WEBHOOK_SECRET: key });
  expect(right.failed).toEqual([]);
  expect(right.named('alerts')).toMatchObject({
    ok: true,
    says: 'done, failed, paused, stalled, throttled, failure-rate, doctor, radar, canary; by webhook (standard)',
  });
  const wrong = await check({ ALERT_WEBHOOK_URL: url, ALERT_WEBHOOK_SECRET: 'k3y' });
  expect(wrong.failed).toEqual(['configuration']);
  expect(wrong.named('alerts').says).toBe('not checked');

  const store = await openStore(database.config, systemClock);
  await store.addAlerts([{ cause: 0, alert: madeUpAlert }], ['webhook']);
  for (let attempts = 0; attempts < 2; attempts++) await store.claimAlert({ alertId: 1, attempts }, 0);
  await store.close();
  const { named, failed, report } = await check({ ALERT_WEBHOOK_URL: url, ALERT_WEBHOOK_SECRET: key });
  expect(failed).toEqual(['alerts']);
  expect(named('alerts').says).toBe('1 alerts could not be sent yet');
  expect(JSON.stringify([report, wrong.report])).not.toContain('k3y');
});

test('the topic of alerts is checked for a function on AWS', async () => {
  const topic = { ALERT_SNS_TOPIC_ARN: 'arn:aws:sns:eu-central-1:123456789012:alerts' };
  expect((await check(topic)).named('alerts').says).toMatch(/by SNS$/);
  for (const [name, value] of Object.entries({ AWS_ACCESS_KEY_ID: 'local', AWS_SECRET_ACCESS_KEY: 'local' }))
    vi.stubEnv(name, value);
  vi.stubEnv('AWS_ENDPOINT_URL_SNS', 'http://127.0.0.1:1');
  const { named } = await check(topic, 'baton');
  expect(named('alert topic')).toMatchObject({
    ok: false,
    advice: expect.stringContaining('allow sns:Publish and sns:GetTopicAttributes'),
  });
});

const madeUpAlert = {
  kind: 'failed',
  ...{ id: 'alert_1', at: 0, stage: 'dev', source: 'default', announcementId: 1 },
  ...{ text: 'a text', reason: null, balance: null, counts: null, next: 'a step' },
} as const;

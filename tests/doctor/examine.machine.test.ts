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

import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { parseConfig } from '../../src/config/config.ts';
import { type CheckResult, green, red, runChecks } from '../../src/doctor/check.ts';
import { judgeSkew } from '../../src/doctor/clock.ts';
import { examine } from '../../src/doctor/examine.ts';
import { judgeConcurrency, judgeImage, judgeMemory, judgeTimeout } from '../../src/doctor/lambda.ts';
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
    const found = report.checks.find((each) => each.name === name);
    if (!found) throw new Error(`no check is called ${name}`);
    return found;
  };
  const failed = report.checks.filter(({ ok, says }) => ok === false && says !== 'not checked');
  return { report, named, failed: failed.map(({ name }) => name) };
}

test('on a machine of its own all is well without a function, and the line on it says how to ask', async () => {
  const { report, named } = await check();
  expect(report.ok).toBe(true);
  expect(named('function')).toMatchObject({ ok: null, says: expect.stringContaining('--function NAME') });
  const { status, out } = await baton(['doctor'], env);
  expect(out).toContain('- function ');
  expect(status).toBe(0);
});

test('an SQLite file that is not there is not made by asking', async () => {
  const { named, failed } = await check({ DATABASE_URL: join(folder, 'none.db') });
  expect(failed).toEqual(['database']);
  expect(named('database').says).toBe(`DATABASE_URL: there is no file ${join(folder, 'none.db')}`);
  expect((await check({ DATABASE_URL: join(folder, 'none.db') })).failed).toEqual(['database']);
});

test('one source that is wrong leaves the others green', async () => {
  const { named, failed } = await check({
    FCM_CREDENTIALS_SHOP_B: join(folder, 'none.json'),
    FCM_PROJECT_ID_SHOP_C: 'c',
  });
  expect(failed).toEqual(['configuration', 'FCM credentials (shop_b)']);
  expect(named('FCM send (default)').ok).toBe(true);
  expect(named('FCM credentials (shop_b)').says).toContain('none.json (ENOENT)');
  expect(named('FCM send (shop_b)').advice).toBe('mend "FCM credentials (shop_b)" first');
  expect(named('FCM send (shop_c)').says).toBe('not checked');
});

test('a secret that cannot be read leaves what does not need it', async () => {
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

test('credentials put where their path belongs are not quoted', async () => {
  const { report, named } = await check({ FCM_CREDENTIALS: 'c2VjcmV0'.repeat(300) });
  expect(named('FCM credentials (default)').says).toMatch(/^FCM_CREDENTIALS: came 2400 characters/);
  expect(JSON.stringify(report)).not.toContain('c2VjcmV0c2VjcmV0');
});

test('without region or credentials for AWS, it says what to set', async () => {
  vi.stubEnv('AWS_REGION', '');
  const { named, failed } = await check({}, 'baton');
  expect(failed).toEqual(['self-invoke', 'function']);
  expect(named('function').advice).toBe('set AWS_REGION to the region of the function');
});

test('what does not answer is red after its time, and holds up nothing but what needs it', async () => {
  const never = new Promise<never>(() => {});
  const advise = () => 'wait';
  const results = runChecks(
    [
      { name: 'a', run: () => never, advise },
      { name: 'b', run: async () => green('fine'), advise },
      { name: 'c', needs: ['a', 'b'], run: async () => green('fine'), advise },
      { name: 'd', needs: ['b'], run: async () => red('bad', 'mend it'), advise },
    ],
    50,
  );
  expect(await Promise.all(results)).toEqual([
    { name: 'a', ok: false, says: 'no answer in 0.05 s', advice: 'wait' },
    { name: 'b', ok: true, says: 'fine', advice: null },
    { name: 'c', ok: false, says: 'not checked', advice: 'mend "a" first' },
    { name: 'd', ok: false, says: 'bad', advice: 'mend it' },
  ]);
});

test.each([
  ['123456789012.dkr.ecr.eu-central-1.amazonaws.com/baton@sha256:abc', true],
  ['123456789012.dkr.ecr.eu-central-1.amazonaws.com/baton:latest@sha256:abc', true],
  ['123456789012.dkr.ecr.eu-central-1.amazonaws.com/baton:4c6192f', true],
  ['localhost:5000/baton:latest', false],
  ['localhost:5000/baton', false],
])('the image %s is pinned: %s', (uri, ok) => {
  expect(judgeImage(uri).ok).toBe(ok);
});

test('concurrency has to be enough for the budgets of all sources, and is never 1', () => {
  const slow = parseConfig({ FCM_MESSAGES_PER_MINUTE: '6000' });
  expect(judgeConcurrency(1, slow).ok).toBe(false);
  expect(judgeConcurrency(2, slow).ok).toBe(true);
  expect(judgeConcurrency(11, parseConfig({})).ok).toBe(true);
  expect(judgeConcurrency(10, parseConfig({})).ok).toBe(false);
  expect(judgeConcurrency(11, parseConfig({ FCM_CREDENTIALS_B: 'b.json' })).ok).toBe(false);
  expect(judgeConcurrency(null, parseConfig({})).ok).toBe(true);
  expect(judgeConcurrency(0, slow)).toMatchObject({ ok: false, says: '0 reserved: the function is stopped' });
});

test('the time-out has to be longer than a lease, and than a chunk with its reserve', () => {
  expect(judgeTimeout(30, parseConfig({})).ok).toBe(false);
  expect(judgeTimeout(31, parseConfig({})).ok).toBe(true);
  expect(judgeTimeout(31, parseConfig({ DEADLINE_RESERVE_MS: '25000' })).ok).toBe(false);
});

test('memory below a whole vCPU is said, and too little of it is red', () => {
  expect(judgeMemory(1769)).toEqual(green('1769 MB'));
  expect(judgeMemory(1024)).toMatchObject({ ok: true, says: expect.stringContaining('1769') });
  expect(judgeMemory(128).ok).toBe(false);
});

test('a slow answer is no skew', () => {
  expect(judgeSkew(-40_000, 20_000, "FCM's").ok).toBe(true);
  expect(judgeSkew(-40_000, 1000, "FCM's")).toMatchObject({
    ok: false,
    says: expect.stringContaining('behind'),
  });
  expect(judgeSkew(40_000, 0, "FCM's")).toMatchObject({ ok: false, says: expect.stringContaining('ahead') });
});

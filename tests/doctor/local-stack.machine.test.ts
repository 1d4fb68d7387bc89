import { clockThatSays } from '../support/clock.ts';
import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import {
  DeleteFunctionConcurrencyCommand,
  PutFunctionConcurrencyCommand,
  PutFunctionRecursionConfigCommand,
} from '@aws-sdk/client-lambda';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import type { CheckResult } from '../../src/doctor/check.ts';
import { type DoctorReport, examine } from '../../src/doctor/examine.ts';
import { writeSandboxCredentials } from '../../src/rehearsal/fcm/credentials.ts';
import { startFcmSandbox } from '../../src/rehearsal/fcm/sandbox.ts';
import type { LocalLambdaOptions } from '../../src/local/lambda/lambda.ts';
import { batonHere } from '../support/baton.ts';
import {
  AWS,
  deploy,
  type DeployedFunction,
  hasMysql,
  type LocalStack,
  PASSWORD,
  startFront,
  startLocalStack,
} from '../support/local-stack.ts';

const LONG = 90_000;

let stack: LocalStack;

beforeAll(async () => {
  if (!hasMysql()) return;
  stack = await startLocalStack();
  const fn = await deploy(stack.env);
  await fn.call({ kind: 'scan' });
  await fn.close();
});
afterAll(() => stack?.close());
afterEach(() => vi.unstubAllEnvs());

/** The failed checks, without those that another failed check prevents. */
function faults({ checks }: DoctorReport): CheckResult[] {
  return checks.filter(({ ok, says }) => ok === false && says !== 'not checked');
}

function blocked({ checks }: DoctorReport): string[] {
  return checks.filter(({ says }) => says === 'not checked').map(({ name }) => name);
}

/** Runs `baton doctor --function baton` in this process. The AWS SDK and Google's client read the environment of the process. */
async function doctor(
  endpoint: string,
  env: Readonly<Record<string, string>> = stack.env,
  ...args: string[]
): Promise<{ status: number | null; out: string; err: string }> {
  const all = { ...env, ...AWS, AWS_ENDPOINT_URL_LAMBDA: endpoint };
  for (const [name, value] of Object.entries(all)) vi.stubEnv(name, value);
  return batonHere(['doctor', '--function', 'baton', ...args], all);
}

async function report(endpoint: string, env?: Readonly<Record<string, string>>): Promise<DoctorReport> {
  const { out } = await doctor(endpoint, env, '--json');
  return JSON.parse(out) as DoctorReport;
}

interface Fault {
  readonly name: string;
  /** The only check that fails, and its text. */
  readonly line: string;
  readonly says: RegExp;
  readonly advice: RegExp;
  readonly blocks?: readonly string[];
  /** Variables and settings that the function is deployed with. */
  readonly env?: () => Promise<Record<string, string>>;
  readonly options?: Partial<LocalLambdaOptions>;
  readonly inject?: (fn: DeployedFunction) => Promise<unknown>;
  /** Does what the advice says; absent: the advice is to correct the variables or settings above. */
  readonly follow?: (fn: DeployedFunction, advice: string) => Promise<unknown>;
}

const AFTER_DATABASE = [
  'database version',
  'database session',
  'database clock',
  'migrations',
  'page query',
  'engines',
  'ids',
  'audience views',
  'columns',
  'targets',
  'start times',
  'canaries',
  'privileges',
  'schedule',
];

const FAULTS: readonly Fault[] = [
  {
    name: 'a wrong password',
    line: 'database',
    says: /ER_ACCESS_DENIED_ERROR/,
    advice: /the user and the password in DATABASE_URL/,
    blocks: AFTER_DATABASE,
    env: async () => ({
      DATABASE_URL: Object.assign(new URL(stack.env['DATABASE_URL']!), { password: 'no' }).href,
    }),
  },
  {
    name: 'a server that does not run',
    line: 'database',
    says: /ECONNREFUSED/,
    advice: /start the server; if it runs, correct the host and the port/,
    blocks: AFTER_DATABASE,
    env: async () => ({
      DATABASE_URL: Object.assign(new URL(stack.env['DATABASE_URL']!), { port: '1' }).href,
    }),
  },
  {
    name: 'a missing migration',
    line: 'migrations',
    says: /expected version \d+, got 0/,
    advice: /run `baton migrate`/,
    blocks: [
      'page query',
      'engines',
      'ids',
      'audience views',
      'columns',
      'targets',
      'start times',
      'canaries',
      'privileges',
      'schedule',
    ],
    inject: () => stack.ask('DELETE FROM push_migration'),
    follow: () => batonHere(['migrate'], stack.env),
  },
  {
    name: 'a device table without its key',
    line: 'page query',
    says: /ALL on null, Using where; Using filesort/,
    advice: /make device_id the primary key/,
    inject: () =>
      stack.ask('ALTER TABLE push_device MODIFY device_id BIGINT UNSIGNED NOT NULL, DROP PRIMARY KEY'),
    follow: () =>
      stack.ask(
        'ALTER TABLE push_device ADD PRIMARY KEY (device_id), MODIFY device_id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT',
      ),
  },
  {
    name: 'a missing privilege',
    line: 'privileges',
    says: /^not allowed: UPDATE on push_announcement, UPDATE on push_device/,
    advice: /GRANT SELECT, INSERT, UPDATE, DELETE on that database/,
    inject: () => stack.ask(`REVOKE UPDATE ON ${stack.database}.* FROM ${stack.user}`),
    follow: () => stack.ask(`GRANT SELECT, INSERT, UPDATE, DELETE ON ${stack.database}.* TO ${stack.user}`),
  },
  {
    name: 'a schedule that has stopped',
    line: 'schedule',
    says: /last tick 10 min ago/,
    advice: /let EventBridge invoke the function each minute/,
    inject: () => stack.ask('UPDATE push_tick SET ticked_at = UTC_TIMESTAMP(3) - INTERVAL 10 MINUTE'),
    follow: (fn) => fn.call({ kind: 'scan' }),
  },
  {
    name: 'a schedule that has never ticked',
    line: 'schedule',
    says: /never ticked/,
    advice: /is the schedule enabled/,
    inject: () => stack.ask('DELETE FROM push_tick'),
    follow: (fn) => fn.call({ source: 'aws.scheduler', detail: '{}' }),
  },
  {
    name: 'credentials that Google no longer accepts',
    line: 'FCM send (default)',
    says: /HTTP_401/,
    advice: /the service account key may have been deleted/,
    env: async () => {
      const others = await startFcmSandbox();
      mkdirSync(join(stack.folder, 'others'), { recursive: true });
      const path = writeSandboxCredentials(join(stack.folder, 'others'), others.tokenUrl);
      closings.push(() => others.close());
      return { GOOGLE_APPLICATION_CREDENTIALS: path };
    },
  },
  {
    name: 'a wrong project',
    line: 'FCM send (default)',
    says: /HTTP_404/,
    advice: /check FCM_PROJECT_ID/,
    env: async () => ({ FCM_PROJECT_ID: 'another-project' }),
  },
  {
    name: 'no credentials',
    line: 'FCM credentials (default)',
    says: /FCM_CREDENTIALS: got nothing/,
    advice: /set it to a service account .*Generate new private key/,
    blocks: ['FCM project (default)', 'FCM send (default)'],
    env: async () => ({ GOOGLE_APPLICATION_CREDENTIALS: '' }),
  },
  {
    name: 'an FCM that cannot be reached',
    line: 'FCM endpoint',
    says: /ECONNREFUSED/,
    advice: /a NAT gateway/,
    blocks: ['clock', 'FCM send (default)'],
    env: async () => ({ FCM_ENDPOINT: 'http://127.0.0.1:1' }),
  },
  {
    name: 'the default of RecursiveLoop',
    line: 'recursive loop',
    says: /^Terminate: Lambda drops the 17th invocation/,
    advice: /run the doctor with --fix/,
    inject: (fn) =>
      fn.client.send(
        new PutFunctionRecursionConfigCommand({ FunctionName: 'baton', RecursiveLoop: 'Terminate' }),
      ),
    follow: async (fn) => {
      const { out } = await doctor(fn.endpoint, stack.env, '--fix');
      expect(out).toContain('Allow, set just now; it was Terminate');
    },
  },
  {
    name: 'a reserved concurrency of 1, which the next invocation waits for',
    line: 'concurrency',
    says: /^1 reserved, but the budgets need about 8/,
    advice: /reserve 8 or more, or nothing/,
    inject: (fn) => reserve(fn, 1),
    follow: (fn, advice) => reserve(fn, Number(/\d+/.exec(advice)?.[0])),
  },
  {
    name: 'a time-out that is too short for a chunk',
    line: 'time-out',
    says: /^expected more than 30 s .*, got 20 s$/,
    advice: /set it to 300 s/,
    options: { timeoutMs: 20_000 },
  },
  {
    name: 'too little memory',
    line: 'memory',
    says: /^256 MB$/,
    advice: /set it to 1769 MB/,
    options: { memoryMb: 256 },
  },
  {
    name: 'a mistake in the configuration',
    line: 'configuration',
    says: /^PAGE_SIZE: expected a whole number from 1 to 50000, got 4 characters$/,
    advice: /set these variables/,
    blocks: ['concurrency'],
    env: async () => ({ PAGE_SIZE: 'many' }),
  },
];

const closings: (() => Promise<unknown>)[] = [];
afterAll(async () => {
  for (const close of closings) await close();
});

let correct: Promise<DeployedFunction> | null = null;

/** The function with the correct configuration, deployed once: every fault that is corrected by a deployment ends in it. */
function deployCorrect(): Promise<DeployedFunction> {
  if (correct === null) {
    correct = deploy(stack.env);
    closings.push(async () => (await correct)?.close());
  }
  return correct;
}

function reserve(fn: DeployedFunction, invocations: number): Promise<unknown> {
  const input = { FunctionName: 'baton', ReservedConcurrentExecutions: invocations };
  return fn.client.send(new PutFunctionConcurrencyCommand(input));
}

describe.skipIf(!hasMysql())('against the local stack', { timeout: LONG }, () => {
  test('all checks are green, at a terminal and inside the function', async () => {
    const fn = await deploy(stack.env);
    const { status, out, err } = await doctor(fn.endpoint);
    expect({ status, err }).toEqual({ status: 0, err: '' });
    expect(out).toMatch(/\n\nall is well\n$/);
    for (const text of ['✗', '\u001B']) expect(out).not.toContain(text);
    const inside = await fn.call({ kind: 'doctor' });
    expect(faults(inside)).toEqual([]);
    expect(inside).toMatchObject({ kind: 'doctor', ok: true });
    expect(inside.checks.map(({ name }) => name)).toEqual([
      ...['configuration', 'database', ...AFTER_DATABASE],
      ...[
        'FCM endpoint',
        'clock',
        'FCM credentials (default)',
        'FCM project (default)',
        'FCM send (default)',
      ],
      ...['self-invoke', 'function', 'recursive loop', 'concurrency', 'time-out', 'memory', 'image', 'IPv6'],
    ]);
    expect(inside.checks.every(({ ok, advice }) => ok === true && advice === null)).toBe(true);
    await fn.close();
  });

  test.each(FAULTS)(
    '$name turns "$line" red, inside the function; following the advice turns it green',
    async (fault) => {
      const { line, says, advice, blocks = [], env = async () => ({}), options = {} } = fault;
      const { inject = async () => {}, follow = async () => {} } = fault;
      const broken = await deploy({ ...stack.env, ...(await env()) }, options);
      await inject(broken);
      const failing = await broken.call({ kind: 'doctor' });
      expect(failing.ok).toBe(false);
      expect(faults(failing)).toEqual([
        {
          name: line,
          ok: false,
          says: expect.stringMatching(says) as string,
          advice: expect.stringMatching(advice) as string,
        },
      ]);
      expect(blocked(failing)).toEqual(blocks);
      expect(JSON.stringify(failing)).not.toContain(PASSWORD);

      await follow(broken, faults(failing)[0]!.advice!);
      // Variables and settings are corrected by a new deployment; what is in Lambda or in the database stays.
      const isRedeployed = fault.env !== undefined || fault.options !== undefined;
      if (isRedeployed) await broken.close();
      const fixed = isRedeployed ? await deployCorrect() : broken;
      const passing = await fixed.call({ kind: 'doctor' });
      expect(faults(passing)).toEqual([]);
      expect(passing.ok).toBe(true);
      if (!isRedeployed) await fixed.close();
    },
  );

  test('a function without reserved concurrency is green', async () => {
    const fn = await deploy(stack.env, { reservedConcurrency: 0 });
    expect(faults(await report(fn.endpoint))).toMatchObject([
      { name: 'concurrency', says: '0 reserved: the function is stopped' },
    ]);
    await fn.client.send(new DeleteFunctionConcurrencyCommand({ FunctionName: 'baton' }));
    expect(await report(fn.endpoint)).toMatchObject({ ok: true });
    await fn.close();
  });

  test('--fix applies missing migrations, and reports them', async () => {
    const fn = await deploy(stack.env);
    await stack.ask('DELETE FROM push_migration');
    const { status, out } = await doctor(fn.endpoint, stack.env, '--fix');
    expect(out).toContain(
      'applied just now: 001-broadcast, 002-guarantee, 003-snapshot, 004-retry, 005-spread, 006-summary, 007-alert',
    );
    expect(status).toBe(0);
    await fn.close();
  });

  test('an image is red with a tag that moves, and green with a digest', async () => {
    const fn = await deploy(stack.env);
    let uri = '123456789012.dkr.ecr.us-east-1.amazonaws.com/baton:latest';
    const front = await startFront(fn.endpoint, async (operation, ask) => {
      if (operation.endsWith('/configuration')) {
        return { status: 200, body: { ...(await ask()), PackageType: 'Image' } };
      }
      if (!operation.endsWith('/functions/baton')) return null;
      return { status: 200, body: { Code: { ImageUri: uri } } };
    });
    expect(faults(await report(front.endpoint))).toMatchObject([
      {
        name: 'image',
        says: `${uri}: the tag latest moves`,
        advice: expect.stringContaining('by its digest'),
      },
    ]);
    uri = `123456789012.dkr.ecr.us-east-1.amazonaws.com/baton@sha256:${'0'.repeat(64)}`;
    expect(await report(front.endpoint)).toMatchObject({ ok: true });
    await front.close();
    await fn.close();
  });

  test('a role that may not invoke or read the function is red, with the missing permission as advice', async () => {
    const fn = await deploy(stack.env);
    const denied = { status: 403, type: 'AccessDeniedException', body: { Message: 'is not authorized' } };
    let isDenied = (operation: string): boolean => operation.startsWith('POST');
    const front = await startFront(fn.endpoint, async (operation) => (isDenied(operation) ? denied : null));
    expect(faults(await report(front.endpoint))).toMatchObject([
      { name: 'self-invoke', advice: expect.stringContaining('allow lambda:InvokeFunction on the function') },
    ]);
    isDenied = (operation) => operation.startsWith('GET');
    const failing = await report(front.endpoint);
    expect(faults(failing)).toMatchObject([
      { name: 'function', advice: expect.stringContaining('allow lambda:GetFunctionConfiguration') },
    ]);
    expect(blocked(failing)).toEqual([
      'recursive loop',
      'concurrency',
      'time-out',
      'memory',
      'image',
      'IPv6',
    ]);
    isDenied = () => false;
    expect(await report(front.endpoint)).toMatchObject({ ok: true });

    await fn.client.send(
      new PutFunctionRecursionConfigCommand({ FunctionName: 'baton', RecursiveLoop: 'Terminate' }),
    );
    isDenied = (operation) => operation.startsWith('PUT');
    const { status, out } = await doctor(front.endpoint, stack.env, '--fix');
    expect(out).toMatch(/Terminate, and it cannot be set: is not authorized/);
    expect(out).toContain('allow lambda:PutFunctionRecursionConfig on the function');
    expect(status).toBe(1);
    await front.close();
    await fn.close();
  });

  test('a clock that is an hour behind is red, with NTP as advice', async () => {
    for (const [name, value] of Object.entries(stack.env)) vi.stubEnv(name, value);
    const clock = clockThatSays(() => Date.now() - 3_600_000);
    const examination = { env: stack.env, functionName: null, fix: false, clock };
    const failing = await examine(examination);
    expect(faults(failing)).toMatchObject(
      [
        { name: 'database clock', says: expect.stringMatching(/clock is 3[56]\d\d s behind the database's/) },
        { name: 'clock', says: expect.stringMatching(/clock is 3[56]\d\d s behind FCM's/) },
      ].map((line) => ({ ...line, advice: expect.stringContaining('NTP') })),
    );
    expect(await examine({ ...examination, clock: systemClock })).toMatchObject({ ok: true });
  });

  test('in a network that drops every packet the doctor ends, and the red lines name the route', async () => {
    const silent: Socket[] = [];
    const hole = createServer((socket) => silent.push(socket));
    await new Promise<void>((resolve) => hole.listen(0, '127.0.0.1', resolve));
    const address = hole.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    const url = Object.assign(new URL(stack.env['DATABASE_URL']!), { port: String(port) }).href;
    const failing = await report(`http://127.0.0.1:${port}`, {
      ...stack.env,
      DATABASE_URL: url,
      FCM_ENDPOINT: `http://127.0.0.1:${port}`,
    });
    expect(faults(failing).map(({ name, advice }) => [name, /route/.test(advice ?? '')])).toEqual(
      ['database', 'FCM endpoint', 'self-invoke', 'function'].map((name) => [name, true]),
    );
    for (const socket of silent) socket.destroy();
    await new Promise((resolve) => hole.close(resolve));
  });

  test('a service account of another project than FCM_PROJECT_ID is red', async () => {
    const { privateKey } = generateKeyPairSync('rsa', {
      modulusLength: 2048,
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
      publicKeyEncoding: { type: 'spki', format: 'pem' },
    });
    const account = {
      type: 'service_account',
      project_id: 'the-accounts-own',
      client_email: 'baton@the-accounts-own.iam.gserviceaccount.com',
      private_key: privateKey,
    };
    const env = { ...stack.env, FCM_CREDENTIALS: JSON.stringify(account) };
    const examination = { functionName: null, fix: false, clock: systemClock, limitMs: 2000 };
    const project = async (projectId: string): Promise<CheckResult | undefined> => {
      const { checks } = await examine({ ...examination, env: { ...env, FCM_PROJECT_ID: projectId } });
      expect(JSON.stringify(checks)).not.toContain(privateKey.slice(100, 140));
      return checks.find(({ name }) => name === 'FCM project (default)');
    };
    expect(await project('a-project')).toMatchObject({
      ok: false,
      says: 'FCM_PROJECT_ID is a-project, but the service account belongs to the-accounts-own',
      advice: expect.stringContaining('unset FCM_PROJECT_ID'),
    });
    expect(await project('')).toMatchObject({ ok: true });
  });
});

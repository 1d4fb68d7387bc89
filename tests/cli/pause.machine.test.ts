import type { Store } from '../../src/store.ts';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { migrateDatabase, openStore } from '../../src/db/open.ts';
import { writeSandboxCredentials } from '../../src/rehearsal/fcm/credentials.ts';
import { type FcmSandbox, startFcmSandbox } from '../../src/rehearsal/fcm/sandbox.ts';
import { baton, MAIN } from '../support/baton.ts';
import { madeUpDevices } from '../support/context.ts';

const LONG = 60_000;
const WORKERS = 3;
const CHUNK = 200;

let folder: string;
let sandbox: FcmSandbox;
let env: Record<string, string>;
let store: Store;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'baton-pause-'));
  sandbox = await startFcmSandbox({ latencyMs: 60 });
  env = {
    DATABASE_URL: join(folder, 'baton.db'),
    FCM_ENDPOINT: sandbox.endpoint,
    FCM_PROJECT_ID: 'a-project',
    GOOGLE_APPLICATION_CREDENTIALS: writeSandboxCredentials(folder, sandbox.tokenUrl),
    CHUNK_SIZE: String(CHUNK),
  };
  const config = { kind: 'sqlite', file: env['DATABASE_URL']! } as const;
  await migrateDatabase(config, systemClock);
  store = await openStore(config, systemClock);
});

afterEach(async () => {
  await store.close();
  await sandbox.close();
  rmSync(folder, { recursive: true });
});

async function accepted(atLeast: number): Promise<void> {
  while (sandbox.accepted.size < atLeast) await sleep(5);
}

test(
  'a pause stops 30,000 devices within one chunk a worker, and resume completes them',
  { timeout: LONG },
  async () => {
    await store.addDevices(madeUpDevices(30_000));
    const command = ['push', '--title', 'T', '--body', 'B', '--workers', String(WORKERS), '--json'];
    const pushing = baton(command, env);
    await accepted(5000);
    const paused = await baton(['pause', '1'], env);
    const atPause = sandbox.accepted.size;
    expect(paused.out).toContain('announcement 1 paused');
    const { out, status } = await pushing;
    expect(JSON.parse(out)).toMatchObject({
      announcementId: 1,
      status: 'paused',
      delivered: sandbox.accepted.size,
    });
    expect(status).toBe(1);
    expect(sandbox.accepted.size - atPause).toBeLessThanOrEqual(WORKERS * CHUNK);
    expect(sandbox.accepted.size).toBeLessThan(30_000);

    const resumed = await baton([...command, '--resume'], env);
    expect(JSON.parse(resumed.out)).toMatchObject({ announcementId: 1, status: 'done', delivered: 30_000 });
    expect([...sandbox.accepted.values()].every((times) => times === 1)).toBe(true);
  },
);

test(
  'a cancelled announcement ends where it is, and says whom it has reached',
  { timeout: LONG },
  async () => {
    await store.addDevices(madeUpDevices(9000));
    const pushing = baton(['push', '--title', 'T', '--body', 'B', '--json'], env);
    await accepted(1000);
    expect((await baton(['cancel', '1'], env)).out).toContain('announcement 1 cancelled');
    await pushing;
    const status = await baton(['status', '1', '--json'], env);
    expect(JSON.parse(status.out)).toMatchObject({ status: 'cancelled', delivered: sandbox.accepted.size });
    expect(await baton(['resume', '1'], env)).toMatchObject({
      status: 1,
      err: 'baton resume: announcementId: expected an announcement that is paused or failed, got 1, which is cancelled\n',
    });
  },
);

test(
  'a push that was killed goes on with --resume, and repeats only what was in flight',
  { timeout: LONG },
  async () => {
    await store.addDevices(madeUpDevices(6000));
    const command = ['push', '--title', 'T', '--body', 'B', '--json'];
    const shortLease = { ...env, LEASE_MS: '3000', FCM_TIMEOUT_MS: '2000', FCM_RAMP_SECONDS: '0' };
    const doomed = spawn(process.execPath, [MAIN, ...command], {
      env: { ...process.env, ...shortLease },
      stdio: 'ignore',
    });
    await accepted(1500);
    doomed.kill('SIGKILL');
    await sleep(500);
    const { delivered } = await store.countDeliveries(1);
    const inFlight = sandbox.accepted.size - delivered;

    const resumed = await baton([...command, '--resume'], shortLease);
    expect(JSON.parse(resumed.out)).toMatchObject({ announcementId: 1, status: 'done', delivered: 6000 });
    const repeated = [...sandbox.accepted.values()].filter((times) => times > 1).length;
    expect(repeated).toBeLessThanOrEqual(inFlight);
  },
);

test('scan pushes what is due on this machine, and leaves the rest', { timeout: LONG }, async () => {
  await store.addDevices(madeUpDevices(7));
  const hello = ['push', '--title', 'T', '--body', 'B', '--at'];
  expect((await baton([...hello, '2026-01-01T08:00Z'], env)).out).toBe(
    'announcement 1 scheduled for 2026-01-01T08:00:00.000Z\n',
  );
  await baton([...hello, '2126-01-01T08:00+01:00'], env);
  expect(await baton(['scan'], env)).toEqual({ status: 0, out: '1 hops run, 0 errors\n', err: '' });
  expect(sandbox.accepted.size).toBe(7);
  expect((await baton(['status', '1'], env)).out).toContain('announcement 1 done; hops 1 done, 0 open');
  expect((await baton(['status', '2'], env)).out).toContain('announcement 2 scheduled');
});

test.each([
  [['status'], "ID: expected one announcement's id, got nothing"],
  [['pause', 'x'], 'came "x"'],
  [['pause', '77'], 'announcementId: expected the id of a row in push_announcement, got 77'],
  [['push', '--title', 'T', '--body', 'B', '--at', 'tomorrow'], '--at: expected a time with its zone'],
  [
    ['push', '--title', 'T', '--body', 'B', '--at', '2026-12-24T18:07'],
    '--at: expected a time with its zone',
  ],
  [['push', '--title', 'T', '--body', 'B', '--ttl', '9999999'], '--ttl: expected seconds, from 0 to 2419200'],
  [['push', '--title', 'T', '--body', 'B', '--resume'], '--resume: expected an unfinished announcement'],
])('%j is refused', async (args, words) => {
  const { status, err } = await baton(args, env);
  expect(err).toContain(words);
  expect(status).toBeGreaterThan(0);
});

import type { Store } from '../../src/store.ts';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
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
import { API_TOKEN } from '../support/events.ts';

const LONG = 60_000;

let folder: string;
let sandbox: FcmSandbox;
let env: Record<string, string>;
let store: Store;
let serving: ChildProcess | null;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'baton-serve-'));
  sandbox = await startFcmSandbox({});
  env = {
    DATABASE_URL: join(folder, 'baton.db'),
    FCM_ENDPOINT: sandbox.endpoint,
    FCM_PROJECT_ID: 'a-project',
    GOOGLE_APPLICATION_CREDENTIALS: writeSandboxCredentials(folder, sandbox.tokenUrl),
    API_TOKEN,
  };
  const config = { kind: 'sqlite', file: env['DATABASE_URL']! } as const;
  await migrateDatabase(config, systemClock);
  store = await openStore(config, systemClock);
  serving = null;
});

afterEach(async () => {
  serving?.kill('SIGKILL');
  await store.close();
  await sandbox.close();
  rmSync(folder, { recursive: true });
});

/** Resolves to where it answers. */
async function serve(): Promise<string> {
  serving = spawn(process.execPath, [MAIN, 'serve', '--port', '0'], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  for await (const text of serving.stderr!) {
    said += String(text);
    const address = /answering at (http:\S+),/.exec(said)?.[1];
    if (address) return address;
  }
  throw new Error(`it did not answer: ${said}`);
}

async function stop(): Promise<number | null> {
  serving?.kill('SIGTERM');
  const [status] = (await once(serving!, 'exit')) as [number | null];
  return status;
}

test('an announcement made over HTTP is pushed on this machine', { timeout: LONG }, async () => {
  await store.addDevices(madeUpDevices(3));
  const address = await serve();
  const ask = async (path: string, body?: object, method = body ? 'POST' : 'GET') => {
    const headers = { authorization: `Bearer ${API_TOKEN}`, 'content-type': 'application/json' };
    const reply = await fetch(address + path, {
      method,
      headers,
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    return (await reply.json()) as Record<string, unknown>;
  };
  expect((await fetch(`${address}/announcements/1`)).status).toBe(401);
  expect(await ask('/devices', { target: 'target-4' })).toEqual({ deviceId: 4 });
  expect(await ask('/announcements', { title: 'T', body: 'B' })).toMatchObject({ announcementId: 1 });
  while ((await ask('/announcements/1'))['status'] !== 'done') await sleep(50);
  expect(await ask('/announcements/1')).toMatchObject({ counts: { delivered: 4 } });
  expect(sandbox.accepted.size).toBe(4);
  expect(await stop()).toBe(0);
});

test('serve starts what is due by itself, and ends when it is told to', { timeout: LONG }, async () => {
  await store.addDevices(madeUpDevices(3));
  await baton(['push', '--title', 'T', '--body', 'B', '--at', '2026-01-01T08:00Z'], env);
  await serve();
  while (sandbox.accepted.size < 3) await sleep(5);
  expect(await stop()).toBe(0);
});

test('a port that is taken is one clear message', { timeout: LONG }, async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const { port } = taken.address() as AddressInfo;
  expect(await baton(['serve', '--port', String(port)], env)).toEqual({
    status: 2,
    out: '',
    err: `baton serve: --port: expected a port that can be listened on, got ${port} on 127.0.0.1 (EADDRINUSE)\n`,
  });
  taken.close();
});

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Store } from '../../src/store.ts';
import { baton, makeWorkplace, NODE_ARGS, type Workplace } from '../support/baton.ts';
import { madeUpDevices } from '../support/context.ts';

const WORKERS = 2;
const WINDOW = 200;
const SIZES = { WINDOW: String(WINDOW), BATCH_SIZE: String(WINDOW), PAGE_SIZE: '500' };

const HELLO = ['push', '--title', 'T', '--body', 'B'];

let here: Workplace;
let store: Store;

beforeEach(async () => {
  here = await makeWorkplace({ latencyMs: 20 });
  store = await here.openStore();
});

afterEach(() => here[Symbol.asyncDispose]());

async function accepted(atLeast: number): Promise<void> {
  while (here.sandbox.accepted.size < atLeast) await sleep(5);
}

test('a pause stops 3000 devices within a window of each worker, and resume completes them', async () => {
  await store.addDevices(madeUpDevices(3000));
  const command = [...HELLO, '--workers', String(WORKERS), '--json'];
  const pushing = here.baton(command, SIZES);
  await accepted(1000);
  const paused = await here.baton(['pause', '1']);
  const atPause = here.sandbox.accepted.size;
  expect(paused.out).toContain('announcement 1 paused');
  const { out, status } = await pushing;
  expect(JSON.parse(out)).toMatchObject({
    announcementId: 1,
    status: 'paused',
    delivered: here.sandbox.accepted.size,
  });
  expect(status).toBe(1);
  expect(here.sandbox.accepted.size - atPause).toBeLessThanOrEqual(WORKERS * WINDOW);
  expect(here.sandbox.accepted.size).toBeLessThan(3000);

  const resumed = await here.baton([...command, '--resume'], SIZES);
  expect(JSON.parse(resumed.out)).toMatchObject({ announcementId: 1, status: 'done', delivered: 3000 });
  expect([...here.sandbox.accepted.values()].every((times) => times === 1)).toBe(true);
});

test('a cancelled announcement ends where it is, and status shows whom it has reached', async () => {
  await store.addDevices(madeUpDevices(5000));
  const pushing = here.baton([...HELLO, '--workers', '1', '--json'], {
    ...SIZES,
    FCM_MESSAGES_PER_MINUTE: '120000',
  });
  await accepted(1000);
  expect((await here.baton(['cancel', '1'])).out).toContain('announcement 1 cancelled');
  await pushing;
  const status = await here.baton(['status', '1', '--json']);
  expect(JSON.parse(status.out)).toMatchObject({
    status: 'cancelled',
    delivered: here.sandbox.accepted.size,
  });
  expect(await here.baton(['resume', '1'])).toMatchObject({
    status: 1,
    err: 'baton resume: announcementId: expected an announcement that is paused or failed, got 1, which is cancelled\n',
  });
});

test('a push that was killed continues with --resume, and repeats only what was in flight', async () => {
  await store.addDevices(madeUpDevices(1500));
  const command = [...HELLO, '--workers', '1', '--json'];
  const killed = spawn(process.execPath, [...NODE_ARGS, ...command], {
    env: { ...process.env, ...here.env, ...SIZES },
    stdio: 'ignore',
  });
  await accepted(600);
  const workers = childrenOf(killed.pid);
  killed.kill('SIGKILL');
  await once(killed, 'exit');
  // Its worker ends by itself, and records nothing more. Then the leases run out, without waiting for it.
  while (workers.some((pid) => readProcess(pid) !== null)) await sleep(20);
  const file = new DatabaseSync(here.env['DATABASE_URL']!);
  file.exec('UPDATE push_hop SET lease_until = 0 WHERE closed_at IS NULL');
  file.close();
  const { delivered } = await store.countDeliveries(1);
  const inFlight = here.sandbox.accepted.size - delivered;

  const resumed = await here.baton([...command, '--resume'], { ...SIZES, CHECKS: 'doctor' });
  expect(JSON.parse(resumed.out)).toMatchObject({ announcementId: 1, status: 'done', delivered: 1500 });
  const repeated = [...here.sandbox.accepted.values()].filter((times) => times > 1).length;
  expect(repeated).toBeLessThanOrEqual(inFlight);
  // A check would be killed at the end of the push.
  expect(await store.fetchChecks()).toEqual([]);
});

/** The parent of a process, by proc(5); null if it has ended. */
function readProcess(pid: string): { parent: string } | null {
  try {
    const [state = '', parent = ''] =
      readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
    return state === 'Z' ? null : { parent };
  } catch {
    return null;
  }
}

function childrenOf(parent: number | undefined): string[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.filter((pid) => readProcess(pid)?.parent === String(parent));
}

test('scan pushes what is due on this machine, and leaves the rest', async () => {
  await store.addDevices(madeUpDevices(7));
  expect((await here.baton([...HELLO, '--at', '2026-01-01T08:00Z'])).out).toBe(
    'announcement 1 scheduled for 2026-01-01T08:00:00.000Z, which has passed: the next tick starts it\n',
  );
  await here.baton([...HELLO, '--at', '2126-01-01T08:00+01:00']);
  // In a process of its own, as cron runs it.
  expect(await baton(['scan', '--workers', '1'], here.env)).toEqual({
    status: 0,
    out: '1 hops run, 0 errors\n',
    err: '',
  });
  expect(here.sandbox.accepted.size).toBe(7);
  expect((await here.baton(['status', '1'])).out).toContain('announcement 1 done; hops 1 done, 0 open');
  expect((await here.baton(['status', '2'])).out).toContain('announcement 2 scheduled');
  // Checks are no hops.
  const { out } = await baton(['scan', '--workers', '1'], { ...here.env, CHECKS: 'doctor' });
  expect(out).toBe('0 hops run, 1 check made, 0 errors\n');
  expect((await store.fetchChecks()).map(({ name, endedAt }) => [name, endedAt !== null])).toEqual([
    ['doctor', true],
  ]);
});

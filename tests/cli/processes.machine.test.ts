import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { baton, makeWorkplace, NODE_ARGS } from '../support/baton.ts';
import { madeUpDevices } from '../support/context.ts';
import { API_TOKEN } from '../support/events.ts';

// Every command once in a process of its own; push is killed in pause.machine.test.ts, rehearse has a file of its own.

test('commands that end at once print their result and set the exit status', async () => {
  await using here = await makeWorkplace();
  const { env, folder } = here;
  expect((await baton(['migrate'], env)).out).toContain('applied 001-broadcast\n');
  // In the folder that the command runs in, where its settings are too.
  writeFileSync(join(folder, '.env'), `DATABASE_URL=${env['DATABASE_URL']}\n`);
  writeFileSync(join(folder, 'devices.csv'), 'token\ntoken-1\n');
  const run = (...args: string[]) => baton(args, {}, folder);
  expect((await run('import', 'devices.csv')).out).toContain('1 devices added');
  const [devices, list, status, init] = await Promise.all([
    run('devices', '--json'),
    run('list'),
    run('status', '77'),
    run('init'),
  ]);
  expect(devices).toEqual({ status: 0, out: '{"devices":1,"unregistered":[]}\n', err: '' });
  expect(list).toEqual({ status: 0, out: 'no announcements yet\n', err: '' });
  expect(status).toMatchObject({ status: 1, out: '' });
  expect(init).toMatchObject({ status: 2, out: '' });
  const moves = await Promise.all(['pause', 'resume', 'cancel'].map((name) => run(name, '77')));
  for (const move of moves) {
    expect(move).toMatchObject({ status: 1, err: expect.stringContaining('got 77\n') as string });
  }
  const doctor = await baton(['doctor', '--json'], { ...env, DATABASE_URL: join(folder, 'none.db') });
  expect(doctor.status).toBe(1);
  expect(JSON.parse(doctor.out)).toMatchObject({ kind: 'doctor', ok: false });
});

test('a scan in a process of its own pushes what is due', async () => {
  await using here = await makeWorkplace();
  const store = await here.openStore();
  await store.addDevices(madeUpDevices(3));
  await here.baton(['push', '--title', 'T', '--body', 'B', '--at', '2026-01-01T08:00Z']);
  expect(await baton(['scan', '--workers', '1'], here.env)).toEqual({
    status: 0,
    out: '1 hops run, 0 errors\n',
    err: '',
  });
  expect(here.sandbox.accepted.size).toBe(3);
});

test.each([
  ['serve', 'SIGTERM', ['--port', '0'], 'scheduler running'],
  ['local', 'SIGINT', ['--devices', '5'], 'until Ctrl-C'],
] as const)('%s runs until %s, and then ends with exit status 0', async (name, signal, args, words) => {
  await using here = await makeWorkplace();
  await here.openStore();
  const child = spawn(process.execPath, [...NODE_ARGS, name, ...args, '--workers', '1'], {
    env: { ...process.env, ...here.env, API_TOKEN },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  await untilSaid(child, words);
  child.kill(signal);
  expect(await once(child, 'exit')).toEqual([0, null]);
});

async function untilSaid(child: ChildProcess, words: string): Promise<void> {
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (text) => (said += String(text)));
  while (!said.includes(words)) {
    if (child.exitCode !== null) throw new Error(`it ended: ${said}`);
    await sleep(10);
  }
}

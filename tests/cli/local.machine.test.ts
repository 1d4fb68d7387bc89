import { execFile, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { batonHere, makeTerminal, makeWorkplace, startBaton } from '../support/baton.ts';
import { draft, madeUpDevices } from '../support/context.ts';

const hasAws = spawnSync('aws', ['--version']).status === 0;
if (!hasAws) {
  const words = 'no aws command (Debian: awscli)';
  if (process.env['CI']) throw new Error(`${words}; in CI the test that needs it must run`);
  process.stderr.write(`\n*** ${words}: THE TEST OF THE LINE THAT baton local PRINTS IS SKIPPED ***\n\n`);
}

/** With a pipe behind it: the socket that this process would give it cannot be opened as /dev/stdout. */
const shell = async (line: string): Promise<string> =>
  (await promisify(execFile)('sh', ['-c', `(${line}) | cat`])).stdout;

async function startLocal(...args: string[]) {
  const terminal = makeTerminal();
  const running = batonHere(['local', '--workers', '1', '--latency', '1', ...args], {}, terminal);
  while (!terminal.printed.out.includes('"kind": "scan"')) {
    const finished = await Promise.race([running, sleep(10)]);
    if (finished) throw new Error(`local ended: ${finished.err}`);
  }
  const [line = ''] = /echo .*\\\n.*\\\n.*stdout$/m.exec(terminal.printed.out) ?? [];
  const stop = async () => {
    terminal.interrupt();
    return running;
  };
  return { line, stop, terminal, text: terminal.printed.out };
}

test.skipIf(!hasAws)(
  'the line that local prints pushes to the made-up devices through the sandbox, with the aws command',
  async () => {
    const { line, stop, text } = await startLocal('--devices', '20');
    expect(text).toContain('no phone shows one');
    const file = /database +(\S+), with 20 devices, all made up/.exec(text)?.[1] ?? '';
    expect(existsSync(file)).toBe(true);
    expect(JSON.parse((await shell(line)).split('}')[0] + '}')).toMatchObject({
      announcementId: 1,
      sent: 20,
    });
    const list = await batonHere(['list', '--json'], { DATABASE_URL: file });
    expect(JSON.parse(list.out)).toMatchObject({ announcements: [{ title: 'Hello', status: 'done' }] });
    const { status, out, err } = await stop();
    expect(out).toContain('the sandbox accepted 20 pushes');
    expect({ status, err }).toEqual({ status: 0, err: '' });
    expect(existsSync(file)).toBe(false);
  },
);

test('canaries of local answer the round that another command sends with the settings that local prints', async () => {
  const bodies: string[] = [];
  const api = createServer((request, response) => {
    request.on('data', (part) => bodies.push(String(part)));
    request.on('end', () => response.writeHead(202).end());
  });
  await once(api.listen(0, '127.0.0.1'), 'listening');
  const { port } = api.address() as AddressInfo;
  const canaries = ['--devices', '5', '--canaries', '3', '--dead-canaries', '1'];
  const { stop, terminal } = await startLocal(...canaries, '--api', `http://127.0.0.1:${port}/`);
  while (!terminal.printed.out.includes('baton canary')) await sleep(10);
  const settings = terminal.printed.out.matchAll(/\b([A-Z_]{8,})=(\S+)/g);
  const env = Object.fromEntries(Array.from(settings, ([, name = '', value = '']) => [name, value]));
  expect(env).toMatchObject({ RECEIPTS: 'on', FCM_PROJECT_ID: 'rehearsal' });
  // This API records nothing, so that all three are silent.
  const asked = await batonHere(['canary', '--wait', '0', '--json'], { ...env, FCM_RAMP_SECONDS: '0' });
  expect(asked).toMatchObject({ status: 1, err: '' });
  expect(JSON.parse(asked.out)).toMatchObject({
    ok: false,
    phones: [{ state: 'silent' }, { state: 'silent' }, { state: 'silent' }],
  });
  while (bodies.length < 2) await sleep(5);
  expect(await stop()).toMatchObject({ status: 0, err: '' });
  const receipt = {
    id: expect.stringMatching(/^canary-/) as string,
    target: expect.stringMatching(/^rehearsal-1-[01]:/) as string,
    event: 'delivered',
  };
  const parsed = bodies.map((body) => JSON.parse(body) as unknown);
  expect(parsed).toEqual([{ receipts: [receipt] }, { receipts: [receipt] }]);
  api.closeAllConnections();
  api.close();
});

test('local in a process of its own uses a real database only with --force, changes no row by itself, and ends at SIGINT', async () => {
  await using here = await makeWorkplace();
  const store = await here.openStore();
  await store.addDevices(madeUpDevices(3));
  await store.scheduleAnnouncement(await store.createAnnouncement(draft), Date.now() - 1000);
  // The credentials of this source are never read.
  const env = { ...here.env, FCM_CREDENTIALS_SHOP: '/nowhere.json' };
  expect(await batonHere(['local'], env)).toEqual({
    status: 2,
    out: '',
    err:
      'baton local: DATABASE_URL: expected an empty database, one that a rehearsal made, or --force ' +
      '(what is pushed here is recorded as delivered), ' +
      'got one with rows in push_announcement, push_audit, push_device that no rehearsal made\n',
  });
  const child = await startBaton(['local', '--force', '--workers', '1'], env, /"kind": "scan"/);
  expect(child.printed()).toContain('DATABASE_URL, with 3 devices');
  expect(child.printed()).toContain('recorded there as delivered, although no phone shows them');
  child.kill('SIGINT');
  expect(await once(child, 'exit')).toEqual([0, null]);
  expect((await store.fetchAnnouncement(1))?.status).toBe('scheduled');
  expect(here.sandbox.accepted.size).toBe(0);
});

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { baton, makeWorkplace } from '../support/baton.ts';

// Every command runs once in a process of its own: push, scan, serve, local and rehearse do so in the tests of each.

test('commands that end at once print their result and set the exit status', async () => {
  await using here = await makeWorkplace();
  const { env, folder } = here;
  expect((await baton(['migrate'], env)).out).toContain('applied 001-broadcast\n');
  // In the folder that the command runs in, where its settings are too.
  writeFileSync(join(folder, '.env'), `DATABASE_URL=${env['DATABASE_URL']}\n`);
  writeFileSync(join(folder, 'devices.csv'), 'token\ntoken-1\n');
  const run = (...args: string[]) => baton(args, {}, folder);
  expect((await run('import', 'devices.csv', '--force')).out).toContain('1 devices added');
  const [devices, list, status, init] = await Promise.all([
    run('devices', '--json'),
    run('list'),
    run('status', '77'),
    run('init'),
  ]);
  expect(devices).toMatchObject({ status: 0, err: '' });
  expect(JSON.parse(devices.out)).toMatchObject({ devices: 1, unregistered: [], test: 0 });
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

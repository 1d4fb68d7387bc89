import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { makeWorkplace, startBaton } from '../support/baton.ts';
import { API_TOKEN } from '../support/events.ts';

const POSTS = 300;
const DECLARED_BYTES = 6 * 1024 * 1024;
const PART = Buffer.alloc(512 * 1024, 'x');
const MAX_GROWTH_MB = 50;

function rssMb(pid = 0): number {
  return Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)]).toString()) / 1024;
}

/** Begins a POST of 6 MB without a token and leaves it open; resolves to the first line of the answer. */
async function openPost(port: number): Promise<{ socket: Socket; line: string }> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.write(
    'POST /messages HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n' +
      `content-length: ${DECLARED_BYTES}\r\n\r\n`,
  );
  const [answer] = (await once(socket, 'data')) as [Buffer];
  // Whoever does not care for the answer goes on sending, until the connection is closed.
  socket.on('error', () => {});
  socket.write(PART);
  return { socket, line: answer.toString().split('\r\n')[0] ?? '' };
}

test('open POSTs without a token are answered before their bodies, and take no memory', async () => {
  await using here = await makeWorkplace();
  await here.openStore();
  const child = await startBaton(
    ['serve', '--port', '0', '--workers', '1'],
    { ...here.env, API_TOKEN },
    /listening on http:\S+,/,
  );
  onTestFinished(() => void child.kill('SIGKILL'));
  const [address = ''] = /http:[^\s,]+/.exec(child.printed()) ?? [];
  const port = Number(new URL(address).port);
  expect((await openPost(port)).line).toBe('HTTP/1.1 401 Unauthorized');
  const before = rssMb(child.pid);
  const posts = await Promise.all(Array.from({ length: POSTS }, () => openPost(port)));
  const during = rssMb(child.pid);
  expect(new Set(posts.map(({ line }) => line))).toEqual(new Set(['HTTP/1.1 401 Unauthorized']));
  expect(during - before).toBeLessThan(MAX_GROWTH_MB);
  for (const { socket } of posts) socket.destroy();
  expect((await fetch(`${address}/health`)).status).toBe(200);
  expect(rssMb(child.pid) - before).toBeLessThan(MAX_GROWTH_MB);
  child.kill('SIGTERM');
  await once(child, 'exit');
});

import { once } from 'node:events';
import { expect, onTestFinished, test } from 'vitest';
import { makeWorkplace, startBaton } from '../support/baton.ts';
import { API_TOKEN } from '../support/events.ts';
import { openPost, type PostOptions, rssMb } from '../support/open-posts.ts';

const MAX_GROWTH_MB = 50;
/** HTTP_LIMITS.bodyBytes. */
const BODIES_MB = 32;

async function startServe(env: Record<string, string>) {
  const child = await startBaton(
    ['serve', '--port', '0', '--workers', '1'],
    { ...env, API_TOKEN },
    /listening on http:\S+,/,
  );
  onTestFinished(() => void child.kill('SIGKILL'));
  const [address = ''] = /http:[^\s,]+/.exec(child.printed()) ?? [];
  return { child, address, port: Number(new URL(address).port) };
}

test('open POSTs are answered before their bodies, and all bodies together take a bounded memory', async () => {
  await using here = await makeWorkplace();
  await here.openStore();
  const { child, address, port } = await startServe(here.env);
  const attack = async (count: number, post: PostOptions) => {
    const before = rssMb(child.pid);
    const posts = await Promise.all(Array.from({ length: count }, () => openPost(port, '/messages', post)));
    const during = rssMb(child.pid) - before;
    await Promise.all(posts.map((each) => each.end()));
    expect((await fetch(`${address}/health`)).status).toBe(200);
    return { during, after: rssMb(child.pid) - before, lines: new Set(posts.map(({ line }) => line)) };
  };

  // Without a token: of each body the client sends as much as the server takes, after the answer or at once.
  const stranger = { declared: 6 * 1024 * 1024 };
  await attack(30, stranger);
  const patient = await attack(300, { ...stranger, isPatient: true });
  expect(patient.lines).toEqual(new Set(['HTTP/1.1 401 Unauthorized']));
  expect(Math.max(patient.during, patient.after)).toBeLessThan(MAX_GROWTH_MB);
  const hasty = await attack(300, stranger);
  expect(hasty.lines).toContain('HTTP/1.1 401 Unauthorized');
  expect(Math.max(hasty.during, hasty.after)).toBeLessThan(MAX_GROWTH_MB);

  // With a token: bodies of the greatest length, each without its last byte.
  const declared = 4_096_000;
  const headers = { authorization: `Bearer ${API_TOKEN}` };
  const callers = await attack(100, { declared, bytes: declared - 1, headers });
  expect(callers.lines).toContain('HTTP/1.1 503 Service Unavailable');
  expect(callers.during).toBeLessThan(BODIES_MB + MAX_GROWTH_MB);
  expect(callers.after).toBeLessThan(MAX_GROWTH_MB);
  child.kill('SIGTERM');
  await once(child, 'exit');
});

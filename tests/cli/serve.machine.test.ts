import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Store } from '../../src/store.ts';
import {
  batonHere,
  type Finished,
  makeTerminal,
  makeWorkplace,
  startBaton,
  type TestTerminal,
  type Workplace,
} from '../support/baton.ts';
import { draft, madeUpDevices } from '../support/context.ts';
import { API_TOKEN } from '../support/events.ts';

let here: Workplace;
let store: Store;
let terminal: TestTerminal | null;
let serving: Promise<Finished> | null;

beforeEach(async () => {
  here = await makeWorkplace();
  store = await here.openStore();
  [terminal, serving] = [null, null];
});

afterEach(async () => {
  terminal?.interrupt();
  await serving;
  await here[Symbol.asyncDispose]();
});

/** Resolves to the address of the API. */
async function serve(): Promise<string> {
  const env = { ...here.env, API_TOKEN };
  const { printed, ...own } = makeTerminal({ env });
  terminal = { printed, ...own };
  serving = batonHere(['serve', '--port', '0', '--workers', '1'], env, terminal);
  for (;;) {
    const address = /listening on (http:\S+), scheduler running/.exec(printed.err)?.[1];
    if (address) return address;
    const finished = await Promise.race([serving, sleep(10)]);
    if (finished) throw new Error(`serve ended: ${finished.err}`);
  }
}

test('an announcement that is created over HTTP is pushed on this machine, and serve ends at Ctrl-C', async () => {
  await store.addDevices(madeUpDevices(3));
  const address = await serve();
  const request = async (path: string, body?: object, method = body ? 'POST' : 'GET') => {
    const headers = { authorization: `Bearer ${API_TOKEN}`, 'content-type': 'application/json' };
    const reply = await fetch(address + path, {
      method,
      headers,
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    return (await reply.json()) as Record<string, unknown>;
  };
  expect((await fetch(`${address}/announcements/1`)).status).toBe(401);
  expect(await request('/devices', { target: 'target-4' })).toEqual({ deviceId: 4 });
  expect(await request('/announcements', { title: 'T', body: 'B' })).toMatchObject({ announcementId: 1 });
  while ((await request('/announcements/1'))['status'] !== 'done') await sleep(50);
  expect(await request('/announcements/1')).toMatchObject({ counts: { delivered: 4 } });
  expect(here.sandbox.accepted.size).toBe(4);
  terminal?.interrupt();
  expect(await serving).toMatchObject({ status: 0, out: '' });
});

test('serve in a process of its own starts what is due by itself, and ends at SIGTERM', async () => {
  await store.addDevices(madeUpDevices(3));
  await store.scheduleAnnouncement(await store.createAnnouncement(draft), Date.now() - 1000);
  const args = ['serve', '--port', '0', '--workers', '1'];
  const child = await startBaton(
    args,
    { ...here.env, API_TOKEN },
    /listening on http:\S+, scheduler running/,
  );
  while (here.sandbox.accepted.size < 3) await sleep(5);
  child.kill('SIGTERM');
  expect(await once(child, 'exit')).toEqual([0, null]);
});

test('a port that is taken is one clear error', async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const { port } = taken.address() as AddressInfo;
  expect(await here.baton(['serve', '--port', String(port)], { API_TOKEN })).toEqual({
    status: 2,
    out: '',
    err: `baton serve: --port: expected a port that is free on host 127.0.0.1, got ${port} (EADDRINUSE)\n`,
  });
  taken.close();
});

import { clockThatSays } from '../../support/clock.ts';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Batch, Sender } from '../../../src/context.ts';
import { makeHttp2Sender } from '../../../src/fcm/http2/sender.ts';
import {
  type FcmSandbox,
  type FcmSandboxOptions,
  startFcmSandbox,
} from '../../../src/rehearsal/fcm/sandbox.ts';
import { madeUpDevices } from '../../support/context.ts';
import { type Proxy, startProxy } from '../../support/proxy.ts';

const credential = { getAccessToken: async () => ({ access_token: 'a-token', expires_in: 3600 }) };
const access = { credential, projectId: 'p' };

let sandbox: FcmSandbox;
let proxy: Proxy;
let sender: Sender;
let frozenMs: number;

beforeEach(() => {
  frozenMs = 0;
});

afterEach(async () => {
  await sender.close();
  await proxy.close();
  await sandbox.close();
});

async function begin(options: FcmSandboxOptions = {}): Promise<void> {
  sandbox = await startFcmSandbox(options);
  proxy = await startProxy(Number(new URL(sandbox.endpoint).port));
  sender = makeHttp2Sender({
    endpoint: `http://127.0.0.1:${proxy.port}`,
    access,
    clock: clockThatSays(() => Date.now() + frozenMs),
  });
}

let next = 0;
function batch(count: number): Batch {
  const devices = madeUpDevices(count).map((device) => ({ ...device, deviceId: next++, target: `t${next}` }));
  const content = { title: 't', body: 'b', image: null, data: {}, options: {} };
  return { content, collapseKey: 'k', ttlSeconds: null, dryRun: false, devices };
}

async function verdictsOf(count: number, timeoutMs = 10_000): Promise<Record<string, number>> {
  const outcomes = await sender.send(batch(count), AbortSignal.timeout(timeoutMs));
  const counts: Record<string, number> = {};
  for (const { verdict } of outcomes) counts[verdict] = (counts[verdict] ?? 0) + 1;
  return counts;
}

test('connections are kept from one batch to the next, no more of them than the streams need', async () => {
  await begin({ latencyMs: 100 });
  await verdictsOf(100);
  expect(proxy.count()).toBe(1);
  for (let times = 0; times < 3; times++) await verdictsOf(300);
  expect(proxy.count()).toBe(3);
  for (let times = 0; times < 3; times++) expect(await verdictsOf(1200)).toEqual({ delivered: 1200 });
  expect(proxy.count()).toBe(10);
});

test('connections cut between two batches are replaced', async () => {
  await begin();
  await verdictsOf(200);
  proxy.reset();
  await sleep(50);
  expect(await verdictsOf(200)).toEqual({ delivered: 200 });
});

test('connections that died without a word, while the function was frozen, are noticed and replaced', async () => {
  await begin();
  await verdictsOf(200);
  proxy.swallow();
  frozenMs += 60_000;
  expect(await verdictsOf(200)).toEqual({ delivered: 200 });
});

test('a connection on which answers stayed out is asked before it is trusted again', async () => {
  await begin();
  await verdictsOf(100);
  proxy.swallow();
  expect(await verdictsOf(100, 200)).toEqual({ unknown: 100 });
  expect(await verdictsOf(100)).toEqual({ delivered: 100 });
});

test('connections reset in mid-batch: what was on its way is unknown, and nothing is sent twice', async () => {
  await begin({ latencyMs: 900 });
  const sending = verdictsOf(300);
  await sleep(120);
  proxy.reset();
  const counts = await sending;
  expect(counts).toEqual({ unknown: 300 });
  expect([...sandbox.accepted.values()].every((times) => times === 1)).toBe(true);
});

test('GOAWAYs in the middle of 10,000 messages: none lost, none doubled', async () => {
  await begin({ faults: { goaway: 0.005 }, latencyMs: 2 });
  expect(await verdictsOf(10_000, 20_000)).toEqual({ delivered: 10_000 });
  expect(sandbox.accepted.size).toBe(10_000);
  expect([...sandbox.accepted.values()].every((times) => times === 1)).toBe(true);
  expect(sandbox.stats().sessions).toBeGreaterThan(20);
});

test('nobody there: every push may be tried again, and the reason names the connection', async () => {
  await begin();
  await proxy.close();
  const outcomes = await sender.send(batch(3), AbortSignal.timeout(5000));
  expect(outcomes).toMatchObject(
    Array.from({ length: 3 }, () => ({ verdict: 'retryable', reason: 'NO_CONNECTION_ECONNREFUSED' })),
  );
  proxy = await startProxy(1);
});

test('what there was no time to send may be tried again', async () => {
  await begin({ latencyMs: 1500 });
  const counts = await verdictsOf(2000, 250);
  expect(counts['unknown']).toBeGreaterThan(0);
  expect(counts['retryable']).toBeGreaterThanOrEqual(1000);
  expect(sandbox.accepted.size).toBeLessThanOrEqual(1000);
});

import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import type { Sender } from '../../../src/context.ts';
import { startFcmSandbox } from '../../../src/rehearsal/fcm/sandbox.ts';
import { makeTestClock } from '../../support/clock.ts';
import { type Proxy, startProxy } from '../../support/proxy.ts';
import { type HoldingServer, startHoldingServer, startServer, until } from '../loopback.ts';
import { newDevices, openSender, send, sendTo, tally } from './sending.ts';

const closers: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

interface Line {
  readonly server: HoldingServer;
  readonly proxy: Proxy;
  readonly sender: Sender;
}

/** A sender, a line whose faults the test makes, and a server that answers at once unless it holds. */
async function begin({ isHolding = false, clock = makeTestClock() } = {}): Promise<Line> {
  const server = await startHoldingServer();
  server.isHolding = isHolding;
  closers.push(() => server.close());
  const proxy = await startProxy(server.port);
  closers.push(() => proxy.close());
  const sender = openSender(`http://127.0.0.1:${proxy.port}`, clock);
  closers.push(() => sender.close());
  return { server, proxy, sender };
}

/** Collects the sockets that this process opens to a port from now on. */
function watchSockets(port: number): Socket[] {
  const sockets: Socket[] = [];
  const watch = (message: unknown): void => {
    const { socket } = message as { socket: Socket };
    socket.once('connect', () => {
      if (socket.remotePort === port) sockets.push(socket);
    });
  };
  subscribe('net.client.socket', watch);
  closers.push(() => unsubscribe('net.client.socket', watch));
  return sockets;
}

test('connections cut between two batches are replaced', async () => {
  const { proxy, sender } = await begin();
  const sockets = watchSockets(proxy.port);
  await send(sender, 200);
  expect(sockets).toHaveLength(proxy.count());
  const closed = Promise.all(
    sockets.map((socket) => new Promise((resolve) => socket.once('close', resolve))),
  );
  proxy.reset();
  await closed;
  expect(tally(await send(sender, 200))).toEqual({ delivered: 200 });
});

test('connections that died silently while the function was frozen are noticed and replaced', async () => {
  const clock = makeTestClock();
  const { proxy, sender } = await begin({ clock });
  await send(sender, 200);
  const connections = proxy.count();
  proxy.swallow();
  await clock.advance(60_000);
  const sending = send(sender, 200);
  await clock.advance(2000);
  expect(tally(await sending)).toEqual({ delivered: 200 });
  expect(proxy.count()).toBeGreaterThan(connections);
});

test('a connection without answers is checked before it is used again', async () => {
  const clock = makeTestClock();
  const { proxy, sender } = await begin({ clock });
  await send(sender, 100);
  proxy.swallow();
  const first = send(sender, 100, clock.timeout(200));
  await clock.advance(200);
  expect(tally(await first)).toEqual({ unknown: 100 });
  const second = send(sender, 100);
  await clock.advance(2000);
  expect(tally(await second)).toEqual({ delivered: 100 });
});

test('connections reset during a batch: messages in flight are unknown, and none is sent twice', async () => {
  const { server, proxy, sender } = await begin({ isHolding: true });
  const sending = send(sender, 300);
  await until(() => server.held.length === 300);
  proxy.reset();
  expect(tally(await sending)).toEqual({ unknown: 300 });
  expect(new Set(server.targets).size).toBe(server.targets.length);
});

test('GOAWAYs during 10,000 messages: none is lost, none is sent twice', async () => {
  const sandbox = await startFcmSandbox({ faults: { goaway: 0.005 }, latencyMs: 2 });
  closers.push(() => sandbox.close());
  const sender = openSender(sandbox.endpoint, systemClock);
  closers.push(() => sender.close());
  // A message that the server refuses unprocessed again and again is left to a retry: that is what this loop is.
  const refused: (string | null)[] = [];
  for (let devices = newDevices(10_000); devices.length > 0;) {
    const outcomes = await sendTo(sender, devices);
    const left = outcomes.filter(({ verdict }) => verdict !== 'delivered');
    expect(left.every(({ verdict }) => verdict === 'retryable')).toBe(true);
    refused.push(...left.map(({ reason }) => reason));
    devices = devices.filter((_, nth) => outcomes[nth]?.verdict !== 'delivered');
  }
  expect(refused.filter((reason) => reason !== 'REFUSED_STREAM')).toEqual([]);
  expect(refused.length).toBeLessThan(100);
  expect(sandbox.accepted.size).toBe(10_000);
  expect([...sandbox.accepted.values()].every((times) => times === 1)).toBe(true);
  expect(sandbox.stats().sessions).toBeGreaterThan(20);
});

test('without a server every push is retryable, and the reason names the failure of the connection', async () => {
  const server = await startServer(() => {});
  server.close();
  const sender = openSender(server.endpoint, makeTestClock());
  closers.push(() => sender.close());
  expect(await send(sender, 3)).toMatchObject(
    Array.from({ length: 3 }, () => ({ verdict: 'retryable', reason: 'NO_CONNECTION_ECONNREFUSED' })),
  );
});

test('messages that there was no time to send are retryable', async () => {
  const clock = makeTestClock();
  const { server, sender } = await begin({ isHolding: true, clock });
  const sending = send(sender, 5000, clock.timeout(250));
  await until(() => server.held.length === 4000);
  await clock.advance(250);
  expect(tally(await sending)).toEqual({ unknown: 4000, retryable: 1000 });
  expect(server.targets).toHaveLength(4000);
});

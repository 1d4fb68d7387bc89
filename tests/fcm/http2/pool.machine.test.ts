import type { Sender } from '../../../src/context.ts';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Outcome } from '../../../src/model/delivery.ts';
import { makeTestClock, type TestClock } from '../../support/clock.ts';
import { type HoldingServer, startHoldingServer, until } from '../loopback.ts';
import { openSender, send, tally } from './sending.ts';

const MAX_CONNECTIONS = 40;

let clock: TestClock;
let server: HoldingServer;
let sender: Sender;

beforeEach(() => {
  clock = makeTestClock();
});

afterEach(async () => {
  await sender.close();
  server.close();
});

async function begin(maxStreams?: number): Promise<void> {
  server = await startHoldingServer(maxStreams);
  sender = openSender(server.endpoint, clock);
}

/** Answers `count` messages, `atOnce` of which fit into the streams: each time all of those, `latencyMs` after they arrive. */
async function answerAll(count: number, atOnce: number, latencyMs: number): Promise<void> {
  for (let rest = count; rest > 0; rest -= atOnce) {
    await until(() => server.held.length === Math.min(rest, atOnce));
    await clock.advance(latencyMs);
    server.answer();
  }
}

async function deliver(count: number, atOnce: number, latencyMs: number): Promise<Outcome[]> {
  const sending = send(sender, count);
  await answerAll(count, atOnce, latencyMs);
  return sending;
}

test('connections are kept from one batch to the next, no more of them than the streams need', async () => {
  await begin();
  await deliver(100, 1000, 100);
  expect(server.connections()).toBe(1);
  for (let batch = 0; batch < 3; batch++) await deliver(300, 1000, 100);
  expect(server.connections()).toBe(3);
  for (let batch = 0; batch < 3; batch++) {
    expect(tally(await deliver(4400, 4000, 100))).toEqual({ delivered: 4400 });
  }
  expect(server.connections()).toBe(MAX_CONNECTIONS);
});

test('single messages that are sent at once, more than there are streams, are all delivered', async () => {
  await begin(10);
  const sending = Promise.all(Array.from({ length: 800 }, () => send(sender, 1)));
  await answerAll(800, 10 * MAX_CONNECTIONS, 10);
  expect(tally((await sending).flat())).toEqual({ delivered: 800 });
  expect(server.targets).toHaveLength(800);
  expect(server.connections()).toBe(MAX_CONNECTIONS);
});

test('a single message does not wait for the thousands of a broadcast', async () => {
  await begin(5);
  const broadcast = send(sender, 3000);
  await until(() => server.held.length === 5 * MAX_CONNECTIONS);
  const single = send(sender, 1);
  server.answer();
  await until(() => server.held.length === 5 * MAX_CONNECTIONS);
  server.answer();
  expect(tally(await single)).toEqual({ delivered: 1 });
  expect(server.targets.length).toBeLessThanOrEqual(3 * 5 * MAX_CONNECTIONS);
  server.isHolding = false;
  server.answer();
  expect(tally(await broadcast)).toEqual({ delivered: 3000 });
});

test('a batch that runs out of time does not affect the messages of another', async () => {
  await begin(5);
  const short = send(sender, 1000, clock.timeout(50));
  const long = send(sender, 20);
  await until(() => server.held.length === 5 * MAX_CONNECTIONS);
  await clock.advance(50);
  expect(tally(await short)).toEqual({ unknown: 180, retryable: 820 });
  server.answer();
  expect(tally(await long)).toEqual({ delivered: 20 });
});

test.each([
  [7, 21, 3],
  [300, 250, 1],
])(
  'with %i streams on a connection, as the SETTINGS say, %i messages take %i',
  async (maxStreams, count, connections) => {
    await begin(maxStreams);
    await deliver(1, 1, 200);
    expect(tally(await deliver(count, count, 200))).toEqual({ delivered: count });
    expect(server.connections()).toBe(connections);
  },
);

test('answers without delay need only one connection for any number of messages', async () => {
  await begin(5);
  server.isHolding = false;
  for (let batch = 0; batch < 40; batch++) await send(sender, 5);
  expect(tally(await send(sender, 50))).toEqual({ delivered: 50 });
  expect(server.connections()).toBe(1);
});

test('after a failed connect, the next follows a second later if another connection works', async () => {
  await begin();
  await deliver(100, 100, 100);
  server.isOpen = false;
  const sending = send(sender, 300);
  await until(() => server.held.length === 100 && server.connections() === 3);
  await clock.advance(100);
  server.answer();
  await until(() => server.held.length === 100);
  expect(server.connections()).toBe(3);
  server.isOpen = true;
  await clock.advance(2000);
  server.answer();
  await until(() => server.held.length === 100 && server.connections() === 4);
  server.answer();
  expect(tally(await sending)).toEqual({ delivered: 300 });
});

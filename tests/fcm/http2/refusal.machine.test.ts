import { constants } from 'node:http2';
import { createServer } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import type { Clock, Sender } from '../../../src/context.ts';
import type { Outcome } from '../../../src/model/delivery.ts';
import { makeTestClock, type TestClock } from '../../support/clock.ts';
import { accept, listen, settle, startServer, until } from '../loopback.ts';
import { openSender, send } from './sending.ts';
import { MAX_CONNECTIONS } from '../../../src/fcm/http2/demand.ts';

const closers: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

function open(endpoint: string, clock: Clock): Sender {
  const sender = openSender(endpoint, clock);
  closers.push(() => sender.close());
  return sender;
}

async function serve(...args: Parameters<typeof startServer>): Promise<string> {
  const server = await startServer(...args);
  closers.push(() => server.close());
  return server.endpoint;
}

/** A test clock that notes how long each sleep is. */
function makeNotingClock(): TestClock & { readonly sleeps: number[] } {
  const clock = makeTestClock();
  const sleeps: number[] = [];
  return {
    ...clock,
    sleeps,
    sleep(ms, signal) {
      sleeps.push(ms);
      return clock.sleep(ms, signal);
    },
  };
}

const times = (count: number, outcome: Partial<Outcome>) => Array.from({ length: count }, () => outcome);

test('ENHANCE_YOUR_CALM for a connection: after a pause, only what the server did not process is sent again', async () => {
  const clock = makeNotingClock();
  let streams = 0;
  const answers: (() => void)[] = [];
  const endpoint = await serve((stream, nth) => {
    streams++;
    if (nth >= 20) {
      accept(stream);
    } else if (nth === 19) {
      // The server has processed the streams 0 to 7. It answers three of them together with the GOAWAY.
      for (const answer of answers) answer();
      stream.session?.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM, 2 * 7 + 1);
    } else if (nth < 3) answers.push(() => stream.respond({ ':status': 503 }, { endStream: true }));
  });
  const sending = send(open(endpoint, clock), 20);
  await until(() => clock.sleeps.length === 1);
  await settle();
  await clock.advance(999);
  await settle();
  expect(streams).toBe(20);
  await clock.advance(1);
  expect(await sending).toMatchObject([
    ...times(3, { verdict: 'retryable', reason: 'HTTP_503' }),
    ...times(5, { verdict: 'unknown', reason: 'RESET_11' }),
    ...times(12, { verdict: 'delivered' }),
  ]);
  expect(clock.sleeps).toEqual([1000]);
});

test('ENHANCE_YOUR_CALM for a stream: it may have been processed, and the others wait', async () => {
  const clock = makeNotingClock();
  let streams = 0;
  const endpoint = await serve((stream, nth) => {
    streams++;
    if (nth === 0) stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM);
    else accept(stream);
  });
  const sender = open(endpoint, clock);
  expect(await send(sender, 1)).toMatchObject([{ verdict: 'unknown', reason: 'RESET_11' }]);
  const sending = send(sender, 1);
  await settle();
  await clock.advance(999);
  await settle();
  expect(streams).toBe(1);
  await clock.advance(1);
  expect(await sending).toMatchObject([{ verdict: 'delivered' }]);
  expect(clock.sleeps).toEqual([1000]);
});

test('a server that refuses every stream unprocessed gets each message four times and no more', async () => {
  let streams = 0;
  const endpoint = await serve((stream) => {
    streams++;
    stream.close(constants.NGHTTP2_REFUSED_STREAM);
  });
  expect(await send(open(endpoint, makeTestClock()), 2)).toMatchObject(
    times(2, { verdict: 'retryable', reason: 'REFUSED_STREAM' }),
  );
  expect(streams).toBe(8);
});

test.each([1, 500])(
  'a server that accepts no streams and closes gets a limited number of connections for %i messages',
  async (count) => {
    let connections = 0;
    const noStreams = '000006040000000000000300000000';
    const goaway = '0000080700000000000000000000000000';
    const server = createServer((socket) => {
      connections++;
      socket.on('error', () => {});
      socket.write(Buffer.from(noStreams + goaway, 'hex'));
      socket.resume();
    });
    closers.push(() => server.close());
    const endpoint = `http://127.0.0.1:${await listen(server)}`;
    const outcomes = await send(open(endpoint, makeTestClock()), count);
    expect(outcomes).toMatchObject(times(count, { verdict: 'retryable', reason: 'NO_CONNECTION' }));
    expect(connections).toBeGreaterThanOrEqual(4);
    // Twice as many as may be open at a time.
    expect(connections).toBeLessThanOrEqual(2 * MAX_CONNECTIONS);
  },
);

test('a server that accepts the connection and then says nothing is given up after 10 s', async () => {
  const clock = makeTestClock();
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.resume();
  });
  closers.push(() => server.close());
  let isSettled = false;
  const sending = send(open(`http://127.0.0.1:${await listen(server)}`, clock), 3).finally(() => {
    isSettled = true;
  });
  await clock.advance(9999);
  await settle();
  expect(isSettled).toBe(false);
  await clock.advance(1);
  expect(await sending).toMatchObject(times(3, { verdict: 'retryable', reason: 'NO_CONNECTION_FAILED' }));
});

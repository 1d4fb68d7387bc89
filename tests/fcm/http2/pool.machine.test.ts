import type { Outcome } from '../../../src/model/delivery.ts';
import { once } from 'node:events';
import http2, { constants, type ServerHttp2Stream } from 'node:http2';
import { createServer, type Server } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import type { Sender } from '../../../src/context.ts';
import { makeHttp2Sender } from '../../../src/fcm/http2/sender.ts';
import {
  type FcmSandbox,
  type FcmSandboxOptions,
  startFcmSandbox,
} from '../../../src/rehearsal/fcm/sandbox.ts';
import { madeUpDevices } from '../../support/context.ts';

const credential = { getAccessToken: async () => ({ access_token: 'a-token', expires_in: 3600 }) };
const content = { title: 't', body: 'b', image: null, data: {}, options: {} };

const closers: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

function open(endpoint: string): Sender {
  const access = { credential, projectId: 'p' };
  const sender = makeHttp2Sender({ endpoint, access, clock: systemClock });
  closers.push(() => sender.close());
  return sender;
}

async function begin(options: FcmSandboxOptions): Promise<{ sandbox: FcmSandbox; sender: Sender }> {
  const sandbox = await startFcmSandbox(options);
  closers.push(() => sandbox.close());
  return { sandbox, sender: open(sandbox.endpoint) };
}

let made = 0;
function send(sender: Sender, count: number, timeoutMs = 20_000): Promise<Outcome[]> {
  const devices = madeUpDevices(count).map((device) => ({ ...device, deviceId: ++made, target: `t${made}` }));
  const batch = { content, collapseKey: 'k', ttlSeconds: null, dryRun: false, devices };
  return sender.send(batch, AbortSignal.timeout(timeoutMs));
}

const times = (count: number, outcome: Partial<Outcome>) => Array.from({ length: count }, () => outcome);

const verdictsOf = (outcomes: readonly Outcome[]) => outcomes.map(({ verdict }) => verdict);

test('single messages sent all at once, more than there are streams, are all delivered', async () => {
  const { sandbox, sender } = await begin({ maxStreams: 10, latencyMs: 10 });
  const outcomes = await Promise.all(Array.from({ length: 800 }, () => send(sender, 1)));
  expect(verdictsOf(outcomes.flat())).toEqual(Array(800).fill('delivered'));
  expect(sandbox.stats()).toMatchObject({ accepted: 800, sessions: 10 });
});

test('a single message does not wait for the thousands of a broadcast', async () => {
  const { sandbox, sender } = await begin({ maxStreams: 5, latencyMs: 10 });
  const broadcast = send(sender, 3000);
  await send(sender, 1);
  expect(sandbox.accepted.size).toBeLessThan(1500);
  expect(verdictsOf(await broadcast)).toEqual(Array(3000).fill('delivered'));
});

test("a batch that runs out of time takes nothing of another's with it", async () => {
  const { sender } = await begin({ maxStreams: 5, latencyMs: 100 });
  const short = send(sender, 1000, 50);
  const long = send(sender, 20);
  expect(verdictsOf(await short)).toContain('retryable');
  expect(verdictsOf(await long)).toEqual(Array(20).fill('delivered'));
});

test.each([
  [7, 21, 3],
  [300, 250, 1],
])('%i streams a connection, says the server: %i messages take %i', async (maxStreams, count, sessions) => {
  const { sandbox, sender } = await begin({ maxStreams, latencyMs: 200 });
  await send(sender, 1);
  expect(verdictsOf(await send(sender, count))).toEqual(Array(count).fill('delivered'));
  expect(sandbox.stats().sessions).toBe(sessions);
});

test('answers that come at once need no more connections, however many they are', async () => {
  const { sandbox, sender } = await begin({ maxStreams: 5 });
  for (let nth = 0; nth < 40; nth++) await send(sender, 5);
  expect(verdictsOf(await send(sender, 50))).toEqual(Array(50).fill('delivered'));
  expect(sandbox.stats().sessions).toBeLessThan(10);
});

/** Hands every stream to `take`, with its number from 0 on; returns the address. */
async function serve(take: (stream: ServerHttp2Stream, nth: number) => void): Promise<string> {
  let streams = 0;
  const server = http2.createServer();
  server.on('session', (session) => session.on('error', () => {}));
  server.on('stream', (stream) => {
    stream.on('error', () => {});
    take(stream, streams++);
  });
  return listen(server);
}

async function listen(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(() => server.close());
  const address = server.address();
  return `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`;
}

function accept(stream: ServerHttp2Stream): void {
  stream.respond({ ':status': 200 });
  stream.end('{"name": "projects/p/messages/1"}');
}

test('ENHANCE_YOUR_CALM for a connection: after a pause, only what the server never looked at is sent again', async () => {
  let calmedAt = 0;
  let resumedAt = 0;
  const answers: (() => void)[] = [];
  const endpoint = await serve((stream, nth) => {
    if (nth >= 20) {
      resumedAt ||= performance.now();
      accept(stream);
    } else if (nth === 19) {
      // Of the streams 0 to 7, on its desk, three are answered in the same breath.
      for (const answer of answers) answer();
      calmedAt = performance.now();
      stream.session?.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM, 2 * 7 + 1);
    } else if (nth < 3) answers.push(() => stream.respond({ ':status': 503 }, { endStream: true }));
  });
  const outcomes = await send(open(endpoint), 20);
  expect(outcomes).toMatchObject([
    ...times(3, { verdict: 'retryable', reason: 'HTTP_503' }),
    ...times(5, { verdict: 'unknown', reason: 'RESET_11' }),
    ...times(12, { verdict: 'delivered' }),
  ]);
  expect(resumedAt - calmedAt).toBeGreaterThan(900);
});

test('ENHANCE_YOUR_CALM for a stream: it may have been looked at, and the others wait', async () => {
  const askedAt: number[] = [];
  const endpoint = await serve((stream, nth) => {
    askedAt.push(performance.now());
    if (nth === 0) stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM);
    else accept(stream);
  });
  const sender = open(endpoint);
  expect(await send(sender, 1)).toMatchObject([{ verdict: 'unknown', reason: 'RESET_11' }]);
  expect(await send(sender, 1)).toMatchObject([{ verdict: 'delivered' }]);
  expect((askedAt[1] ?? 0) - (askedAt[0] ?? 0)).toBeGreaterThan(900);
});

test('a server that refuses every stream unprocessed is asked four times and no more', async () => {
  let asked = 0;
  const endpoint = await serve((stream) => {
    asked++;
    stream.close(constants.NGHTTP2_REFUSED_STREAM);
  });
  expect(await send(open(endpoint), 2)).toMatchObject(
    times(2, { verdict: 'retryable', reason: 'REFUSED_STREAM' }),
  );
  expect(asked).toBe(8);
});

test.each([1, 500])(
  'a server that takes no streams and hangs up is not called for ever by %i',
  async (count) => {
    let calls = 0;
    const noStreams = '000006040000000000000300000000';
    const goaway = '0000080700000000000000000000000000';
    const server = createServer((socket) => {
      calls++;
      socket.on('error', () => {});
      socket.write(Buffer.from(noStreams + goaway, 'hex'));
      socket.resume();
    });
    const outcomes = await send(open(await listen(server)), count);
    expect(outcomes).toMatchObject(times(count, { verdict: 'retryable', reason: 'NO_CONNECTION' }));
    expect(calls).toBeGreaterThanOrEqual(4);
    expect(calls).toBeLessThanOrEqual(20);
  },
);

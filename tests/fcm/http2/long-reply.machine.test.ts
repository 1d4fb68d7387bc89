import { afterEach, expect, test } from 'vitest';
import { makeTestClock } from '../../support/clock.ts';
import { accept, startServer } from '../loopback.ts';
import { dataFrames, headersFrame, startRawServer } from './raw-server.ts';
import { openSender, send } from './sending.ts';

const closers: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

test.each([
  [503, { verdict: 'retryable', reason: 'HTTP_503' }],
  [404, { verdict: 'misconfigured', reason: 'HTTP_404' }],
  [200, { verdict: 'unknown', reason: 'UNREADABLE_REPLY' }],
])(
  'a body without end with the status %i: it is not read to its end, and the status counts',
  async (status, outcome) => {
    const part = Buffer.alloc(16_384, 'x');
    let written = 0;
    const server = await startServer((stream, nth) => {
      if (nth > 0) return accept(stream);
      stream.respond({ ':status': status });
      const write = (): void => {
        while (!stream.destroyed) {
          written += part.length;
          if (!stream.write(part)) return void stream.once('drain', write);
        }
      };
      write();
    });
    closers.push(() => server.close());
    const sender = openSender(server.endpoint, makeTestClock());
    closers.push(() => sender.close());
    expect(await send(sender, 1)).toMatchObject([outcome]);
    expect(await send(sender, 1)).toMatchObject([{ verdict: 'delivered' }]);
    expect(written).toBeLessThan(10_000_000);
    expect(server.connections()).toBe(1);
  },
);

test('a body in thousands of parts of one byte is read whole', async () => {
  const body = Buffer.from(JSON.stringify({ error: { status: 'A_CODE', message: 'x '.repeat(15_000) } }));
  const server = await startRawServer((socket, id) => {
    socket.write(Buffer.concat([headersFrame(id, [[':status', '400']]), dataFrames(id, body, 1)]));
  });
  closers.push(() => server.close());
  const sender = openSender(server.endpoint, makeTestClock());
  closers.push(() => sender.close());
  expect(await send(sender, 1)).toMatchObject([{ verdict: 'misconfigured', reason: 'HTTP_400_A_CODE' }]);
});

test('of a Retry-After that is sent twice one counts, and a minus sign makes it none', async () => {
  const answers = [
    ['60', '60'],
    ['-5', '60'],
  ];
  const server = await startRawServer((socket, id) => {
    const both = (answers.shift() ?? []).map((value) => ['retry-after', value] as const);
    socket.write(
      Buffer.concat([headersFrame(id, [[':status', '429'], ...both]), dataFrames(id, Buffer.alloc(0), 1)]),
    );
  });
  closers.push(() => server.close());
  const sender = openSender(server.endpoint, makeTestClock());
  closers.push(() => sender.close());
  expect(await send(sender, 1)).toMatchObject([{ reason: 'HTTP_429', retryAfterMs: 60_000 }]);
  expect(await send(sender, 1)).toMatchObject([{ reason: 'HTTP_429', retryAfterMs: null }]);
});

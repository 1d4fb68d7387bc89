import { connect } from 'node:net';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseRequest } from '../../src/events/http.ts';
import { startHttpServer } from '../../src/local/http-server.ts';
import { fuzzing } from '../support/fuzz.ts';

const PARALLEL = 50;

/** A head and a body as a client may write them, with a mistake here and there. */
const bytes: fc.Arbitrary<Buffer> = fc
  .record({
    line: fc.oneof(
      fc.constantFrom(
        'GET / HTTP/1.1',
        'POST /a?b=%zz HTTP/1.1',
        'HEAD http://x/ HTTP/1.1',
        'OPTIONS * HTTP/1.1',
      ),
      fc.constantFrom('CONNECT x:1 HTTP/1.1', 'BREW / HTTP/1.1', 'GET / HTTP/9.9', 'GET /'),
      fc.string({ unit: 'binary' }),
    ),
    headers: fc.array(
      fc.oneof(
        fc.constantFrom('host: x', 'connection: close', 'content-length: 4', 'transfer-encoding: chunked'),
        fc.constantFrom(
          'content-length: -1',
          'content-length: 99999999999',
          'expect: 100-continue',
          'expect: x',
        ),
        fc.constantFrom('upgrade: websocket', 'connection: upgrade', `x: ${'y'.repeat(20_000)}`, ': '),
        fc.string({ unit: 'binary' }),
      ),
      { maxLength: 6 },
    ),
    body: fc.oneof(fc.constantFrom('', 'abcd', '4\r\nabcd\r\n0\r\n\r\n'), fc.string({ unit: 'binary' })),
  })
  .map(({ line, headers, body }) =>
    Buffer.from(`${[line, 'host: x', ...headers].join('\r\n')}\r\n\r\n${body}`),
  );

test('any bytes on a connection are answered or the connection is closed, and the next request is answered as ever', async () => {
  const errors: unknown[] = [];
  const server = await startHttpServer({
    host: '127.0.0.1',
    port: 0,
    limits: { headMs: 100, idleMs: 100, checkMs: 20 },
    admit: (event) => {
      expect(parseRequest(event)).not.toBeNull();
      return { kind: 'admitted', maxBodyBytes: 100 };
    },
    handle: async () => ({ statusCode: 200, headers: {}, isBase64Encoded: false, body: '' }),
    onError: (error) => errors.push(error),
  });
  const { port } = new URL(server.address);
  const send = async (data: Buffer): Promise<string> => {
    const socket = connect(Number(port), '127.0.0.1');
    let answer = '';
    socket.on('data', (text) => (answer += String(text)));
    socket.on('error', () => {});
    // A half-closed connection: the client has nothing more to say.
    socket.end(data);
    await new Promise((resolve) => socket.once('close', resolve));
    return answer;
  };
  const all = fc.sample(bytes, fuzzing(0.5));
  for (let first = 0; first < all.length; first += PARALLEL) {
    for (const answer of await Promise.all(all.slice(first, first + PARALLEL).map(send))) {
      if (answer !== '') expect(answer).toMatch(/^HTTP\/1\.1 (?:100|200|400|408|413|417|431|501) /);
    }
    expect((await fetch(server.address)).status).toBe(200);
  }
  expect(errors).toEqual([]);
  await server.close();
});

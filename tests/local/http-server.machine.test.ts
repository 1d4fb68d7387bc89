import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import type { HttpReply } from '../../src/http/reply.ts';
import { type HttpServer, type HttpServerOptions, startHttpServer } from '../../src/local/http-server.ts';
import { parseRequest } from '../../src/events/http.ts';

const ok: HttpReply = { statusCode: 200, headers: { 'x-own': '1' }, isBase64Encoded: false, body: 'é' };

let server: HttpServer;
afterEach(() => server.close());

async function start(handle: HttpServerOptions['handle'], errors: unknown[] = []): Promise<string> {
  server = await startHttpServer({
    host: '127.0.0.1',
    port: 0,
    handle,
    onError: (error) => errors.push(error),
  });
  return server.address;
}

test('a request becomes an event of an HTTP API, and the reply becomes its answer', async () => {
  const events: unknown[] = [];
  const address = await start(async (event) => {
    events.push(event);
    return ok;
  });
  const answer = await fetch(`${address}/devices/a%3Ab?x=1?2`, {
    method: 'POST',
    body: '{"é": 1}',
    headers: { 'X-Thing': 'T' },
  });
  expect([answer.status, answer.headers.get('x-own'), await answer.text()]).toEqual([200, '1', 'é']);
  const request = parseRequest(events[0]);
  expect(request).toMatchObject({ method: 'POST', path: '/devices/a%3Ab', shape: 'http', caller: null });
  expect(request?.headers.get('x-thing')).toBe('T');
  expect(Buffer.from(request!.body).toString()).toBe('{"é": 1}');
});

test('a binary body arrives unchanged', async () => {
  const bytes = Uint8Array.from([0xff, 0x00, 0xfe]);
  const bodies: unknown[] = [];
  const address = await start(async (event) => {
    bodies.push(parseRequest(event)?.body);
    return ok;
  });
  await fetch(address, { method: 'POST', body: bytes });
  expect(bodies).toEqual([Buffer.from(bytes)]);
});

test('a client cannot pretend that a gateway has authorized it', async () => {
  const callers: unknown[] = [];
  const address = await start(async (event) => {
    callers.push(parseRequest(event)?.caller);
    return ok;
  });
  await fetch(address, {
    headers: {
      'x-amzn-oidc-identity': 'x',
      requestContext: '{"authorizer": {"jwt": {"claims": {"sub": "x"}}}}',
    },
  });
  expect(callers).toEqual([null]);
});

test('a body over 6 MB is answered with 413 and never handled', async () => {
  let handled = 0;
  const address = await start(async () => {
    handled++;
    return ok;
  });
  const post = async (bytes: number) =>
    (await fetch(address, { method: 'POST', body: 'x'.repeat(bytes) })).status;
  expect(await post(6 * 1024 * 1024 + 1)).toBe(413);
  expect(handled).toBe(0);
  expect(await post(6 * 1024 * 1024)).toBe(200);
});

test('an error of the handler is an empty 500, and is reported', async () => {
  const errors: unknown[] = [];
  const address = await start(() => Promise.reject(new Error('no such thing')), errors);
  const answer = await fetch(address);
  expect([answer.status, await answer.text()]).toEqual([500, '']);
  expect(errors).toMatchObject([{ message: 'no such thing' }]);
});

test('a client that disconnects in the middle of a request does not affect other clients', async () => {
  const errors: unknown[] = [];
  const address = await start(async () => ok, errors);
  const socket = connect(Number(new URL(address).port), '127.0.0.1');
  await once(socket, 'connect');
  socket.write('POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nabc');
  await sleep(50);
  socket.destroy();
  expect((await fetch(address)).status).toBe(200);
  expect(errors).toEqual([]);
});

test('closing answers open requests, closes idle connections, and accepts no more requests', async () => {
  const release = Promise.withResolvers<void>();
  const arrived = Promise.withResolvers<void>();
  const address = await start(async () => {
    arrived.resolve();
    await release.promise;
    return ok;
  });
  const pending = fetch(address);
  await arrived.promise;
  const closing = server.close();
  await expect(fetch(address)).rejects.toThrow();
  release.resolve();
  const answer = await pending;
  expect([answer.status, answer.headers.get('connection')]).toEqual([200, 'close']);
  await closing;
});

test('closing waits for the request of a client that has disconnected', async () => {
  const release = Promise.withResolvers<void>();
  const arrived = Promise.withResolvers<void>();
  const story: string[] = [];
  const address = await start(async () => {
    arrived.resolve();
    await release.promise;
    story.push('worked');
    return ok;
  });
  const leaving = new AbortController();
  const pending = fetch(address, { signal: leaving.signal });
  await arrived.promise;
  leaving.abort();
  await expect(pending).rejects.toThrow();
  const closing = server.close().then(() => story.push('closed'));
  await sleep(50);
  release.resolve();
  await closing;
  expect(story).toEqual(['worked', 'closed']);
});

test('a port that is in use is named in the error', async () => {
  const address = await start(async () => ok);
  const { port } = new URL(address);
  const second = startHttpServer({
    host: '127.0.0.1',
    port: Number(port),
    handle: async () => ok,
    onError: () => {},
  });
  await expect(second).rejects.toThrow(
    `--port: expected a port that can be listened on, got ${port} on 127.0.0.1 (EADDRINUSE)`,
  );
});

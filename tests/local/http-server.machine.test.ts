import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import type { HttpReply } from '../../src/http/reply.ts';
import { type HttpServer, type HttpServerOptions, startHttpServer } from '../../src/local/http-server.ts';
import { parseRequest } from '../../src/events/http.ts';

const ok: HttpReply = { statusCode: 200, headers: { 'x-own': '1' }, isBase64Encoded: false, body: 'é' };

/** Admits every request, with the largest body that Lambda takes. */
const admit: HttpServerOptions['admit'] = () => ({ kind: 'admitted', maxBodyBytes: 6 * 1024 * 1024 });

let server: HttpServer;
afterEach(() => server.close());

async function start(
  handle: HttpServerOptions['handle'],
  errors: unknown[] = [],
  options: Partial<HttpServerOptions> = {},
): Promise<string> {
  server = await startHttpServer({
    host: '127.0.0.1',
    port: 0,
    admit,
    handle,
    onError: (error) => errors.push(error),
    ...options,
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
    admit,
    handle: async () => ok,
    onError: () => {},
  });
  await expect(second).rejects.toThrow(
    `--port: expected a port that is free on host 127.0.0.1, got ${port} (EADDRINUSE)`,
  );
});

/** Sends these lines and resolves to all that the server answers until it closes the connection. */
async function talk(address: string, ...lines: readonly string[]): Promise<string> {
  const socket = connect(Number(new URL(address).port), '127.0.0.1');
  let answer = '';
  socket.on('data', (data) => (answer += String(data)));
  socket.on('error', () => {});
  socket.write(lines.map((line) => `${line}\r\n`).join(''));
  await new Promise((resolve) => socket.once('close', resolve));
  return answer;
}

const refused: HttpReply = { statusCode: 401, headers: {}, isBase64Encoded: false, body: 'no' };

test('a request that is refused by its head is answered while its body is still to come, and is not handled', async () => {
  const heads: unknown[] = [];
  let handled = 0;
  const handle = async () => {
    handled++;
    return ok;
  };
  const refuse: HttpServerOptions['admit'] = (event, _requestId, bodyBytes) => {
    const { body, rawPath } = event as { body: string; rawPath: string };
    heads.push([rawPath, body, bodyBytes]);
    return { kind: 'refused', reply: refused };
  };
  const address = await start(handle, [], { admit: refuse });
  const socket = connect(Number(new URL(address).port), '127.0.0.1');
  socket.write('POST /a HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\n12');
  expect(String((await once(socket, 'data'))[0])).toMatch(/^HTTP\/1.1 401 /);
  // The rest is discarded, and the connection serves the next request.
  socket.write('345POST /b HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n');
  expect(String((await once(socket, 'data'))[0])).toMatch(/^HTTP\/1.1 401 /);
  socket.destroy();
  expect(heads).toEqual([
    ['/a', '', 5],
    ['/b', '', null],
  ]);
  expect(handled).toBe(0);
});

test('a client that waits to be asked for its body is asked only if it is admitted', async () => {
  const address = await start(async () => ok, [], {
    admit: (event) =>
      (event as { rawPath: string }).rawPath === '/yes'
        ? { kind: 'admitted', maxBodyBytes: 10 }
        : { kind: 'refused', reply: refused },
  });
  const ask = async (path: string, bytes: number): Promise<string> => {
    const socket = connect(Number(new URL(address).port), '127.0.0.1');
    socket.write(
      `POST ${path} HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: ${bytes}\r\n\r\n`,
    );
    const [line] = (await once(socket, 'data')) as [Buffer];
    socket.destroy();
    return line.toString().slice(9, 12);
  };
  expect(await ask('/yes', 10)).toBe('100');
  expect(await ask('/yes', 11)).toBe('413');
  expect(await ask('/no', 10)).toBe('401');
});

test('bodies in flight have room for so many bytes altogether: one more is 503, until the others are done', async () => {
  const release = Promise.withResolvers<void>();
  const arrived = Promise.withResolvers<void>();
  const handle = async () => {
    arrived.resolve();
    await release.promise;
    return ok;
  };
  const address = await start(handle, [], { limits: { bodyBytes: 10 } });
  const post = (body: string) => fetch(address, { method: 'POST', body });
  const first = post('x'.repeat(8));
  await arrived.promise;
  const second = await post('xxx');
  expect([second.status, second.headers.get('retry-after')]).toEqual([503, '1']);
  const third = post('xx');
  release.resolve();
  expect([(await first).status, (await third).status, (await post('x'.repeat(10))).status]).toEqual([
    200, 200, 200,
  ]);
});

test('a chunked body that grows too long is 413', async () => {
  const address = await start(async () => ok, [], { admit: () => ({ kind: 'admitted', maxBodyBytes: 4 }) });
  const chunks = ['3', 'abc', '3', 'def', '0', ''];
  const head = ['POST / HTTP/1.1', 'host: x', 'connection: close', 'transfer-encoding: chunked', ''];
  expect(await talk(address, ...head, ...chunks)).toMatch(/^HTTP\/1.1 413 /);
});

test('connections that send nothing, or only half a head, are closed', async () => {
  const address = await start(async () => ok, [], { limits: { headMs: 50, checkMs: 10 } });
  const answers = await Promise.all([talk(address), talk(address, 'GET / HTTP/1.1', 'x: y')]);
  expect(answers.map((answer) => answer.slice(0, 12))).toEqual(['HTTP/1.1 408', 'HTTP/1.1 408']);
  expect((await fetch(address)).status).toBe(200);
});

test('a connection that is idle after a request is closed', async () => {
  const address = await start(async () => ok, [], { limits: { idleMs: 50, checkMs: 10 } });
  expect(await talk(address, 'GET / HTTP/1.1', 'host: x', '')).toMatch(/^HTTP\/1.1 200 /);
});

test('a connection beyond the limit is closed at once, and the open ones go on', async () => {
  const address = await start(async () => ok, [], { limits: { connections: 2 } });
  const idle = [0, 1].map(() => connect(Number(new URL(address).port), '127.0.0.1'));
  // A connection counts as soon as the server has accepted it.
  for (const socket of idle) {
    socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
    await once(socket, 'data');
  }
  expect(await talk(address, 'GET / HTTP/1.1', 'host: x', '')).toBe('');
  const [first, second] = idle;
  second?.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
  expect(String((await once(second!, 'data'))[0])).toMatch(/^HTTP\/1.1 200 /);
  first?.destroy();
  second?.destroy();
});

test('the answer to HEAD has a head alone', async () => {
  const address = await start(async () => ({ ...ok, body: '' }));
  const answer = await fetch(address, { method: 'HEAD' });
  expect([answer.status, answer.headers.get('content-length')]).toEqual([200, null]);
});

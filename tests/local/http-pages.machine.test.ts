import { connect } from 'node:net';
import { once } from 'node:events';
import { afterEach, expect, test } from 'vitest';
import { parseRequest } from '../../src/events/http.ts';
import type { HttpReply } from '../../src/http/reply.ts';
import { type HttpServer, startHttpServer } from '../../src/local/http-server.ts';

let server: HttpServer;
afterEach(() => server.close());

interface Pages {
  readonly address: string;
  /** Numbers of the pages that were asked for. */
  readonly asked: number[];
  readonly errors: unknown[];
}

/** A server whose page n links to page n + 1, up to `last`; page `failing` fails. */
async function start({
  last = 3,
  failing = 0,
  text = 'line\n',
  type = 'text/csv; charset=utf-8',
} = {}): Promise<Pages> {
  const asked: number[] = [];
  const errors: unknown[] = [];
  server = await startHttpServer({
    host: '127.0.0.1',
    port: 0,
    admit: () => ({ kind: 'admitted', maxBodyBytes: 0 }),
    async handle(event): Promise<HttpReply> {
      const request = parseRequest(event);
      const page = Number(request?.query.get('after') ?? 1);
      expect(request?.headers.get('authorization')).toBe('Bearer token');
      asked.push(page);
      if (page === failing) return { statusCode: 503, headers: {}, isBase64Encoded: false, body: '' };
      const link = page < last ? { link: `</file.csv?after=${page + 1}>; rel="next"` } : {};
      return {
        ...{ statusCode: 200, headers: { 'content-type': type, ...link }, isBase64Encoded: false },
        body: request?.method === 'HEAD' ? '' : `${page} ${text}`,
      };
    },
    onError: (error) => errors.push(error),
  });
  return { address: server.address, asked, errors };
}

const headers = { authorization: 'Bearer token' };

test('a table of several pages is one file, without a link', async () => {
  const { address, asked } = await start();
  const answer = await fetch(`${address}/file.csv`, { headers });
  expect(await answer.text()).toBe('1 line\n2 line\n3 line\n');
  expect([asked, answer.headers.get('link')]).toEqual([[1, 2, 3], null]);
});

test('a caller that asks for pages gets one, with its link', async () => {
  const { address, asked } = await start();
  for (const query of ['limit=5', 'after=1']) {
    const answer = await fetch(`${address}/file.csv?${query}`, { headers });
    expect([await answer.text(), answer.headers.get('link')]).toEqual([
      '1 line\n',
      '</file.csv?after=2>; rel="next"',
    ]);
  }
  expect(asked).toEqual([1, 1]);
});

test('the head alone is one request, and what is no table keeps its link', async () => {
  const { address, asked } = await start();
  const head = await fetch(`${address}/file.csv`, { method: 'HEAD', headers });
  // The file has all pages, so that there is no next one.
  expect([asked, head.headers.get('link'), head.headers.get('content-length')]).toEqual([[1], null, null]);
  await server.close();
  const json = await start({ type: 'application/json' });
  expect((await fetch(`${json.address}/file.csv`, { headers })).headers.get('link')).toContain('rel="next"');
  expect(json.asked).toEqual([1]);
});

test('a file that breaks off does not look like a whole one', async () => {
  const { address, errors } = await start({ failing: 3 });
  const download = async (): Promise<string> => (await fetch(`${address}/file.csv`, { headers })).text();
  await expect(download()).rejects.toThrow();
  expect(errors.map(String)).toEqual(['Error: a page after the first: expected 200, got 503']);
});

test('no page is read ahead of a client that does not read, or after it has gone', async () => {
  const { address, asked, errors } = await start({ last: 1000, text: 'x'.repeat(1_000_000) });
  const client = connect(Number(new URL(address).port), '127.0.0.1');
  client.write(`GET /file.csv HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer token\r\n\r\n`);
  await once(client, 'readable');
  const before = asked.length;
  client.destroy();
  await server.close();
  // What the buffers of both sockets take, and no more.
  expect(before).toBeLessThan(50);
  expect(asked.length).toBeLessThan(before + 50);
  expect(errors).toEqual([]);
});

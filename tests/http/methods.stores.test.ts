import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { openStore } from '../../src/db/open.ts';
import { PushError } from '../../src/errors.ts';
import type { Store } from '../../src/store.ts';
import { makeApi, type TestApi } from '../support/api.ts';
import { makeDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;
let store: Store;
let api: TestApi;

beforeAll(async () => {
  database = await makeDatabase('sqlite');
  store = await openStore(database.config, systemClock);
  api = makeApi(store);
});
afterAll(async () => {
  await store.close();
  await database.drop();
});

const anonymous = { headers: { authorization: '' } };

test('HEAD answers with the head of GET, also to a refusal', async () => {
  expect(await api.ask({ method: 'HEAD', path: '/health', ...anonymous })).toMatchObject({
    status: 200,
    headers: { 'content-type': 'application/json' },
    body: null,
  });
  expect(await api.ask({ method: 'HEAD', path: '/announcements/99' })).toMatchObject({
    status: 404,
    headers: { 'content-type': 'application/problem+json' },
    body: null,
  });
  expect((await api.ask({ method: 'HEAD', path: '/announcements', ...anonymous })).status).toBe(401);
});

test.each([
  ['/announcements', 'POST, GET, HEAD, OPTIONS'],
  ['/announcements/1', 'GET, HEAD, OPTIONS'],
  ['/push', 'POST, OPTIONS'],
  ['/members/4711', 'PUT, GET, HEAD, DELETE, OPTIONS'],
  ['*', 'GET, HEAD, POST, DELETE, PUT, OPTIONS'],
])('OPTIONS %s lists the methods, to anybody, and allows no other origin', async (path, allow) => {
  const headers = { ...anonymous.headers, origin: 'https://other.example' };
  expect(await api.ask({ method: 'OPTIONS', path, headers })).toEqual({
    status: 204,
    headers: { allow, 'cache-control': 'no-store' },
    body: null,
  });
});

test('OPTIONS of a path that is not there says so only to a caller', async () => {
  expect((await api.ask({ method: 'OPTIONS', path: '/x', ...anonymous })).status).toBe(401);
  expect((await api.ask({ method: 'OPTIONS', path: '/x' })).status).toBe(404);
});

test('a method that HTTP does not have is 501, on every path', async () => {
  for (const path of ['/push', '/x']) {
    expect(await api.ask({ method: 'BREW', path })).toMatchObject({
      status: 501,
      body: { code: 'UNKNOWN_METHOD', title: 'Not Implemented' },
    });
  }
  expect(api.log.filter((line) => line.includes('"level":"error"'))).toEqual([]);
});

test.each(['GET', 'HEAD'])(
  '%s /health is 503 while the database is down, and says that it is',
  async (method) => {
    const fetchTickAgeMs = () => Promise.reject(new PushError('DATABASE', 'connect ECONNREFUSED 10.0.0.7'));
    const broken = makeApi({ ...store, fetchTickAgeMs });
    const reply = await broken.ask({ method, path: '/health', ...anonymous });
    expect(reply).toMatchObject({ status: 503, headers: { 'content-type': 'application/problem+json' } });
    if (method === 'GET') expect(reply.body).toMatchObject({ code: 'DATABASE', down: ['database'] });
    expect(JSON.stringify(reply)).not.toContain('10.0.0.7');
    expect(broken.log.join()).toContain('10.0.0.7');
  },
);

test('however many ask for the health at once, one question at a time goes to the database', async () => {
  let [open, most] = [0, 0];
  const fetchTickAgeMs = async () => {
    most = Math.max(most, ++open);
    await Promise.resolve();
    open--;
    return null;
  };
  const busy = makeApi({ ...store, fetchTickAgeMs });
  const replies = await Promise.all(
    Array.from({ length: 50 }, () => busy.ask({ method: 'GET', path: '/health' })),
  );
  expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([200]));
  expect(most).toBe(1);
});

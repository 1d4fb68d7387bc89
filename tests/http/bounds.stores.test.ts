import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { openStore } from '../../src/db/open.ts';
import type { Store } from '../../src/store.ts';
import { makeApi, type TestApi } from '../support/api.ts';
import { makeDatabase, type TestDatabase } from '../support/database.ts';
import type { TestRequest } from '../support/events.ts';

let database: TestDatabase;
let store: Store;
let api: TestApi;

beforeAll(async () => {
  database = await makeDatabase('sqlite');
  store = await openStore(database.config, systemClock);
  api = makeApi(store, { env: { FCM_CREDENTIALS: 'application-default', FCM_PROJECT_ID: 'p' } });
});
afterAll(async () => {
  await store.close();
  await database.drop();
});

/** The length of the reply and of its log line. */
async function lengthsOf(request: TestRequest): Promise<{ status: number; reply: number; line: number }> {
  const reply = await api.ask(request);
  return { status: reply.status, reply: JSON.stringify(reply).length, line: api.log.at(-1)?.length ?? 0 };
}

const nest = (levels: number) => '['.repeat(levels) + ']'.repeat(levels);
const MAX_BYTES = 64 * 1024;

test.each([33, 2000, 8000, 30_000])('JSON of %d levels is refused, wherever it is', async (levels) => {
  const announcement = `{"title": "T", "body": "B", "apns": {"a": ${nest(levels - 1)}}}`;
  const refused = { status: 400, body: { errors: [{ field: 'apns', expected: 'at most 32 levels' }] } };
  expect(await api.ask({ path: '/announcements', body: announcement })).toMatchObject(refused);
  const message = announcement.replace('{', '{"memberId": "a", ');
  const messages = await api.ask({ path: '/messages', body: `{"messages": [${message}]}` });
  expect(messages).toMatchObject({ status: 400, body: { errors: [{ field: 'messages.0.apns' }] } });
  for (const [path, body] of [
    ['/push', `{"announcementId": ${nest(levels)}}`],
    ['/devices', `{"target": ${nest(levels)}}`],
    ['/announcements', nest(levels)],
  ] as const) {
    expect((await api.ask({ path, body })).status).toBe(400);
  }
});

test('JSON of 32 levels is not', async () => {
  const body = `{"title": "T", "body": "B", "apns": {"a": ${nest(31)}}}`;
  expect((await api.ask({ path: '/announcements', body })).status).toBe(201);
});

test('a request of unknown fields gets a short reply and a short log line, however many fields it has', async () => {
  const fields = Array.from({ length: 300_000 }, (_, nth) => `"f${nth}":1`).join();
  const message = `{"messages": [{"memberId": "a", "title": "T", "body": "B", ${fields}}]}`;
  const { status, reply, line } = await lengthsOf({ path: '/messages', body: message });
  expect(status).toBe(400);
  expect(Math.max(reply, line)).toBeLessThan(MAX_BYTES);
  expect(api.log.at(-1)).toContain('and 299980 more problems');
});

test.each<[string, TestRequest]>([
  ['a field', { path: '/messages', body: `{"messages": [{"${'x'.repeat(3e6)}": 1}]}` }],
  ['a key of data', { path: '/messages', body: `{"messages": [{"data": {"${'x'.repeat(3e6)}": 1}}]}` }],
  ['a value', { path: '/messages', body: `{"messages": [{"title": 1, "memberId": "${'x'.repeat(3e6)}"}]}` }],
  ['a source', { path: '/announcements', body: { title: 'T', body: 'B', source: 'x'.repeat(60_000) } }],
  ['a method', { method: 'X'.repeat(1e6) }],
  ['a path', { path: `/${'x'.repeat(1e6)}` }],
  ['a parameter', { method: 'GET', path: `/announcements?${'x'.repeat(1e6)}=1` }],
  ['a type', { path: '/push', headers: { 'content-type': 'x'.repeat(1e6) } }],
  ['a token', { headers: { authorization: `Bearer ${'x'.repeat(1e6)}` } }],
  ['a body', { path: '/push', body: 'x'.repeat(5e6) }],
])('%s of any length gets a short reply and a short log line', async (_case, request) => {
  const { status, reply, line } = await lengthsOf(request);
  expect(status).toBeGreaterThanOrEqual(400);
  expect(Math.max(reply, line)).toBeLessThan(MAX_BYTES);
});

import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { openStore } from '../../src/db/open.ts';
import { admitRequest } from '../../src/http/answer.ts';
import { parseRequest } from '../../src/events/http.ts';
import type { Store } from '../../src/store.ts';
import { makeApi, type TestApi } from '../support/api.ts';
import { devicesOf, draft } from '../support/context.ts';
import { makeDatabase, type TestDatabase } from '../support/database.ts';
import { makeRequest } from '../support/events.ts';

const anonymous = { headers: { authorization: '', 'content-type': 'application/json' } };

let database: TestDatabase;
let store: Store;
let api: TestApi;
let id: number;

beforeAll(async () => {
  database = await makeDatabase('sqlite');
  store = await openStore(database.config, systemClock);
  await store.addDevices(devicesOf('anna', 'ben'));
  id = await store.createAnnouncement(draft);
  await store.startAnnouncement({ announcementId: id, round: 0, fromId: 0 }, 60_000);
});
beforeEach(() => {
  api = makeApi(store, { env: { RECEIPTS: 'on' } });
});
afterAll(async () => {
  await store.close();
  await database.drop();
});

const post = (receipts: unknown, by = api) => by.ask({ path: '/receipts', body: { receipts }, ...anonymous });
const countsOf = async () => (await store.fetchReceiptCounts([id])).get(id);

test('an app needs no token of the API, and learns nothing about what is known', async () => {
  const receipt = { id: String(id), target: 'target-1', event: 'delivered' };
  const known = await post([receipt, { ...receipt, event: 'opened' }]);
  const unknown = await post([
    { ...receipt, target: 'nobody' },
    { ...receipt, id: '99999' },
  ]);
  expect(known).toMatchObject({ status: 202, body: { received: 2 } });
  expect(unknown).toEqual(known);
  // Also what names no push is only counted in the log.
  const odd = ['canary-2026-11-26', 'x', '0', '1.2.3', '-1', '00001', '99999999999999999', id].map(
    (each) => ({
      ...receipt,
      id: each,
    }),
  );
  expect(await post(odd)).toMatchObject({ status: 202, body: { received: odd.length } });
  expect(await countsOf()).toEqual({ delivered: 1, opened: 1 });
  const taken = api.log.filter((line) => line.includes('receipts taken'));
  expect(taken[0]).toContain('"counted":2,"repeated":0,"unknown":0');
  expect(taken[1]).toContain('"counted":0,"repeated":0,"unknown":2');
  expect(taken.join()).not.toContain('target-1');
});

test('a message may be named in the id or beside it', async () => {
  const [message] = await store.claimMessages(
    [
      {
        ...{ messageKey: 'one', source: 'default', content: draft.content, ttlSeconds: null },
        recipient: { deviceId: null, memberId: 'ben' },
      },
    ],
    'me',
    60_000,
  );
  const messageId = message?.messageId ?? 0;
  const receipt = { target: 'target-2', event: 'opened' };
  await post([{ ...receipt, id: `0.${messageId}` }]);
  await post([
    { ...receipt, id: '0', messageId },
    { ...receipt, id: '0', messageId: String(messageId), event: 'delivered' },
  ]);
  expect((await store.fetchReceiptCounts([0])).get(0)).toEqual({ delivered: 1, opened: 1 });
});

test('requests that arrive at the same time share their statements', async () => {
  const calls: number[] = [];
  const recordReceipts: Store['recordReceipts'] = (receipts) => {
    calls.push(receipts.length);
    return store.recordReceipts(receipts);
  };
  const counted = makeApi({ ...store, recordReceipts }, { env: { RECEIPTS: 'on' } });
  const many = Array.from({ length: 50 }, (_, nth) => [
    { id: `${id}`, target: `some-${nth}`, event: 'opened' },
  ]);
  const replies = await Promise.all(many.map((each) => post(each, counted)));
  expect(replies.every(({ status }) => status === 202)).toBe(true);
  expect(calls.reduce((sum, each) => sum + each, 0)).toBe(50);
  expect(calls.length).toBeLessThan(10);
});

test.each([
  ['no list', undefined],
  ['an empty list', []],
  ['too many', Array.from({ length: 501 }, () => ({ id: '1', target: 't', event: 'opened' }))],
  ['another event', [{ id: '1', target: 't', event: 'seen' }]],
  ['no target', [{ id: '1', event: 'opened' }]],
  ['a target with a blank', [{ id: '1', target: 't t', event: 'opened' }]],
  ['an id of another alphabet', [{ id: "1' OR 1", target: 't', event: 'opened' }]],
  ['a further field', [{ id: '1', target: 't', event: 'opened', at: 1 }]],
])('%s is refused, without what it has', async (_what, receipts) => {
  const { status, body } = await post(receipts);
  expect(status).toBe(400);
  expect(JSON.stringify(body)).not.toMatch(/t t|OR 1/);
});

test('a body of more than 64 KB is refused by its head', () => {
  const request = parseRequest(makeRequest({ path: '/receipts', body: {}, ...anonymous }))!;
  expect(admitRequest(api.ctx, request, 65_536)).toEqual({ kind: 'admitted', maxBodyBytes: 65_536 });
  expect(admitRequest(api.ctx, request, 65_537)).toMatchObject({
    kind: 'refused',
    reply: { statusCode: 413 },
  });
});

test('with RECEIPTS=off there is no such route, for anybody', async () => {
  const off = makeApi(store);
  expect(await post([{ id: `${id}`, target: 'target-2', event: 'opened' }], off)).toMatchObject({
    status: 404,
    body: { code: 'NO_SUCH_ROUTE' },
  });
  expect((await off.ask({ path: '/receipts', body: {} })).status).toBe(404);
  expect((await off.ask({ path: '/receipts', method: 'OPTIONS', ...anonymous })).status).toBe(404);
});

test('a page or a service worker of any origin may send receipts', async () => {
  expect(await api.ask({ path: '/receipts', method: 'OPTIONS', ...anonymous })).toMatchObject({
    status: 204,
    headers: {
      allow: 'POST, OPTIONS',
      'access-control-allow-origin': '*',
      'access-control-allow-methods': 'POST',
      'access-control-allow-headers': 'content-type',
    },
  });
  const { headers } = await post([{ id: '1', target: 't', event: 'opened' }]);
  expect(headers).toMatchObject({ 'access-control-allow-origin': '*' });
});

import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { openStore } from '../../src/db/open.ts';
import type { Store } from '../../src/store.ts';
import { makeApi } from '../support/api.ts';
import { devicesOf, draft } from '../support/context.ts';
import { makeDatabase, type TestDatabase } from '../support/database.ts';
import { fixture, makeRequest } from '../support/events.ts';

const READ = 'read-token-of-some-length-1234';
const ADMIN = 'admin-token-of-some-length-123';
const API_TOKEN = `reader:read:${READ},boss:admin:${ADMIN}`;

let database: TestDatabase;
let store: Store;
let id: number;

beforeAll(async () => {
  database = await makeDatabase('sqlite');
  store = await openStore(database.config, systemClock);
  await store.addDevices(devicesOf('a', '=1+1', 'c;=2+2', 'd', 'e'));
  id = await store.createAnnouncement(draft, 'cli:somebody');
  const key = { announcementId: id, round: 0, fromId: 0 };
  await store.startAnnouncement(key, 60_000, [], { actor: 'schedule' });
  const claim = await store.claimHop(key, 'me', 60_000);
  if (claim.kind !== 'claimed') throw new Error(claim.kind);
  const delivered = { verdict: 'delivered', reason: null, messageName: 'm', retryInMs: null } as const;
  await store.recordDeliveries(claim.hop, [
    ...[1, 2, 3, 4].map((deviceId) => ({ deviceId, ...delivered })),
    { ...delivered, deviceId: 5, verdict: 'rejected', reason: 'INVALID_ARGUMENT', messageName: null },
  ]);
});
afterAll(async () => {
  await store.close();
  await database.drop();
});

const as = (token: string) => ({ authorization: `Bearer ${token}` });

async function get(path: string, token = READ) {
  const api = makeApi(store, { env: { API_TOKEN } });
  const {
    statusCode: status,
    headers = {},
    body,
  } = await api.send(makeRequest({ method: 'GET', path, headers: as(token) }));
  return { status, headers, body };
}

test('deliveries are CSV, to be saved as a file, without targets and without formulas', async () => {
  const { status, headers, body } = await get(`/announcements/${id}/deliveries.csv`);
  expect({ status, headers }).toEqual({
    status: 200,
    headers: {
      'content-type': 'text/csv; charset=utf-8',
      'content-disposition': `attachment; filename="announcement-${id}.csv"`,
      'cache-control': 'no-store',
    },
  });
  const lines = body.split('\n');
  expect(lines[0]).toBe('member_id,device_id,message_id,verdict,reason,recorded_at,attempts,fcm_message_id');
  expect(lines.slice(1).map((line) => line.replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/, 'TIME'))).toEqual([
    'a,1,,delivered,,TIME,1,m',
    "'=1+1,2,,delivered,,TIME,1,m",
    '"c;=2+2",3,,delivered,,TIME,1,m',
    'd,4,,delivered,,TIME,1,m',
    'e,5,,rejected,INVALID_ARGUMENT,TIME,1,',
    '',
  ]);
  expect(body).not.toContain('target');
});

test('pages follow one another by their links, and together are the whole file', async () => {
  const whole = await get(`/announcements/${id}/deliveries.csv`);
  let text = '';
  let pages = 0;
  for (let path: string | undefined = `/announcements/${id}/deliveries.csv?limit=2`; path; pages++) {
    const page: Awaited<ReturnType<typeof get>> = await get(path);
    text += page.body;
    path = /^<(.*)>; rel="next"$/.exec(page.headers['link'] ?? '')?.[1];
  }
  expect([text, pages]).toEqual([whole.body, 3]);
});

test('a load balancer gets the link with its path, and a head without a body', async () => {
  const api = makeApi(store, { env: { API_TOKEN, API_BASE_PATH: '/baton' } });
  const event = {
    ...fixture('alb'),
    httpMethod: 'GET',
    path: `/baton/announcements/${id}/deliveries.csv`,
    queryStringParameters: { limit: '1', verdict: 'delivered%2Crejected' },
    headers: as(READ),
    body: '',
  };
  const reply = await api.send(event);
  expect(reply).toMatchObject({
    statusCode: 200,
    headers: {
      link: `</baton/announcements/${id}/deliveries.csv?limit=1&verdict=delivered%2Crejected&after=0-1>; rel="next"`,
    },
  });
  expect((await api.send({ ...event, httpMethod: 'HEAD' })).body).toBe('');
});

test('only the verdicts that are asked for are in it', async () => {
  const { body } = await get(`/announcements/${id}/deliveries.csv?verdict=unknown,rejected`);
  expect(body.split('\n').slice(1)).toEqual([expect.stringMatching(/^e,5,,rejected/), '']);
});

test('targets need the scope admin', async () => {
  const path = `/announcements/${id}/deliveries.csv?targets=1`;
  const refused = await get(path);
  expect(refused).toMatchObject({
    status: 403,
    headers: { 'www-authenticate': 'Bearer error="insufficient_scope", scope="admin"' },
  });
  expect(refused.body).not.toContain('target-1');
  const { status, body } = await get(path, ADMIN);
  expect(status).toBe(200);
  expect(body.split('\n').slice(0, 2)).toEqual([
    expect.stringMatching(/,fcm_message_id,target$/),
    expect.stringMatching(/,m,target-1$/),
  ]);
});

test.each([
  ['verdict=lost', 'verdict'],
  ['verdict=delivered,lost', 'verdict'],
  ['verdict=', 'verdict'],
  ['after=1', 'after'],
  ['limit=0', 'limit'],
  ['cursor=1', 'cursor'],
])('%s is refused', async (query, field) => {
  const { status, body } = await get(`/announcements/${id}/deliveries.csv?${query}`);
  expect(status).toBe(400);
  expect(JSON.parse(body)).toMatchObject({ errors: [{ field }] });
});

test('a page is cut to what the gateway takes', async () => {
  const huge = 'm'.repeat(200);
  const fetchExportPage: Store['fetchExportPage'] = async (_announcement, { after }, limit) =>
    Array.from({ length: Math.min(limit, 12_000 - after.deviceId) }, (_, nth) => ({
      ...{ messageId: 0, deviceId: after.deviceId + nth + 1, memberId: null, verdict: 'delivered' },
      ...{ reason: null, messageName: huge, recordedAt: 0, attempts: 1, target: null },
    })) as Awaited<ReturnType<Store['fetchExportPage']>>;
  const api = makeApi({ ...store, fetchExportPage }, { env: { API_TOKEN } });
  let ids: number[] = [];
  let parameters: Record<string, string> | null = {};
  while (parameters !== null) {
    const reply = await api.send({
      ...fixture('alb'),
      ...{ httpMethod: 'GET', path: `/announcements/${id}/deliveries.csv`, headers: as(READ), body: '' },
      queryStringParameters: parameters,
    });
    expect(JSON.stringify(reply).length).toBeLessThan(1_000_000);
    ids = [...ids, ...Array.from(reply.body.matchAll(/^,(\d+)/gm), ([, each]) => Number(each))];
    const after = /after=([\d-]+)/.exec(reply.headers?.['link'] ?? '')?.[1];
    parameters = after === undefined ? null : { after };
  }
  expect(ids).toEqual(Array.from({ length: 12_000 }, (_, nth) => nth + 1));
});

test('an announcement whose deliveries are deleted is gone: 410, and the error says since when', async () => {
  const gone = await store.createAnnouncement(draft);
  await store.startAnnouncement({ announcementId: gone, round: 0, fromId: 0 }, 1);
  await store.moveAnnouncement(gone, ['running'], 'cancelled', null);
  const old = { announcementId: gone, status: 'cancelled', title: '', endedAt: 0, isBegun: false } as const;
  expect(await store.beginPruning(old, -1000, 'baton')).toBe(true);
  const { status, body } = await get(`/announcements/${gone}/deliveries.csv`);
  expect({ status, ...(JSON.parse(body) as object) }).toMatchObject({ status: 410, code: 'PRUNED' });
  expect((await get('/announcements/999/deliveries.csv')).status).toBe(404);
});

test('the audit says who did what, and who asked for a start', async () => {
  const api = makeApi(store, { env: { API_TOKEN } });
  const push = { announcementId: id, deviceId: 3 };
  await api.ask({ path: '/push', body: push, headers: as(ADMIN) });
  await api.ask({ path: `/announcements/${id}/pause`, headers: as(ADMIN) });
  const { status, body } = await api.ask({
    ...{ method: 'GET', path: `/announcements/${id}/audit`, headers: as(READ) },
  });
  expect(status).toBe(200);
  const { entries } = body as { entries: object[] };
  expect(entries).toEqual([
    {
      ...{
        auditId: 1,
        at: expect.any(String),
        actor: 'cli:somebody',
        action: 'created',
        was: null,
        became: 'draft',
      },
      why: null,
    },
    expect.objectContaining({ actor: 'schedule', action: 'started', was: 'draft', became: 'running' }),
    expect.objectContaining({ actor: 'api:boss', action: 'start requested', why: 'from id 3' }),
    expect.objectContaining({ actor: 'api:boss', action: 'paused', was: 'running', became: 'paused' }),
  ]);
  const next = await api.ask({
    ...{ method: 'GET', path: `/announcements/${id}/audit?after=1&limit=2`, headers: as(READ) },
  });
  expect(next.body).toEqual({ entries: entries.slice(1, 3) });
  expect((await api.ask({ method: 'GET', path: '/announcements/999/audit', headers: as(READ) })).status).toBe(
    404,
  );
});

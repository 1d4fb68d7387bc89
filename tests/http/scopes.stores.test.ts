import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { openStore } from '../../src/db/open.ts';
import { ROUTES } from '../../src/http/routes.ts';
import { covers, SCOPES } from '../../src/model/scope.ts';
import type { Store } from '../../src/store.ts';
import { makeApi } from '../support/api.ts';
import { draft } from '../support/context.ts';
import { makeDatabase, type TestDatabase } from '../support/database.ts';
import { fixture } from '../support/events.ts';

let database: TestDatabase;
let store: Store;

beforeAll(async () => {
  database = await makeDatabase('sqlite');
  store = await openStore(database.config, systemClock);
});
afterAll(async () => {
  await store.close();
  await database.drop();
});

const TOKEN = 'a-token-of-some-length-for-';
const guarded = ROUTES.flatMap(({ method, path, scope }) =>
  scope === null ? [] : [{ method, path, scope, at: path.replace('{announcementId}', '1') }],
);

test('a token may do what its scopes cover, and nothing else', async () => {
  const API_TOKEN = SCOPES.map((scope) => `${scope}:${scope}:${TOKEN}${scope}`).join(',');
  const api = makeApi(store, { env: { API_TOKEN } });
  for (const own of SCOPES) {
    const headers = { authorization: `Bearer ${TOKEN}${own}` };
    for (const { method, at, scope } of guarded) {
      const { status, body, headers: replied } = await api.ask({ method, path: at, body: '{', headers });
      if (covers([own], scope)) {
        expect([400, 200, 404]).toContain(status);
        continue;
      }
      expect({ status, body, replied }).toMatchObject({
        status: 403,
        body: {
          code: 'FORBIDDEN',
          errors: [{ field: 'caller', expected: `the scope ${scope} or admin`, got: own }],
        },
        replied: { 'www-authenticate': `Bearer error="insufficient_scope", scope="${scope}"` },
      });
    }
    expect((await api.ask({ method: 'GET', path: '/openapi.json', headers })).status).toBe(200);
  }
});

test('every route needs a scope, but health, receipts, the description of the API, and the ways in and out of the dashboard', () => {
  expect(ROUTES.filter(({ scope }) => scope === null).map(({ path }) => path)).toEqual([
    '/health',
    '/openapi.json',
    '/receipts',
    '/dashboard',
    '/dashboard/login',
    '/dashboard/logout',
  ]);
});

test('the log names the caller, and never its token', async () => {
  const api = makeApi(store, { env: { API_TOKEN: `back-end:read:${TOKEN}x` } });
  const headers = { authorization: `Bearer ${TOKEN}x` };
  await api.ask({ method: 'GET', path: '/announcements', headers });
  await api.ask({ path: '/announcements', headers });
  expect(api.log.map((line) => JSON.parse(line) as unknown)).toMatchObject([
    { event: 'request answered', caller: 'back-end', status: 200 },
    { event: 'request refused', caller: 'back-end', status: 403 },
  ]);
  expect(api.log.join()).not.toContain(TOKEN);
});

/** A request as an HTTP API with a JWT authorizer makes it of an app's request. */
function fromUser(method: string, path: string, claims: object, body: object = {}): object {
  const event = fixture('api-gateway-http-jwt');
  const { headers, requestContext } = event as { headers: object; requestContext: object };
  return {
    ...event,
    rawPath: `/live${path}`,
    headers: { ...headers, 'content-type': 'application/json' },
    requestContext: {
      ...requestContext,
      http: { method, path: `/live${path}` },
      authorizer: { jwt: { claims: { sub: 'some-user', ...claims }, scopes: null } },
    },
    body: JSON.stringify(body),
  };
}

test("an end user's own token can neither broadcast nor cancel nor read: the gateway only says that it is valid", async () => {
  const api = makeApi(store, {
    env: { API_AUTH: 'gateway', API_TOKEN: '', FCM_CREDENTIALS: 'application-default', FCM_PROJECT_ID: 'p' },
  });
  const announcementId = await store.createAnnouncement(draft);
  await store.startAnnouncement({ announcementId, round: 0, fromId: 0 }, 1000);
  const claims = { scope: 'openid aws.cognito.signin.user.admin', 'cognito:groups': '[users]' };
  const attacks: [string, string, object][] = [
    ['POST', '/announcements', { title: 'T', body: 'B' }],
    ['POST', '/push', { announcementId }],
    ['POST', `/announcements/${announcementId}/cancel`, {}],
    ['POST', '/messages', { messages: [{ memberId: 'other', title: 'T', body: 'B' }] }],
    ['GET', `/announcements/${announcementId}`, {}],
    ['DELETE', '/devices/some-target', {}],
  ];
  for (const [method, path, body] of attacks) {
    const reply = await api.send(fromUser(method, path, claims, body));
    expect([path, reply.statusCode, JSON.parse(reply.body)]).toMatchObject([
      path,
      403,
      { errors: [{ expected: expect.stringContaining('by API_GATEWAY_GRANTS'), got: 'no scope' }] },
    ]);
  }
  expect(api.ctx.invoked).toEqual([]);
  expect((await store.fetchAnnouncement(announcementId))?.status).toBe('running');
  expect((await api.send(fromUser('GET', '/openapi.json', claims))).statusCode).toBe(200);
});

test('a gateway caller may do what API_GATEWAY_GRANTS gives a scope or a group of the token', async () => {
  const API_GATEWAY_GRANTS = 'scope:push/send=send, group:staff=read';
  const api = makeApi(store, { env: { API_AUTH: 'gateway', API_TOKEN: '', API_GATEWAY_GRANTS } });
  const statusOf = async (method: string, path: string, claims: object) =>
    (await api.send(fromUser(method, path, claims))).statusCode;
  const staff = { 'cognito:groups': '[staff users]' };
  expect(await statusOf('GET', '/announcements', staff)).toBe(200);
  expect(await statusOf('POST', '/announcements/99/cancel', staff)).toBe(403);
  expect(await statusOf('POST', '/announcements/99/cancel', { scope: 'openid push/send' })).toBe(404);
  expect(await statusOf('GET', '/announcements', { scope: 'openid push/send' })).toBe(403);
});

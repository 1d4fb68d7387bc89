import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { openStore } from '../../src/db/open.ts';
import type { HttpReply } from '../../src/http/reply.ts';
import { SESSION_SECONDS } from '../../src/http/session.ts';
import type { Store } from '../../src/store.ts';
import { makeApi, type TestApi } from '../support/api.ts';
import { makeTestClock, type TestClock } from '../support/clock.ts';
import { draft } from '../support/context.ts';
import { makeDatabase, type TestDatabase } from '../support/database.ts';
import { fixture } from '../support/events.ts';

const OPS = 'a-token-of-some-length-for-ops';
const VIEWER = 'a-token-of-some-length-for-viewer';
const APP = 'a-token-of-some-length-for-app';
const API_TOKEN = `ops:read+send:${OPS},viewer:read:${VIEWER},app:devices:${APP}`;

let database: TestDatabase;
let store: Store;
let clock: TestClock;
let api: TestApi;

beforeAll(async () => {
  database = await makeDatabase('sqlite');
  store = await openStore(database.config, systemClock);
});
beforeEach(() => {
  clock = makeTestClock();
  api = makeApi(store, { env: { API_TOKEN }, clock });
});
afterAll(async () => {
  await store.close();
  await database.drop();
});

const GATEWAYS = ['api-gateway-rest', 'api-gateway-http', 'api-gateway-http-1.0', 'function-url'];
const BALANCERS = ['alb', 'alb-multi-value'];

interface Ask {
  readonly gateway?: string;
  readonly method?: string;
  readonly path: string;
  readonly body?: object;
  readonly cookie?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A request of a browser, as a gateway sends it to the function. */
function eventOf({
  gateway = 'function-url',
  method = 'GET',
  path,
  body,
  cookie,
  headers = {},
}: Ask): object {
  const event = fixture(gateway);
  const { stage, path: full } = event['requestContext'] as { stage?: string; path?: string };
  const own: Record<string, string> = {
    host: 'baton.example',
    'x-forwarded-proto': 'https',
    'content-type': 'application/json',
    'sec-fetch-site': 'same-origin',
    origin: 'https://baton.example',
    ...headers,
  };
  const isVersion2 = event['version'] === '2.0';
  if (cookie !== undefined && !isVersion2) own['cookie'] = cookie;
  const isMultiValue = 'multiValueHeaders' in event;
  const isStaged = stage !== undefined && stage !== '$default' && event['version'] !== undefined;
  return {
    ...event,
    httpMethod: method,
    path: isStaged ? `/${stage}${path}` : path,
    rawPath: isStaged ? `/${stage}${path}` : path,
    rawQueryString: '',
    ...('headers' in event ? { headers: own } : {}),
    ...(isMultiValue
      ? {
          multiValueHeaders: Object.fromEntries(Object.entries(own).map(([name, value]) => [name, [value]])),
        }
      : {}),
    ...(cookie !== undefined && isVersion2 ? { cookies: [cookie, 'other=1'] } : {}),
    requestContext: {
      ...(event['requestContext'] as object),
      authorizer: undefined,
      ...(full === undefined ? {} : { path: `${full.replace(/\/push$/, '')}${path}` }),
      ...(isVersion2 ? { http: { method, path } } : {}),
    },
    body: body === undefined ? '' : JSON.stringify(body),
    isBase64Encoded: false,
  };
}

function setCookieOf({ cookies, headers, multiValueHeaders }: HttpReply): string {
  const [cookie = ''] = cookies ?? multiValueHeaders?.['set-cookie'] ?? [headers?.['set-cookie'] ?? ''];
  return cookie;
}

function headersOf({ headers, multiValueHeaders }: HttpReply): Record<string, string> {
  const [first] = [
    headers ??
      Object.fromEntries(
        Object.entries(multiValueHeaders ?? {}).map(([name, [value = '']]) => [name, value]),
      ),
  ];
  return { ...first };
}

async function signIn(token: string, ask: Partial<Ask> = {}): Promise<string> {
  const reply = await api.send(
    eventOf({ method: 'POST', path: '/dashboard/login', body: { token }, ...ask }),
  );
  expect(reply).toMatchObject({ statusCode: 204, body: '' });
  return setCookieOf(reply).split(';')[0]!;
}

async function keyOf(cookie: string): Promise<string> {
  const { body } = await api.send(eventOf({ path: '/dashboard', cookie }));
  return /data-key="([^"]+)"/.exec(body)![1]!;
}

test.each([...GATEWAYS, ...BALANCERS])(
  'behind %s a browser signs in, reads and signs out',
  async (gateway) => {
    const login = { gateway, method: 'POST', path: '/dashboard/login', body: { token: ` ${OPS}\n` } };
    const reply = await api.send(eventOf(login));
    const prefix = { 'api-gateway-rest': '/prod', 'api-gateway-http-1.0': '/live' }[gateway] ?? '';
    expect(reply.statusCode).toBe(204);
    const name = prefix === '' ? '__Host-baton' : '__Secure-baton';
    expect(setCookieOf(reply)).toMatch(
      new RegExp(
        `^${name}=v1[.][\\w.-]+; Path=${prefix || '/'}; Max-Age=${SESSION_SECONDS}; HttpOnly; SameSite=Strict; Secure$`,
      ),
    );
    if (gateway === 'alb-multi-value') expect(reply).not.toHaveProperty('headers');
    const [cookie = ''] = setCookieOf(reply).split(';');
    const page = await api.send(eventOf({ gateway, path: '/dashboard', cookie }));
    expect(page.body).toContain(`data-base="${prefix}"`);
    expect(page.body).toContain('id="now"');
    const state = await api.send(eventOf({ gateway, path: '/dashboard/state.json', cookie }));
    expect(state.statusCode).toBe(200);
    expect(JSON.parse(state.body)).toMatchObject({
      current: [],
      scheduled: [],
      sources: [{ state: 'idle' }],
    });
    const out = await api.send(eventOf({ gateway, method: 'POST', path: '/dashboard/logout', cookie }));
    expect(setCookieOf(out)).toContain(`${name}=; Path=${prefix || '/'}; Max-Age=0`);
  },
);

test('neither the cookie nor a page nor the log has the token or its digest', async () => {
  const cookie = await signIn(OPS);
  const { body } = await api.send(eventOf({ path: '/dashboard', cookie }));
  expect(cookie + body + api.log.join()).not.toContain(OPS);
  expect(await signIn(OPS)).not.toBe(cookie);
});

test('a wrong token, none, and one without the scope read begin no session', async () => {
  const statusOf = async (token: string) => {
    const reply = await api.send(eventOf({ method: 'POST', path: '/dashboard/login', body: { token } }));
    expect(setCookieOf(reply)).toBe('');
    expect(reply.body).not.toContain('a-token');
    return reply.statusCode;
  };
  expect(await statusOf(`${OPS}x`)).toBe(401);
  expect(await statusOf(' ')).toBe(401);
  expect(await statusOf(APP)).toBe(403);
  api = makeApi(store, { env: { API_TOKEN: '' }, clock });
  expect(await statusOf(OPS)).toBe(401);
});

test('a session ends after 12 hours, with its token, and with any change of its cookie', async () => {
  const cookie = await signIn(OPS);
  const statusOf = async (value: string) =>
    (await api.send(eventOf({ path: '/dashboard/state.json', cookie: value }))).statusCode;
  expect(await statusOf(cookie)).toBe(200);
  expect(await statusOf(cookie.replace('v1.', 'v1.z'))).toBe(401);
  expect(await statusOf(`${cookie.slice(0, -1)}${cookie.endsWith('A') ? 'E' : 'A'}`)).toBe(401);
  expect(await statusOf(cookie.replace('__Host-', ''))).toBe(401);
  const later = { ...clock, now: () => clock.now() + SESSION_SECONDS * 1000 };
  api = makeApi(store, { env: { API_TOKEN }, clock: later });
  expect(await statusOf(cookie)).toBe(401);
  api = makeApi(store, { env: { API_TOKEN: `viewer:read:${VIEWER}` }, clock });
  expect(await statusOf(cookie)).toBe(401);
  // The same token with other scopes: what it may do is looked up at each request.
  api = makeApi(store, { env: { API_TOKEN: `ops:devices:${OPS}` }, clock });
  expect(await statusOf(cookie)).toBe(403);
});

test('a session reads what needs the scope read, and nothing else: not even with the scope', async () => {
  const cookie = await signIn(OPS);
  const read = { method: 'GET', cookie };
  expect((await api.send(eventOf({ ...read, path: '/announcements' }))).statusCode).toBe(200);
  const key = { 'x-page-key': await keyOf(cookie) };
  for (const path of ['/push', '/announcements', '/messages', '/devices']) {
    const reply = await api.send(eventOf({ method: 'POST', path, cookie, body: {}, headers: key }));
    expect([path, reply.statusCode]).toEqual([path, 401]);
  }
});

test('an announcement is paused by a page of the session only, and the audit names the token', async () => {
  const announcementId = await store.createAnnouncement(draft);
  await store.startAnnouncement({ announcementId, round: 0, fromId: 0 }, 1000);
  const cookie = await signIn(OPS);
  const headers = { 'x-page-key': await keyOf(cookie) };
  const path = `/announcements/${announcementId}/pause`;
  const pause = async (more: Partial<Ask>) =>
    (await api.send(eventOf({ method: 'POST', path, cookie, ...more }))).statusCode;
  const foreign = { headers: { ...headers, 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' } };
  expect(await pause(foreign)).toBe(403);
  expect(await pause({ headers: { ...headers, 'sec-fetch-site': 'same-site' } })).toBe(403);
  expect(await pause({})).toBe(403);
  expect(await pause({ headers: { 'x-page-key': await keyOf(await signIn(OPS)) } })).toBe(403);
  expect(await pause({ headers, cookie: '' })).toBe(401);
  const viewer = await signIn(VIEWER);
  expect(await pause({ headers: { 'x-page-key': await keyOf(viewer) }, cookie: viewer })).toBe(403);
  expect((await store.fetchAnnouncement(announcementId))?.status).toBe('running');
  expect(await pause({ headers })).toBe(200);
  expect((await store.fetchAudit(announcementId, 10)).at(-1)).toMatchObject({
    actor: 'api:ops',
    became: 'paused',
  });
  await store.moveAnnouncement(announcementId, ['paused'], 'cancelled', null);
});

test('a stranger can make the function read no more than a token', async () => {
  const body = { token: 'x'.repeat(2000) };
  const reply = await api.send(eventOf({ method: 'POST', path: '/dashboard/login', body }));
  expect(reply.statusCode).toBe(413);
});

test('a page of another site can neither begin nor end a session, also where the browser says only its origin', async () => {
  const login = { method: 'POST', path: '/dashboard/login', body: { token: OPS } };
  const without = (event: object, name: string) => {
    const { [name]: _, ...headers } = (event as { headers: Record<string, string> }).headers;
    return { ...event, headers };
  };
  for (const ask of [login, { method: 'POST', path: '/dashboard/logout' }]) {
    const foreign = { ...ask, headers: { origin: 'https://evil.example' } };
    expect((await api.send(without(eventOf(foreign), 'sec-fetch-site'))).statusCode).toBe(403);
    expect(
      (await api.send(without(eventOf({ ...ask, headers: { origin: 'null' } }), 'sec-fetch-site')))
        .statusCode,
    ).toBe(403);
    expect((await api.send(without(without(eventOf(ask), 'sec-fetch-site'), 'origin'))).statusCode).toBe(403);
    expect((await api.send(without(eventOf(ask), 'sec-fetch-site'))).statusCode).toBe(204);
  }
});

test('the cookie goes over plain HTTP on this machine only', async () => {
  const plain = (host: string) => ({ host, 'x-forwarded-proto': 'http', origin: `http://${host}` });
  for (const host of ['127.0.0.1:8080', 'localhost:8080', '[::1]:8080']) {
    expect(await signIn(OPS, { headers: plain(host) })).toMatch(/^baton=/);
  }
  const login = { method: 'POST', path: '/dashboard/login', body: { token: OPS } };
  const reply = await api.send(eventOf({ ...login, headers: plain('10.0.0.5:8080') }));
  expect([reply.statusCode, setCookieOf(reply)]).toEqual([403, '']);
});

test('the page allows only its own style and script, and escapes the path before it', async () => {
  const request = eventOf({ path: '/dashboard' });
  const reply = await api.send({
    ...request,
    version: '1.0',
    httpMethod: 'GET',
    path: '/"><img src=x>/dashboard',
    requestContext: { stage: '"><img src=x>' },
  });
  expect(headersOf(reply)).toMatchObject({
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-store',
    'content-security-policy': expect.stringMatching(
      /^default-src 'none'; script-src 'sha256-[\w+/]+='; style-src 'sha256-[\w+/]+='; .*frame-ancestors 'none'/,
    ),
    'x-content-type-options': 'nosniff',
  });
  expect(reply.body).not.toContain('<img');
  expect(reply.body).not.toMatch(/\son\w+=/);
  expect(reply.body).not.toMatch(/\sstyle=/);
});

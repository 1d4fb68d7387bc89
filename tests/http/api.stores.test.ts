import type { Store } from '../../src/store.ts';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { openStore } from '../../src/db/open.ts';
import type { Notice } from '../../src/model/notice.ts';
import { makeApi, type TestApi } from '../support/api.ts';
import { draft, madeUpDevices } from '../support/context.ts';
import { makeDatabase, type TestDatabase } from '../support/database.ts';
import { API_TOKEN, fixture } from '../support/events.ts';

let database: TestDatabase;
let store: Store;
let api: TestApi;

beforeEach(async () => {
  database = await makeDatabase('sqlite');
  store = await openStore(database.config, systemClock);
  api = makeApi(store, { env: CREDENTIALS });
});
afterEach(async () => {
  await store.close();
  await database.drop();
});

const CREDENTIALS = { FCM_CREDENTIALS: 'application-default', FCM_PROJECT_ID: 'p' };

const hello = { title: 'Hello', body: 'World' };
const NO_DELIVERIES = {
  delivered: 0,
  unregistered: 0,
  rejected: 0,
  retryable: 0,
  misconfigured: 0,
  unknown: 0,
  unsent: 0,
};

test('a push is handed over and answered 202', async () => {
  const announcementId = await store.createAnnouncement(draft);
  expect(await api.ask({ body: { announcementId: String(announcementId), deviceId: 7 } })).toMatchObject({
    status: 202,
    body: { announcementId, deviceId: 7 },
  });
  expect(api.ctx.invoked).toEqual([{ kind: 'broadcast', announcementId, round: 0, fromId: 7 }]);
  expect(api.ctx.sent).toEqual([]);
});

test('a new announcement is handed over, and Location is the path of its status', async () => {
  const created = await api.ask({ path: '/announcements', body: { ...hello, dryRun: true } });
  expect(created).toMatchObject({
    status: 201,
    headers: { location: '/announcements/1' },
    body: { announcementId: 1 },
  });
  expect(api.ctx.invoked).toEqual([{ kind: 'broadcast', announcementId: 1, round: 0, fromId: 0 }]);
  const { location = '' } = created.headers;
  expect(await api.ask({ method: 'GET', path: location })).toMatchObject({
    status: 200,
    body: {
      ...{ announcementId: 1, status: 'scheduled', reason: null, source: 'default', dryRun: true },
      ...{ guarantee: 'at-least-once', counts: NO_DELIVERIES, hops: { open: 0, closed: 0 } },
    },
  });
});

test('the same idempotency key makes no second announcement', async () => {
  const body = { ...hello, idempotencyKey: 'order-7' };
  expect((await api.ask({ path: '/announcements', body })).status).toBe(201);
  expect(await api.ask({ path: '/announcements', body })).toMatchObject({
    status: 200,
    body: { announcementId: 1 },
  });
});

test('an announcement with a later publishAt is left to the schedule', async () => {
  const body = { ...hello, publishAt: '2126-12-24T18:07:00+01:00' };
  expect(await api.ask({ path: '/announcements', body })).toMatchObject({
    status: 201,
    body: { announcementId: 1, publishAt: '2126-12-24T17:07:00.000Z' },
  });
  expect(api.ctx.invoked).toEqual([]);
});

test.each(['2026-01-01T07:00Z', '2026-01-01T08:00:00+0100'])(
  'an announcement at %s starts at once, and the reply says that this has passed',
  async (publishAt) => {
    const { status, body } = await api.ask({ path: '/announcements', body: { ...hello, publishAt } });
    expect(status).toBe(201);
    expect(body).toEqual({
      announcementId: 1,
      publishAt: '2026-01-01T07:00:00.000Z',
      note: 'publishAt has passed: the announcement starts now',
    });
    expect(api.ctx.invoked).toHaveLength(1);
  },
);

test('an announcement is paused, resumed and cancelled; a repeated request changes nothing', async () => {
  const announcementId = await store.createAnnouncement(draft);
  await store.startAnnouncement({ announcementId, round: 0, fromId: 0 }, 1000);
  const move = async (name: string) =>
    (await api.ask({ path: `/announcements/${announcementId}/${name}` })).body;
  expect(await move('pause')).toMatchObject({ status: 'paused' });
  expect(await move('pause')).toMatchObject({ status: 'paused' });
  expect(await move('resume')).toMatchObject({ status: 'running' });
  expect(await move('cancel')).toMatchObject({ status: 'cancelled' });
  expect(await move('resume')).toMatchObject({ status: 409, code: 'WRONG_STATUS' });
});

test('announcements are listed latest first, page by page', async () => {
  await store.createAnnouncement(draft);
  await store.createAnnouncementOnce(draft, 'key-2', Date.UTC(2126, 0, 1));
  await store.createAnnouncement({ ...draft, dryRun: true });
  const { status, body } = await api.ask({ method: 'GET', path: '/announcements?limit=2' });
  expect(status).toBe(200);
  const none = { publishAt: null, startedAt: null, finishedAt: null, balance: null, tookMs: null };
  const times = { ...none, edited: [] };
  const shared = { audience: 'devices', source: 'default', title: 'Hello', reason: null, dryRun: false };
  expect(body).toEqual({
    announcements: [
      { announcementId: 3, status: 'draft', ...shared, ...times, dryRun: true },
      { announcementId: 2, status: 'scheduled', ...shared, ...times, publishAt: '2126-01-01T00:00:00.000Z' },
    ],
    notices: [],
  });
  const next = await api.ask({ method: 'GET', path: '/announcements?limit=2&before=2' });
  expect(next.body).toMatchObject({ announcements: [{ announcementId: 1 }] });
  expect((await api.ask({ method: 'GET', path: '/announcements' })).body).toMatchObject({
    announcements: [{ announcementId: 3 }, { announcementId: 2 }, { announcementId: 1 }],
  });
});

test('the list has what checks have found', async () => {
  const notice: Notice = {
    ...{ name: 'lifecycle:nodejs24.x', says: 'Node 24 has ended', remedy: 'take a newer image' },
    ...{ level: 'red' as const, dueOn: '2028-04-30', source: 'https://nodejs.org' },
  };
  await store.recordNotices('radar', [notice]);
  const { body } = await api.ask({ method: 'GET', path: '/announcements' });
  const time = expect.stringMatching(/^\d{4}-.*Z$/) as string;
  expect(body).toMatchObject({ notices: [{ check: 'radar', ...notice, foundAt: time, seenAt: time }] });
  await store.recordNotices('radar', []);
});

test('a plan says what an announcement will take, and refuses one that is not there or a wrong time', async () => {
  await store.addDevices(madeUpDevices(25));
  await store.createAnnouncement(draft);
  const path = '/announcements/1/plan';
  expect(await api.ask({ path, body: { finishBy: '2126-01-01T00:00Z' } })).toMatchObject({
    status: 200,
    body: {
      audience: 25,
      hops: 3,
      finishBy: { isPossible: true },
      sample: { notification: { title: 'Hello' } },
    },
  });
  expect((await api.ask({ path, body: { finishBy: '09:30' } })).status).toBe(400);
  expect((await api.ask({ path: '/announcements/9/plan', body: {} })).status).toBe(404);
  expect(api.ctx.invoked).toEqual([]);
});

test('a device that is registered again keeps its id and gets the new kind', async () => {
  await store.addDevices(madeUpDevices(2));
  const registered = await api.ask({ path: '/devices', body: { target: 'fid-3', kind: 'token' } });
  expect(registered).toMatchObject({ status: 200 });
  expect((await api.ask({ path: '/devices', body: { target: 'fid-3', kind: 'fid' } })).body).toEqual(
    registered.body,
  );
  expect(await store.fetchPage(3, null, 10)).toMatchObject([{ target: 'fid-3', targetKind: 'fid' }]);
});

test('messages are sent at once, and their outcomes are in the reply, in order', async () => {
  await store.addDevices(madeUpDevices(1));
  await api.ask({ path: '/devices', body: { target: 'ada-1', memberId: 'ada' } });
  // A renewal without a memberId keeps the member.
  await api.ask({ path: '/devices', body: { target: 'ada-1' } });
  const to = (fields: object) => ({ title: 'Ready', body: 'Come and get it', ...fields });
  const body = {
    messages: [
      to({ memberId: 'ada', idempotencyKey: 'order-17' }),
      to({ deviceId: 77 }),
      to({ deviceId: '1', data: { a: 'b' } }),
    ],
  };
  const reply = await api.ask({ path: '/messages', body });
  expect(reply).toMatchObject({
    status: 200,
    body: {
      outcomes: [
        {
          messageId: 1,
          outcome: 'delivered',
          retryAfterSeconds: null,
          deliveries: [{ deviceId: 2, verdict: 'delivered', messageName: 'm' }],
        },
        { outcome: 'rejected', reason: 'NO_DEVICE', retryAfterSeconds: null },
        { outcome: 'delivered', deliveries: [{ deviceId: 1 }] },
      ],
    },
  });
  expect((await api.ask({ path: '/messages', body })).body).toMatchObject({
    outcomes: [{ messageId: 1 }, { outcome: 'rejected' }, { outcome: 'delivered' }],
  });
  // A message without a key is a new one each time.
  expect(api.ctx.sent).toEqual(['ada-1', 'target-1', 'target-1']);
});

test('an announcement is tried on a few devices: the answer says of each what became of it, in words', async () => {
  const announcementId = await store.createAnnouncement(draft);
  await store.addDevices(madeUpDevices(2));
  const path = `/announcements/${announcementId}/test`;
  const reply = await api.ask({ path, body: { to: ['device:1', 'target-2'] } });
  expect(reply).toMatchObject({
    status: 200,
    body: {
      announcementId,
      dryRun: false,
      sends: [
        {
          ...{ deviceId: 1, messageId: 1, verdict: 'delivered', reason: null, messageName: 'm' },
          ...{ says: 'FCM accepted it as m', remedy: null },
        },
        { deviceId: 2, messageId: 2, verdict: 'delivered' },
      ],
    },
  });
  expect(api.ctx.sent).toEqual(['target-1', 'target-2']);
  expect(api.ctx.invoked).toEqual([]);
  const dry = await api.ask({ path, body: { to: ['device:1'], dryRun: true } });
  expect(dry.body).toMatchObject({ dryRun: true, sends: [{ messageId: null, says: 'FCM would accept it' }] });
  expect((await api.ask({ method: 'GET', path: `/announcements/${announcementId}` })).body).toMatchObject({
    status: 'draft',
    counts: NO_DELIVERIES,
  });
});

test.each([
  [1, {}, 400, 'to', 'a list of names: a token, device:ID, member:ID or test'],
  [1, { to: [] }, 400, 'to', 'a list of names: a token, device:ID, member:ID or test'],
  [1, { to: ['two words'] }, 400, 'to.0', 'a token, device:ID, member:ID or test'],
  [1, { to: Array.from({ length: 101 }, () => 'test') }, 400, 'to', 'at most 100 names'],
  [1, { to: ['device:9'] }, 404, 'to.0', expect.stringContaining('a device in push_device')],
  [7, { to: ['device:1'] }, 404, 'announcementId', 'the id of a row in push_announcement'],
])('a test of announcement %i with %j is refused', async (id, body, status, field, expected) => {
  await store.createAnnouncement(draft);
  const reply = await api.ask({ path: `/announcements/${id}/test`, body });
  expect(reply).toMatchObject({ status, body: { errors: [{ field, expected }] } });
  expect(api.ctx.sent).toEqual([]);
});

test('a template is set by its name, and a message that names it is filled in for each device', async () => {
  await store.addDevices(madeUpDevices(1));
  const template = { title: 'Hi {{ name }}', body: 'Order {{ order }}', data: { order: '{{ order }}' } };
  const path = '/templates/ready';
  expect(await api.ask({ method: 'PUT', path, body: template })).toMatchObject({ status: 204, body: null });
  expect((await api.ask({ method: 'GET', path })).body).toEqual({
    ...{ name: 'ready', problem: null },
    template: { ...template, image: null, ttlSeconds: null, locales: null },
  });
  const message = { template: 'ready', variables: { name: 'Ada', order: 7 }, deviceId: 1 };
  const body = { messages: [message, { ...message, variables: {} }, { ...message, template: 'other' }] };
  expect((await api.ask({ path: '/messages', body })).body).toMatchObject({
    outcomes: [
      { outcome: 'delivered' },
      { outcome: 'rejected', reason: 'TEMPLATE_VARIABLE' },
      { outcome: 'rejected', reason: 'NO_TEMPLATE' },
    ],
  });
  expect((await api.ask({ method: 'DELETE', path })).status).toBe(204);
  for (const method of ['GET', 'DELETE']) {
    expect(await api.ask({ method, path })).toMatchObject({
      status: 404,
      body: { code: 'NO_SUCH_TEMPLATE' },
    });
  }
});

test.each([
  [{ title: 'Hi {{ name', body: 'B' }, 'title'],
  [{ title: 'T' }, 'body'],
  [{ title: 'T', body: 'B', colour: 'red' }, 'colour'],
])('the template %j is refused', async (body, field) => {
  const reply = await api.ask({ method: 'PUT', path: '/templates/ready', body });
  expect(reply).toMatchObject({ status: 400, body: { errors: [{ field }] } });
});

test('a message to a topic or a condition says that FCM has no answer for its devices', async () => {
  const condition = "'news' in topics || 'sport' in topics";
  const body = {
    messages: [
      { title: 'T', body: 'B', topic: '/topics/news' },
      { title: 'T', body: 'B', condition },
      { title: 'T', body: 'B', deviceId: 9 },
    ],
  };
  const delivery = { deviceId: 0, verdict: 'delivered', reason: null, messageName: 'm' };
  const note = expect.stringContaining('none for its devices');
  const reply = await api.ask({ path: '/messages', body });
  expect(reply.body).toEqual({
    outcomes: [
      expect.objectContaining({ outcome: 'delivered', deliveries: [delivery], note }),
      expect.objectContaining({ outcome: 'delivered', deliveries: [delivery], note }),
      expect.not.objectContaining({ note }),
    ],
  });
  expect(api.ctx.sent).toEqual(['news', condition]);
});

test('a device is deleted by its target, whose colon may be encoded', async () => {
  await store.addDevices([{ target: 'abc:def_1-2', targetKind: 'token' }]);
  const request = { method: 'DELETE', path: '/devices/abc%3Adef_1-2' };
  expect(await api.ask(request)).toMatchObject({ status: 204, body: null });
  expect(await store.countDevices()).toBe(0);
  expect((await api.ask(request)).status).toBe(404);
});

test('any caller may read the health, which says nothing more', async () => {
  expect(await api.ask({ method: 'GET', path: '/health', headers: { authorization: '' } })).toEqual({
    status: 200,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
    body: { status: 'ok' },
  });
});

test.each(['api-gateway-rest', 'api-gateway-http', 'api-gateway-http-1.0', 'function-url'])(
  '%s: the reply has headers as objects, and a status',
  async (name) => {
    await store.createAnnouncement(draft);
    const { headers } = fixture(name);
    const reply = await api.send({
      ...fixture(name),
      headers: { ...(headers as object), Authorization: `Bearer ${API_TOKEN}` },
      body: '{"announcementId": 1}',
      isBase64Encoded: false,
    });
    expect(reply).toEqual({
      statusCode: 202,
      headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
      isBase64Encoded: false,
      body: '{"announcementId":1,"deviceId":0}',
    });
  },
);

test('the reply to a load balancer has a status description, and multi-value headers if the request had them', async () => {
  const event = fixture('alb');
  expect(await api.send(event)).toMatchObject({
    statusCode: 401,
    statusDescription: '401 Unauthorized',
    headers: { 'content-type': 'application/problem+json', 'www-authenticate': 'Bearer' },
  });
  const several = await api.send(fixture('alb-multi-value'));
  expect(several).toMatchObject({
    statusDescription: '401 Unauthorized',
    multiValueHeaders: { 'content-type': ['application/problem+json'] },
  });
  expect(several).not.toHaveProperty('headers');
});

test('the path prefix is stripped, also behind a stage', async () => {
  const based = makeApi(store, { env: { ...CREDENTIALS, API_BASE_PATH: '/baton' } });
  const { headers } = await based.ask({ path: '/baton/announcements', body: hello });
  expect(headers['location']).toBe('/baton/announcements/1');
  const staged = fixture('api-gateway-http-jwt');
  const reply = await based.send({
    ...staged,
    rawPath: '/live/baton/push',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${API_TOKEN}` },
    body: '{"announcementId": 1}',
  });
  expect(reply.statusCode).toBe(202);
});

test('each of several tokens is accepted, so that a new one can replace an old one', async () => {
  const env = { API_TOKEN: `${API_TOKEN},\n  another-token-of-some-length ` };
  const rotating = makeApi(store, { env });
  for (const token of [API_TOKEN, 'another-token-of-some-length']) {
    const { status } = await rotating.ask({ path: '/x', headers: { authorization: `bearer ${token}` } });
    expect(status).toBe(404);
  }
});

test('a caller that the gateway names is accepted only if the gateway is trusted', async () => {
  const API_GATEWAY_GRANTS = 'arn:aws:iam::111122223333:user/example-user=send';
  const trusting = makeApi(store, { env: { API_AUTH: 'gateway', API_GATEWAY_GRANTS, API_TOKEN: '' } });
  await store.createAnnouncement(draft);
  const event = { ...fixture('function-url'), body: '{"announcementId": 1}' };
  expect((await trusting.send(event)).statusCode).toBe(202);
  expect((await api.send(event)).statusCode).toBe(401);
  expect((await trusting.ask({ body: { announcementId: 1 } })).status).toBe(401);
});

test('an internal error is described only in the log', async () => {
  const failing: Store = {
    ...store,
    fetchAnnouncement: () => Promise.reject(new Error('password of 10.0.0.7 is x')),
  };
  const broken = makeApi(failing);
  const { status, body } = await broken.ask({ method: 'GET', path: '/announcements/1' });
  expect(status).toBe(500);
  expect(body).toEqual({
    type: 'about:blank',
    title: 'Internal Server Error',
    status: 500,
    detail: 'the request failed; look up this requestId in the log of the function',
    code: 'INTERNAL',
    errors: [],
    requestId: 'request-1',
  });
  expect(broken.log.map((line) => JSON.parse(line) as unknown)).toMatchObject([
    { level: 'error', event: 'request failed', message: expect.stringContaining('password of 10.0.0.7') },
  ]);
});

test('each request is one log line, with the route and not the path', async () => {
  await api.ask({ method: 'DELETE', path: '/devices/abc:def' });
  await api.ask({ method: 'GET', path: '/health' });
  expect(api.log.map((line) => JSON.parse(line) as unknown)).toMatchObject([
    {
      event: 'request refused',
      method: 'DELETE',
      route: '/devices/{target}',
      status: 404,
      code: 'NO_SUCH_DEVICE',
    },
    { event: 'request answered', method: 'GET', route: '/health', status: 200, requestId: 'request-1' },
  ]);
});

import type { Store } from '../../src/store.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { openStore } from '../../src/db/open.ts';
import { ROUTES } from '../../src/http/routes.ts';
import { makeApi, type TestApi } from '../support/api.ts';
import { draft } from '../support/context.ts';
import { makeDatabase, type TestDatabase } from '../support/database.ts';
import type { TestRequest } from '../support/events.ts';

const TOKEN = 'dGhpcy1pcy1hLXRva2Vu:APA91b-never-shown-here';
const WHOLE = (min: number) => `a whole number from ${min} to 9007199254740991`;
const JSON_BODY = 'a JSON object';
const MESSAGES = 'a list of 1 to 500 messages';
const RECIPIENT = 'one of deviceId, memberId, topic and condition';
const TARGET = '1 to 512 visible ASCII characters';

let database: TestDatabase;
let store: Store;
let api: TestApi;

beforeAll(async () => {
  database = await makeDatabase('sqlite');
  store = await openStore(database.config, systemClock);
  api = makeApi(store, { env: { FCM_CREDENTIALS: 'application-default', FCM_PROJECT_ID: 'p' } });
  await store.createAnnouncement(draft);
});
afterAll(async () => {
  await store.close();
  await database.drop();
});

const push = (body: unknown): TestRequest => ({ path: '/push', body });
const announce = (body: object): TestRequest => ({
  path: '/announcements',
  body: { title: 'T', body: 'B', ...body },
});
const device = (body: unknown): TestRequest => ({ path: '/devices', body });
const message = (fields: object): TestRequest => ({
  path: '/messages',
  body: { messages: [{ title: 'T', body: 'B', ...fields }] },
});
const bearing = (authorization: string): TestRequest => ({ headers: { authorization } });
const typed = (type: string): TestRequest => ({
  ...push({ announcementId: 1 }),
  headers: { 'content-type': type },
});

test.each<[string, TestRequest, number, string, string, string]>([
  ['no token', bearing(''), 401, 'authorization', 'Bearer and an API token', 'something else'],
  [
    'a wrong token',
    bearing('Bearer wrong'),
    401,
    'authorization',
    'Bearer and an API token',
    'another token',
  ],
  [
    'another scheme',
    bearing('Basic eDp5'),
    401,
    'authorization',
    'Bearer and an API token',
    'something else',
  ],
  [
    'two tokens',
    bearing('Bearer a, Bearer b'),
    401,
    'authorization',
    'Bearer and an API token',
    'something else',
  ],
  ['another path', { path: '/pull' }, 404, 'path', 'one of the paths in /openapi.json', '5 characters'],
  [
    'a longer path',
    { path: `/device/${TOKEN}` },
    404,
    'path',
    'one of the paths in /openapi.json',
    '52 characters',
  ],
  ['another method', { method: 'PUT' }, 405, 'method', 'POST', '"PUT"'],
  [
    'a method in small letters',
    { method: 'post' },
    501,
    'method',
    'a method of HTTP, in capital letters',
    '4 characters',
  ],
  ['no type', typed(''), 415, 'content-type', 'application/json', 'nothing'],
  ['a form', typed('multipart/form-data'), 415, 'content-type', 'application/json', '19 characters'],
  [
    'another charset',
    typed('application/json; charset=latin1'),
    415,
    'content-type',
    'application/json',
    '32 characters',
  ],
  [
    'a long body',
    push(`{"announcementId": 1${' '.repeat(65_536)}}`),
    413,
    'body',
    'at most 65536 bytes',
    '65557',
  ],
  ['no body', push(undefined), 400, 'body', JSON_BODY, 'nothing'],
  ['no JSON', push(`{"target": "${TOKEN}"`), 400, 'body', JSON_BODY, '57 bytes of something else'],
  ['a list', push([1]), 400, 'body', JSON_BODY, 'a list of 1'],
  ['null', push('null'), 400, 'body', JSON_BODY, 'null'],
  ['no id', push({}), 400, 'announcementId', WHOLE(1), 'nothing'],
  ['an id below 1', push({ announcementId: 0 }), 400, 'announcementId', WHOLE(1), '0'],
  [
    'an id too large',
    push({ announcementId: '9007199254740993' }),
    400,
    'announcementId',
    WHOLE(1),
    '"9007199254740993"',
  ],
  [
    'a device id that is not a number',
    push({ announcementId: 1, deviceId: 'x' }),
    400,
    'deviceId',
    WHOLE(0),
    '1 character',
  ],
  ['a job of another kind', push({ kind: 'scan' }), 400, 'announcementId', WHOLE(1), 'nothing'],
  [
    'an unknown announcement',
    push({ announcementId: 99 }),
    404,
    'announcementId',
    'the id of a row in push_announcement',
    '99',
  ],
  ['an empty title', announce({ title: '' }), 400, 'title', 'a title', '""'],
  ['an unknown field', announce({ publish_at: 'now' }), 400, 'publish_at', 'no such field', '3 characters'],
  [
    'a time without zone',
    announce({ publishAt: '2026-12-24T18:07' }),
    400,
    'publishAt',
    'a time with its zone, such as 2026-12-24T18:07+01:00',
    '"2026-12-24T18:07"',
  ],
  [
    'an unknown source',
    announce({ source: 'shop_z' }),
    400,
    'source',
    'one of default (each FCM_CREDENTIALS_NAME adds one)',
    '6 characters',
  ],
  [
    'an http picture',
    announce({ image: 'http://a.example/b.png' }),
    400,
    'image',
    'an https address',
    '22 characters',
  ],
  [
    'an id that is not a number',
    { method: 'GET', path: '/announcements/x' },
    400,
    'announcementId',
    WHOLE(1),
    '1 character',
  ],
  [
    'the status of an unknown announcement',
    { method: 'GET', path: '/announcements/99' },
    404,
    'announcementId',
    'the id of a row in push_announcement',
    '99',
  ],
  [
    'a pause of a draft',
    { path: '/announcements/1/pause' },
    409,
    'announcementId',
    'an announcement that is running',
    '1, which is draft',
  ],
  [
    'a resume of an unknown announcement',
    { path: '/announcements/99/resume' },
    404,
    'announcementId',
    'the id of a row in push_announcement',
    '99',
  ],
  [
    'a list of too many announcements',
    { method: 'GET', path: '/announcements?limit=101' },
    400,
    'limit',
    'a whole number from 1 to 100',
    '"101"',
  ],
  [
    'an unknown parameter',
    { method: 'GET', path: '/announcements?after=3' },
    400,
    'after',
    'no such field',
    '1 character',
  ],
  ['no messages', { path: '/messages', body: {} }, 400, 'messages', MESSAGES, 'nothing'],
  [
    'an empty list of messages',
    { path: '/messages', body: { messages: [] } },
    400,
    'messages',
    MESSAGES,
    '[]',
  ],
  [
    'too many messages',
    {
      path: '/messages',
      body: { messages: Array.from({ length: 501 }, () => ({ title: 'T', body: 'B', deviceId: 1 })) },
    },
    400,
    'messages',
    MESSAGES,
    'a list of 501',
  ],
  ['a message without recipient', message({}), 400, 'messages.0.deviceId', RECIPIENT, 'nothing'],
  [
    'a message to two recipients',
    message({ deviceId: 1, memberId: 'a' }),
    400,
    'messages.0.deviceId',
    RECIPIENT,
    'a number',
  ],
  [
    'a message to a device and to a topic',
    message({ deviceId: 1, topic: 'news' }),
    400,
    'messages.0.deviceId',
    RECIPIENT,
    'a number',
  ],
  [
    'a message with a template and a text of its own',
    message({ deviceId: 1, template: 'ready' }),
    400,
    'messages.0.template',
    'no title, body or other content beside it',
    '5 characters',
  ],
  [
    'variables without a template',
    message({ deviceId: 1, variables: {} }),
    400,
    'messages.0.variables',
    'a template beside them',
    '{}',
  ],
  [
    'a topic with a blank',
    message({ topic: 'two words' }),
    400,
    'messages.0.topic',
    'the name of a topic: 1 to 900 letters, digits or -_.~%',
    '9 characters',
  ],
  [
    'a member too long',
    message({ memberId: 'x'.repeat(65) }),
    400,
    'messages.0.memberId',
    '1 to 64 characters',
    '65 characters',
  ],
  [
    'a key with a blank',
    message({ deviceId: 1, idempotencyKey: 'a b' }),
    400,
    'messages.0.idempotencyKey',
    '1 to 100 visible ASCII characters',
    '3 characters',
  ],
  [
    'a message with an unknown field',
    message({ deviceId: 1, to: 1 }),
    400,
    'messages.0.to',
    'no such field',
    'a number',
  ],
  ['no target', device({}), 400, 'target', TARGET, 'nothing'],
  ['an empty target', device({ target: '' }), 400, 'target', TARGET, '""'],
  ['a target with a blank', device({ target: `${TOKEN} ` }), 400, 'target', TARGET, '45 characters'],
  ['a target too long', device({ target: 'x'.repeat(513) }), 400, 'target', TARGET, '513 characters'],
  [
    'a word for no target',
    device({ target: 'undefined' }),
    400,
    'target',
    'a target, and no word for the absence of one',
    '9 characters',
  ],
  [
    'a word for no member',
    device({ target: TOKEN, memberId: 'null' }),
    400,
    'memberId',
    'a member id, and no word for the absence of one',
    '4 characters',
  ],
  ['another kind', device({ target: TOKEN, kind: 'topic' }), 400, 'kind', 'token or fid', '5 characters'],
  [
    'a device with an unknown field',
    device({ target: TOKEN, token: TOKEN }),
    400,
    'token',
    'no such field',
    '44 characters',
  ],
  [
    'an unknown device',
    { method: 'DELETE', path: `/devices/${TOKEN}` },
    404,
    'target',
    'the target of a device',
    '44 characters',
  ],
  ['a device without target', { method: 'DELETE', path: '/devices' }, 405, 'method', 'POST', '"DELETE"'],
])('%s is refused', async (_case, request, status, field, expected, got) => {
  const before = api.ctx.invoked.length;
  const reply = await api.ask(request);
  expect(reply).toMatchObject({
    status,
    headers: { 'content-type': 'application/problem+json' },
    body: {
      status,
      errors: [{ field, expected, got }],
      detail: `${field}: expected ${expected}, got ${got}`,
    },
  });
  expect(api.ctx.invoked.length).toBe(before);
  const output = JSON.stringify([reply, api.log]);
  expect(output).toContain('request refused');
  expect(output).not.toContain(TOKEN.slice(-20));
});

test('the reply to a wrong method lists the allowed methods', async () => {
  expect((await api.ask({ method: 'PATCH', path: '/announcements/1' })).headers).toMatchObject({
    allow: 'GET, HEAD, OPTIONS',
  });
});

test.each(ROUTES.filter(({ isOpen }) => !isOpen).map(({ method, path }) => [method, path]))(
  '%s %s refuses a caller without authentication',
  async (method, path) => {
    const anonymous = { method, path, body: {}, headers: { authorization: '' } };
    expect((await api.ask(anonymous)).status).toBe(401);
    const closed = makeApi(store, { env: { API_TOKEN: '' } });
    expect((await closed.ask({ method, path, body: {} })).body).toMatchObject({
      status: 403,
      detail:
        'configuration: expected a token in API_TOKEN, or API_AUTH=gateway, to authenticate callers, got neither',
    });
  },
);

test('health, receipts (only with RECEIPTS=on), and the ways in and out of the dashboard, are the only routes that answer without authentication', () => {
  expect(ROUTES.filter(({ isOpen }) => isOpen).map(({ path }) => path)).toEqual([
    '/health',
    '/receipts',
    '/dashboard',
    '/dashboard/login',
    '/dashboard/logout',
  ]);
});

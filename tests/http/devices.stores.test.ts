import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { openStore } from '../../src/db/open.ts';
import { MAX_ATTRIBUTES_BYTES } from '../../src/model/member.ts';
import type { Store } from '../../src/store.ts';
import { makeApi, type TestApi } from '../support/api.ts';
import { makeDatabase, type TestDatabase } from '../support/database.ts';

const OTHER_ZONES = ['Mars/Base', '+01:00', '3600', 'x'.repeat(65), "Europe/Berlin'; --", '', 7];
const OTHER_VERSIONS = ['', 'four', '1.2.3.4.5', '1..2', '-1', 4.2, '1'.repeat(40)];
const OTHER_LOCALES = ['', 'english', '_', 'de-', 'x'.repeat(36), "de' OR '1' = '1", '\ud800', 1];

let database: TestDatabase;
let store: Store;
let api: TestApi;

beforeAll(async () => {
  database = await makeDatabase('sqlite');
  store = await openStore(database.config, systemClock);
});
beforeEach(() => {
  api = makeApi(store);
});
afterAll(async () => {
  await store.close();
  await database.drop();
});

let nth = 0;
const register = async (fields: object, target = `http-${++nth}`) => {
  const { status, body } = await api.ask({ path: '/devices', body: { target, ...fields } });
  if (status !== 200) return { status, body };
  const { deviceId } = body as { deviceId: number };
  const [device] = await store.findDevices({ kind: 'id', deviceId }, 1);
  return { status, target, device };
};

test('a device says what it is, in the forms that phones have, and the table gets one form', async () => {
  const { target, device } = await register({
    ...{ memberId: '4711', platform: 'ios', locale: 'zh_Hant_TW', timeZone: 'europe/berlin' },
    ...{ appVersion: '4.2.0-beta+7', lastSeenAt: '2024-11-01T10:00+01:00', isTest: true, isCanary: true },
    tags: { plan: 'pro', gone: null },
  });
  const known = {
    ...{ memberId: '4711', platform: 'ios', locale: 'zh-Hant-TW', timeZone: 'Europe/Berlin' },
    ...{ appVersion: '4.2.0', lastSeenAt: Date.UTC(2024, 10, 1, 9), isTest: true, isCanary: true },
    tags: { plan: 'pro' },
  };
  expect(device).toMatchObject(known);

  const before = Date.now() - 1000;
  const renewed = await register(
    { locale: 'de_DE', platform: null, tags: { plan: null, theme: 'dark' } },
    target,
  );
  expect(renewed.device).toMatchObject({
    ...known,
    ...{ locale: 'de-DE', platform: null, tags: { theme: 'dark' }, lastSeenAt: expect.any(Number) },
  });
  expect(renewed.device?.lastSeenAt).toBeGreaterThan(before);
  const cleared = await register(
    { locale: null, timeZone: null, appVersion: null, lastSeenAt: null },
    target,
  );
  expect(cleared.device).toMatchObject({ locale: null, timeZone: null, appVersion: null, lastSeenAt: null });
});

test('a registration that names no kind leaves the kind as it is; a new device is a token', async () => {
  const kindOf = async (target: string) =>
    (await store.fetchDevices(1, 1000)).find((device) => device.target === target)?.targetKind;
  const { target = '' } = await register({ kind: 'fid' });
  await register({ platform: 'ios' }, target);
  expect(await kindOf(target)).toBe('fid');
  await register({ kind: 'token' }, target);
  expect(await kindOf(target)).toBe('token');
  expect(await kindOf((await register({})).target ?? '')).toBe('token');
});

test('a phone whose clock is wrong was seen now, not in the future', async () => {
  const { device } = await register({ lastSeenAt: '2126-01-01T00:00Z' });
  expect(device?.lastSeenAt).toBeLessThanOrEqual(Date.now());
});

const PLATFORM = 'one of android, ios, web';
const ZONE = 'an IANA time zone such as Europe/Berlin';
const VERSION = 'a version such as 4.12.0, at most four numbers';
const LOCALE = 'a locale such as de or zh-TW';
const TAG = 'a tag: 1 to 64 characters, without blanks around them';
const VALUE = '1 to 128 characters, or null';

test.each<[string, unknown, string, string]>([
  ...['iphone', '', 1, {}].map((value): [string, unknown, string, string] => [
    ...(['platform', value, 'platform', PLATFORM] as const),
  ]),
  ...OTHER_LOCALES.map((value): [string, unknown, string, string] => ['locale', value, 'locale', LOCALE]),
  ...OTHER_ZONES.map((value): [string, unknown, string, string] => ['timeZone', value, 'timeZone', ZONE]),
  ...OTHER_VERSIONS.map((value): [string, unknown, string, string] => [
    ...(['appVersion', value, 'appVersion', VERSION] as const),
  ]),
  ...['sp ', ' sp', '\u00a0', 'sp\n'].map((value): [string, unknown, string, string] => [
    ...(['memberId', value, 'memberId', '1 to 64 characters, without blanks around them'] as const),
  ]),
  ['isTest', 1, 'isTest', 'true or false'],
  ['isTest', null, 'isTest', 'true or false'],
  ['isCanary', 'yes', 'isCanary', 'true or false'],
  ['lastSeenAt', 1_762_000_000, 'lastSeenAt', 'a time with its zone'],
  ['lastSeenAt', '2026-11-01', 'lastSeenAt', 'a time with its zone'],
  ['tags', [], 'tags', 'an object of at most 20 tags'],
  ['tags', null, 'tags', 'an object of at most 20 tags'],
  ['tags', { plan: '' }, 'tags.plan', VALUE],
  ['tags', { plan: 1 }, 'tags.plan', VALUE],
  ['tags', { plan: 'x'.repeat(129) }, 'tags.plan', VALUE],
  ['tags', { plan: '\udc00' }, 'tags.plan', 'Unicode text'],
  ['tags', JSON.parse('{"plan":"pro","__proto__":"v"}'), 'tags.__proto__', TAG],
  ['tags', { '': 'v' }, 'tags.', TAG],
  ['tags', { ' plan': 'v' }, 'tags.', TAG],
  ['tags', { ['x'.repeat(65)]: 'v' }, 'tags.', TAG],
  [
    'tags',
    Object.fromEntries(Array.from({ length: 21 }, (_, tag) => [`t${tag}`, 'v'])),
    ...(['tags', 'at most 20 tags'] as const),
  ],
])('%s %j is refused with its field, and nothing is registered', async (name, value, field, expected) => {
  const target = `refused-${++nth}`;
  const { status, body } = await register({ [name]: value }, target);
  expect({ status, body }).toMatchObject({
    status: 400,
    body: {
      errors: [{ field: expect.stringContaining(field), expected: expect.stringContaining(expected) }],
    },
  });
  expect(await store.findDevices({ kind: 'target', target }, 1)).toEqual([]);
});

test("an app's own token registers devices, but makes none a test device", async () => {
  const token = 'a-token-of-some-length-for-';
  const API_TOKEN = `app:devices:${token}app,ops:devices+send:${token}ops`;
  const scoped = makeApi(store, { env: { API_TOKEN } });
  const ask = (name: string, body: object) =>
    scoped.ask({ path: '/devices', body, headers: { authorization: `Bearer ${token}${name}` } });
  expect(await ask('app', { target: 'scoped', tags: { plan: 'pro' } })).toMatchObject({ status: 200 });
  for (const isTest of [true, false]) {
    expect(await ask('app', { target: 'scoped', locale: 'de', isTest })).toMatchObject({
      status: 403,
      body: { errors: [{ field: 'isTest', expected: 'the scope send or admin', got: 'devices' }] },
      headers: { 'www-authenticate': 'Bearer error="insufficient_scope", scope="send"' },
    });
  }
  expect(await ask('app', { target: 'scoped', locale: 'de', isCanary: true })).toMatchObject({
    status: 403,
    body: { errors: [{ field: 'isCanary', expected: 'the scope send or admin', got: 'devices' }] },
  });
  expect(await store.findDevices({ kind: 'target', target: 'scoped' }, 1)).toMatchObject([
    { isTest: false, isCanary: false, locale: null },
  ]);
  expect(await ask('ops', { target: 'scoped', isTest: true })).toMatchObject({ status: 200 });
});

const member = (memberId: string, method: string, attributes?: unknown) =>
  api.ask({
    ...{ method, path: `/members/${encodeURIComponent(memberId)}` },
    ...(attributes === undefined ? {} : { body: { attributes } }),
  });

test('the attributes of a member are set, shown and deleted', async () => {
  const attributes = { nickname: 'Jö 🎉', orders: [{ id: 17 }], 'a.b': null };
  expect(await member('a/b 4711', 'PUT', attributes)).toMatchObject({ status: 204, body: null });
  expect(await member('a/b 4711', 'GET')).toMatchObject({
    status: 200,
    body: { memberId: 'a/b 4711', attributes, problem: null },
  });
  await member('a/b 4711', 'PUT', { nickname: 'Jo' });
  expect((await member('a/b 4711', 'GET')).body).toMatchObject({ attributes: { nickname: 'Jo' } });
  expect(await member('a/b 4711', 'DELETE')).toMatchObject({ status: 204, body: null });
  for (const method of ['GET', 'DELETE']) {
    expect(await member('a/b 4711', method)).toMatchObject({
      status: 404,
      body: {
        code: 'NO_SUCH_MEMBER',
        errors: [{ field: 'memberId', expected: 'a member with attributes', got: '8 characters' }],
      },
    });
  }
});

const nested = (levels: number): unknown => (levels === 0 ? 1 : { next: nested(levels - 1) });

test.each<[string, unknown, string]>([
  ['a list', [1], 'a JSON object of attributes'],
  ['null', null, 'a JSON object of attributes'],
  ['text', '{}', 'a JSON object of attributes'],
  ['33 levels', nested(33), 'at most 32 levels deep'],
  ['half a character', { a: '\ud800' }, 'without half a surrogate pair'],
  ['too many bytes', { a: 'ö'.repeat(MAX_ATTRIBUTES_BYTES / 2) }, `at most ${MAX_ATTRIBUTES_BYTES} bytes`],
])('attributes that are %s are refused', async (_, attributes, expected) => {
  expect(await member('refused', 'PUT', attributes)).toMatchObject({
    status: 400,
    body: { errors: [{ field: 'attributes', expected: expect.stringContaining(expected) }] },
  });
  expect((await member('refused', 'GET')).status).toBe(404);
});

test('a member without attributes in the request, with others, or with an id that is none, is refused', async () => {
  const path = '/members/refused';
  for (const body of [{}, { attributes: {}, more: 1 }]) {
    expect((await api.ask({ method: 'PUT', path, body })).status).toBe(400);
  }
  for (const id of ['x'.repeat(65), 'NULL', 'ann ', ' ann']) {
    expect(await member(id, 'PUT', {})).toMatchObject({
      status: 400,
      body: { errors: [{ field: 'memberId' }] },
    });
  }
  // As many bytes as the column holds, indented.
  const text = `{"attributes": {"a": "${'x'.repeat(MAX_ATTRIBUTES_BYTES - 8)}"   }}`;
  expect((await api.ask({ method: 'PUT', path, body: text })).status).toBe(204);
});

test('the attributes of members are not for the token of an app, nor for one that only reads', async () => {
  const token = 'a-token-of-some-length-for-app';
  const scoped = makeApi(store, { env: { API_TOKEN: `app:devices+read:${token}` } });
  for (const method of ['GET', 'PUT', 'DELETE']) {
    const headers = { authorization: `Bearer ${token}` };
    expect(
      await scoped.ask({ method, path: '/members/4711', body: { attributes: {} }, headers }),
    ).toMatchObject({
      status: 403,
      body: { errors: [{ expected: 'the scope send or admin' }] },
    });
  }
});

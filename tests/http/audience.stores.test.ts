import type { Store } from '../../src/store.ts';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { openDriver, openStore } from '../../src/db/open.ts';
import { makeApi, type TestApi } from '../support/api.ts';
import { madeUpDevices } from '../support/context.ts';
import { makeDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;
let store: Store;
let api: TestApi;

const ENV = {
  FCM_CREDENTIALS: 'application-default',
  FCM_PROJECT_ID: 'p',
  AUDIENCE_VIEWS: 'push_audience_*',
};
const hello = { title: 'Hello', body: 'World' };

beforeEach(async () => {
  database = await makeDatabase('sqlite');
  store = await openStore({ ...database.config, audienceViews: ['push_audience_*'] }, systemClock);
  api = makeApi(store, { env: ENV });
  await store.addDevices(madeUpDevices(30));
  const driver = openDriver(database.config, systemClock);
  await driver.runScript("UPDATE push_device SET platform = 'ios', locale = 'de-CH' WHERE device_id > 18");
  await driver.close();
});
afterEach(async () => {
  await store.close();
  await database.drop();
});

test('an audience is counted by platform and locale, with ten of its devices and no target', async () => {
  const reply = await api.ask({ path: '/audiences/count', body: { audience: { locale: ['de'] } } });
  expect(reply).toMatchObject({
    status: 200,
    body: {
      devices: 12,
      platforms: [{ name: 'ios', devices: 12 }],
      locales: [{ name: 'de-CH', devices: 12 }],
    },
  });
  const { examples } = reply.body as { examples: { deviceId: number; hash: string }[] };
  expect(examples).toHaveLength(10);
  expect(examples[0]).toEqual({
    deviceId: 19,
    hash: expect.stringMatching(/^[0-9a-f]{12}$/),
    platform: 'ios',
    locale: 'de-CH',
  });
  expect(JSON.stringify(reply.body)).not.toContain('target-');
  expect(await api.ask({ path: '/audiences/count', body: {} })).toMatchObject({
    body: {
      devices: 30,
      platforms: [
        { name: null, devices: 18 },
        { name: 'ios', devices: 12 },
      ],
    },
  });
});

test('an announcement has its audience; the same key with another audience is another announcement', async () => {
  const audience = { platform: ['ios'], sample: '0-50%' };
  const request = { path: '/announcements', body: { ...hello, audience, idempotencyKey: 'k' } };
  expect(await api.ask(request)).toMatchObject({ status: 201 });
  expect(await store.fetchAnnouncement(1)).toMatchObject({ filter: audience });
  expect(await api.ask(request)).toMatchObject({ status: 200 });
  const other = { ...request.body, audience: { platform: ['ios'] } };
  expect(await api.ask({ ...request, body: other })).toMatchObject({ status: 409 });
});

test.each([
  [{ view: 'push_device' }, 'view'],
  [{ view: 'push_audience_gone' }, 'view'],
  [{ view: 'push_audience_`' }, 'audience.view'],
  [{ locale: ["de' OR '1'='1"] }, 'audience.locale.0'],
  [{ tags: { plan: [] } }, 'audience.tags.plan'],
  [{ memberIds: Array.from({ length: 10_001 }, String) }, 'audience.memberIds'],
  [{ platform: 'ios' }, 'audience.platform'],
  [{ nothing: true }, 'audience.nothing'],
])('an audience that cannot be answered is refused, and the field is named: %j', async (audience, field) => {
  const reply = await api.ask({ path: '/audiences/count', body: { audience } });
  expect(reply.status).toBe(400);
  const { errors } = reply.body as { errors: { field: string }[] };
  expect(errors[0]?.field).toContain(field);
});

test('an announcement to a table that AUDIENCE_VIEWS does not name is refused', async () => {
  const body = { ...hello, audience: { view: 'push_message' } };
  expect(await api.ask({ path: '/announcements', body })).toMatchObject({
    status: 400,
    body: { errors: [{ field: 'audience.view', expected: 'a table or view that AUDIENCE_VIEWS names' }] },
  });
  expect(await store.fetchLatest(1)).toEqual([]);
});

test('ten thousand member ids fit into a request', async () => {
  const memberIds = Array.from({ length: 10_000 }, (_, nth) => `4711-4711-4711-${nth}`);
  expect(await api.ask({ path: '/audiences/count', body: { audience: { memberIds } } })).toMatchObject({
    status: 200,
    body: { devices: 0 },
  });
  expect(
    await api.ask({ path: '/announcements', body: { ...hello, audience: { memberIds } } }),
  ).toMatchObject({
    status: 201,
  });
});

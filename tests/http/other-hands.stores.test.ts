import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { openStore } from '../../src/db/open.ts';
import type { Store } from '../../src/store.ts';
import { makeApi, type TestApi } from '../support/api.ts';
import { makeDatabase, type TestDatabase } from '../support/database.ts';

/*
 * Bodies as back ends in other languages write them.
 */

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

const CONTENT = { title: 'A', body: 'B' };

/** Every request of a test has the same id, which would be its key. */
const announce = (fields: object) =>
  api.ask({
    path: '/announcements',
    body: { ...CONTENT, idempotencyKey: crypto.randomUUID(), ...fields },
  });

test.each([
  ['no seconds, as JavaScript forms write it', '2126-12-24T18:07+01:00', '2126-12-24T17:07:00.000Z'],
  ["a zone without a colon, as PHP's DATE_ISO8601", '2126-12-24T18:07:00+0100', '2126-12-24T17:07:00.000Z'],
  [
    "a blank and microseconds, as Python's isoformat(' ')",
    '2126-12-24 18:07:00.5+01:00',
    '2126-12-24T17:07:00.500Z',
  ],
])('publishAt with %s is understood', async (_, publishAt, understood) => {
  const reply = await announce({ publishAt });
  expect(reply).toMatchObject({ status: 201, body: { publishAt: understood } });
});

test.each(['2126-02-30T18:07:00Z', '2026-12-24T18:07:00', '24.12.2126 18:07', 4_953_042_420, ''])(
  'publishAt as %j is refused, and not with itself as the example',
  async (publishAt) => {
    const { status, body } = await announce({ publishAt });
    expect({ status, body }).toMatchObject({ status: 400, body: { errors: [{ field: 'publishAt' }] } });
    const [problem] = (body as { errors: { expected: string }[] }).errors;
    if (publishAt !== '') expect(problem?.expected).not.toContain(String(publishAt));
  },
);

test.each(['fromUserId', 'from_shop', 'messageType', 'Google'])('data may have the key %s', async (key) => {
  const data = { [key]: '7' };
  expect(await announce({ data })).toMatchObject({
    status: 201,
  });
  const messages = [{ ...CONTENT, data, memberId: '4711' }];
  expect(await api.ask({ path: '/messages', body: { messages } })).toMatchObject({ status: 200 });
});

test('data alone is taken by both routes', async () => {
  const fields = {
    title: undefined,
    body: undefined,
    data: { sync: '1' },
    apns: { payload: { aps: { 'content-available': 1 } } },
  };
  expect(await announce(fields)).toMatchObject({ status: 201 });
  const messages = [{ ...CONTENT, ...fields, memberId: '4711' }];
  expect(await api.ask({ path: '/messages', body: { messages } })).toMatchObject({ status: 200 });
});

test.each([
  [{ data: { from: '7' } }, 'data.from'],
  [{ data: { 'google.x': '7' } }, 'data.(a name of 8 characters)'],
  [{ title: undefined, data: { sync: '1' } }, 'title'],
  [{ body: undefined, data: { sync: '1' } }, 'body'],
  [{ title: undefined, body: undefined, data: { sync: '1' }, sound: 'chime' }, 'sound'],
])('%j is refused plainly by both routes', async (fields, field) => {
  const problem = { field, expected: expect.any(String) as string };
  const announced = await announce(fields);
  expect(announced).toMatchObject({
    status: 400,
    body: { errors: expect.arrayContaining([expect.objectContaining(problem)]) as unknown },
  });
  const sent = await api.ask({
    path: '/messages',
    body: { messages: [{ ...CONTENT, ...fields, memberId: '4711' }] },
  });
  expect(sent.status).toBe(400);
  expect(JSON.stringify(sent.body)).toContain(`messages.0.${field}`);
});

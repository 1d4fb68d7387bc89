import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import type { Driver } from '../../src/db/driver.ts';
import { openDriver, openStore } from '../../src/db/open.ts';
import { sql } from '../../src/db/sql.ts';
import { parseRequest } from '../../src/events/http.ts';
import { admitRequest } from '../../src/http/answer.ts';
import type { Store } from '../../src/store.ts';
import { makeApi, type TestApi } from '../support/api.ts';
import { draft } from '../support/context.ts';
import { makeDatabase, type TestDatabase } from '../support/database.ts';
import { makeRequest } from '../support/events.ts';

let database: TestDatabase;
let store: Store;
let driver: Driver;
let api: TestApi;
let id: number;

beforeEach(async () => {
  database = await makeDatabase('sqlite');
  store = await openStore(database.config, systemClock);
  driver = openDriver(database.config, systemClock);
  api = makeApi(store);
  // A phone shows the push already, so that an edit has no effect unless a person accepts it.
  id = await store.createAnnouncement(draft);
  await store.startAnnouncement({ announcementId: id, round: 0, fromId: 0 }, 1000);
  await driver.run(
    sql`INSERT INTO push_delivery (announcement_id, device_id, verdict, round, recorded_at)
        VALUES (${id}, 1, 'delivered', 0, 0)`,
  );
  await driver.run(sql`UPDATE push_announcement SET status = 'paused', title = 'Hello, all'`);
});
afterEach(async () => {
  await driver.close();
  await store.close();
  await database.drop();
});

const resume = (body?: unknown, headers: Record<string, string> = {}) =>
  api.ask({ path: `/announcements/${id}/resume`, body, headers });

test('without a body, of any type, the rest is sent as the announcement started', async () => {
  const reply = await resume(undefined, { 'content-type': 'application/x-www-form-urlencoded' });
  expect(reply).toMatchObject({ status: 200, body: { status: 'running', edited: ['title'] } });
  expect(await store.fetchAnnouncement(id)).toMatchObject({
    content: { title: 'Hello' },
    acceptUnregistered: false,
  });
});

test('acceptEdits sends the rest as the row is now', async () => {
  expect(await resume({ acceptEdits: true })).toMatchObject({
    status: 200,
    body: { status: 'running', edited: [] },
  });
  expect((await store.fetchAnnouncement(id))?.content?.title).toBe('Hello, all');
});

test('acceptUnregistered accepts that the devices are gone', async () => {
  expect((await resume({ acceptUnregistered: true })).status).toBe(200);
  expect(await store.fetchAnnouncement(id)).toMatchObject({ acceptUnregistered: true, edited: ['title'] });
});

test('an edit of the audience is never accepted, and the announcement stays as it is', async () => {
  await driver.run(sql`UPDATE push_announcement SET audience = 'messages'`);
  expect(await resume({ acceptEdits: true, acceptUnregistered: true })).toMatchObject({
    status: 400,
    body: { code: 'BAD_INPUT', errors: [{ field: 'audience', expected: 'devices' }] },
  });
  expect(await store.fetchAnnouncement(id)).toMatchObject({ status: 'paused', acceptUnregistered: false });
});

test.each([
  [{ acceptEdits: 'yes' }, 'acceptEdits', 'true or false'],
  [{ acceptEdit: true }, 'acceptEdit', 'no such field'],
  ['[]', 'body', 'a JSON object'],
])('%j is refused by its field', async (body, field, expected) => {
  expect(await resume(body)).toMatchObject({ status: 400, body: { errors: [{ field, expected }] } });
  expect((await store.fetchAnnouncement(id))?.status).toBe('paused');
});

test('a request is admitted by its head without a body, and with one only if that is JSON', () => {
  const path = `/announcements/${id}/resume`;
  const admit = (contentType: string, bytes: number | null) => {
    const request = parseRequest(makeRequest({ path, headers: { 'content-type': contentType } }));
    return request && admitRequest(api.ctx, request, bytes).kind;
  };
  expect([admit('', 0), admit('text/plain', 0), admit('', null)]).toEqual([
    'admitted',
    'admitted',
    'admitted',
  ]);
  expect([admit('application/json', 20), admit('text/plain', 20)]).toEqual(['admitted', 'refused']);
});

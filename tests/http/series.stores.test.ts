import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { openStore } from '../../src/db/open.ts';
import type { Store } from '../../src/store.ts';
import { makeApi, type TestApi } from '../support/api.ts';
import { makeDatabase, type TestDatabase } from '../support/database.ts';

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

const announce = (fields: object) =>
  api.ask({
    path: '/announcements',
    body: { title: 't', body: 'b', idempotencyKey: crypto.randomUUID(), ...fields },
  });

test('a repeat and a local time are made, and only the schedule sends them', async () => {
  const repeat = await announce({ repeat: { at: '* * * * *', zone: 'Europe/Berlin' } });
  expect(repeat).toMatchObject({ status: 201, body: { announcementId: 1 } });
  const local = await announce({ localTime: '2999-12-24T18:00' });
  expect(local).toMatchObject({ status: 201, body: { announcementId: 2 } });
  expect(api.ctx.invoked).toEqual([]);
  expect(await api.ask({ method: 'GET', path: '/announcements/1' })).toMatchObject({
    body: {
      status: 'scheduled',
      reason: expect.stringMatching(/^repeats \* \* \* \* \* Europe\/Berlin, first .* UTC$/) as string,
    },
  });
  const pushed = await api.ask({ body: { announcementId: 1 } });
  expect(pushed).toMatchObject({ status: 409, body: { code: 'WRONG_STATUS' } });
  expect(api.ctx.invoked).toEqual([]);
});

test('pause, resume and cancel are for the parts to come', async () => {
  const move = (name: string) => api.ask({ path: `/announcements/1/${name}` });
  expect(await move('pause')).toMatchObject({ status: 200, body: { status: 'paused' } });
  expect((await move('resume')).status).toBe(200);
  expect(await store.fetchAnnouncement(1)).toMatchObject({ status: 'scheduled' });
  expect(await move('cancel')).toMatchObject({ status: 200, body: { status: 'cancelled' } });
});

test.each([
  [{ repeat: { at: '0 9 * * 1' } }, 'repeat.zone: expected a time zone such as Europe/Berlin, got nothing'],
  [{ repeat: { at: 'daily', zone: 'UTC' } }, 'repeat.at: expected five fields of a cron expression'],
  [{ repeat: { at: '0 9 * * 1', zone: 'Mars' } }, 'repeat.zone: expected a time zone'],
  [
    { repeat: { at: '0 0 31 4 *', zone: 'UTC' } },
    'repeat.at: expected a time that occurs, got one that never does',
  ],
  [{ localTime: '18:00' }, 'localTime: expected a time without a zone, such as 2026-12-24T18:00'],
  [{ localTime: '2020-12-24T18:00' }, 'localTime: expected a time that is still to come where a device is'],
  [
    { localTime: '2999-12-24T18:00', publishAt: '2999-12-24T18:00Z' },
    'publishAt: expected one of publishAt, localTime and repeat',
  ],
])('%j is refused', async (fields, words) => {
  const { status, body } = await announce(fields);
  expect(status).toBe(400);
  expect((body as { detail: string }).detail).toContain(words);
});

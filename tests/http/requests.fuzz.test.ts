import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { openStore } from '../../src/db/open.ts';
import type { Store } from '../../src/store.ts';
import { makeApi, type TestApi } from '../support/api.ts';
import { arbitraryRequest } from '../support/arbitrary-request.ts';
import { draft, madeUpDevices } from '../support/context.ts';
import { makeDatabase, type TestDatabase } from '../support/database.ts';
import { API_TOKEN, type TestRequest } from '../support/events.ts';
import { fuzzing } from '../support/fuzz.ts';
import { MARK } from '../support/secret.ts';

const CHECK_EVERY = 20;
const MAX_REPLY_BYTES = 64 * 1024;
const KNOWN_CODES = [
  ...[
    'BAD_REQUEST',
    'NO_SUCH_SOURCE',
    'UNAUTHENTICATED',
    'FORBIDDEN',
    'NO_SUCH_ROUTE',
    'NO_SUCH_ANNOUNCEMENT',
  ],
  ...[
    'NO_SUCH_DEVICE',
    'NO_SUCH_MEMBER',
    'NO_SUCH_TEMPLATE',
    'WRONG_METHOD',
    'UNKNOWN_METHOD',
    'WRONG_STATUS',
    'KEY_REUSED',
    'BAD_INPUT',
    'TOO_BIG',
    'WRONG_TYPE',
  ],
];

let database: TestDatabase;
let store: Store;
let api: TestApi;

beforeAll(async () => {
  database = await makeDatabase('sqlite');
  store = await openStore(database.config, systemClock);
  api = makeApi(store, { env: { FCM_CREDENTIALS: 'application-default', FCM_PROJECT_ID: 'p' } });
  await store.addDevices(madeUpDevices(2));
  await store.createAnnouncement(draft);
});
afterAll(async () => {
  await store.close();
  await database.drop();
});

/** Made-up types of content are rare. */
const OTHER_TYPE: TestRequest = {
  method: 'POST',
  path: '/announcements',
  body: 'T',
  headers: { 'content-type': 'text/plain' },
};

const good: TestRequest = { method: 'GET', path: '/announcements/1' };

test('any request gets a short answer with a known code that shows no secret, and the next one is answered as ever', async () => {
  const statuses = new Set<number>();
  let count = 0;
  await fc.assert(
    fc.asyncProperty(arbitraryRequest(API_TOKEN), async (request) => {
      const { status, body } = await api.ask(request);
      statuses.add(status);
      // 501 is the answer to a method that HTTP does not have.
      if (status !== 501) expect(status).toBeLessThan(500);
      if (status >= 400 && body !== null) {
        expect(body).toMatchObject({ status, code: expect.toBeOneOf(KNOWN_CODES) });
        expect(JSON.stringify(body)).not.toContain(MARK);
      }
      const line = api.log.splice(0).join();
      expect(line).not.toContain('"level":"error"');
      expect(line.length).toBeLessThan(MAX_REPLY_BYTES);
      expect(line).not.toContain(MARK);
      const reply = JSON.stringify(body);
      expect(reply.length).toBeLessThan(MAX_REPLY_BYTES);
      expect(line + reply).not.toContain(API_TOKEN);
      if (++count % CHECK_EVERY > 0) return;
      expect((await api.ask(good)).status).toBe(200);
      api.log.length = 0;
    }),
    { ...fuzzing(), examples: [[OTHER_TYPE]] },
  );
  // Requests reached the routes, and were not all refused before them.
  expect([...statuses]).toEqual(expect.arrayContaining([200, 201, 202, 204, 400, 401, 404, 405, 415, 501]));
});

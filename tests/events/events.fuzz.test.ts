import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { openStore } from '../../src/db/open.ts';
import { parseEvent } from '../../src/events/parse.ts';
import { makeHandler, type Reply } from '../../src/handler.ts';
import type { Store } from '../../src/store.ts';
import { makeApi, noDoctor, type TestApi } from '../support/api.ts';
import { arbitraryEvent } from '../support/arbitrary-event.ts';
import { draft, madeUpDevices } from '../support/context.ts';
import { makeDatabase, type TestDatabase } from '../support/database.ts';
import { allFixtures, API_TOKEN, makeRequest } from '../support/events.ts';
import { fuzzing } from '../support/fuzz.ts';
import { MARK } from '../support/secret.ts';

const CHECK_EVERY = 20;
const MAX_REPLY_BYTES = 64 * 1024;

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

function call(event: unknown): Promise<Reply> {
  return makeHandler(async () => api.ctx, noDoctor)(event, {
    awsRequestId: 'request-1',
    invokedFunctionArn: 'baton',
    getRemainingTimeInMillis: () => 300_000,
  });
}

test('every value is parsed as a job or a request, or refused with an error that shows no secret', () => {
  fc.assert(
    fc.property(arbitraryEvent(allFixtures()), (event) => {
      try {
        parseEvent(event);
      } catch (error) {
        expect(error).toMatchObject({ name: 'PushError', code: 'BAD_EVENT' });
        expect(String(error)).not.toContain(MARK);
      }
    }),
    fuzzing(),
  );
});

test('any event gets a short answer that shows no secret, and the next good one is answered as ever', async () => {
  const knocking = allFixtures().filter((event) => 'headers' in event);
  const admitted = knocking.map((event) => ({
    ...event,
    headers: { ...(event['headers'] as object), authorization: `Bearer ${API_TOKEN}` },
  }));
  const statuses = new Set<number>();
  let count = 0;
  await fc.assert(
    fc.asyncProperty(arbitraryEvent([...allFixtures(), ...admitted]), async (event) => {
      const reply = await call(event);
      const said = JSON.stringify(reply) + api.log.splice(0).join();
      expect(said).not.toContain(MARK);
      expect(said).not.toContain(API_TOKEN);
      expect(said.length).toBeLessThan(MAX_REPLY_BYTES);
      if (++count % CHECK_EVERY === 0) {
        const good = await call(makeRequest({ method: 'GET', path: '/announcements/1' }));
        expect(good).toHaveProperty('statusCode', 200);
        expect(await call({ announcementId: 'x' })).toHaveProperty('error.code', 'BAD_EVENT');
      }
      if (!('statusCode' in reply)) return;
      statuses.add(reply.statusCode);
      // 501: the event names a method that HTTP does not have.
      if (reply.statusCode !== 501) expect(reply.statusCode).toBeLessThan(500);
      if (reply.body !== '') JSON.parse(reply.body);
    }),
    { ...fuzzing(), examples: [[makeRequest({ method: 'DELETE', path: '/push' })]] },
  );
  // Events reached the routes, and were not all refused before them.
  expect([...statuses]).toEqual(expect.arrayContaining([400, 401, 404, 405, 415]));
});

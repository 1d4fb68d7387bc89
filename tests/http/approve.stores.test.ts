import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import type { Driver } from '../../src/db/driver.ts';
import { openDriver, openStore } from '../../src/db/open.ts';
import { sql } from '../../src/db/sql.ts';
import { runHop } from '../../src/broadcast/hop.ts';
import { scan } from '../../src/broadcast/scan.ts';
import type { Store } from '../../src/store.ts';
import { makeApi, type TestApi } from '../support/api.ts';
import { madeUpDevices } from '../support/context.ts';
import { makeDatabase, type TestDatabase } from '../support/database.ts';

const TOKEN = 'a-token-of-some-length-for-';
const as = (name: string) => ({ authorization: `Bearer ${TOKEN}${name}` });
const [ANNA, BEN, CARL] = [as('anna'), as('ben'), as('carl')];

let database: TestDatabase;
let store: Store;
let driver: Driver;
let api: TestApi;

beforeEach(async () => {
  database = await makeDatabase('sqlite');
  store = await openStore(database.config, systemClock);
  driver = openDriver(database.config, systemClock);
  await store.addDevices(madeUpDevices(5));
  api = makeApi(store, {
    env: {
      APPROVAL: 'required',
      API_TOKEN: `anna:send+read:${TOKEN}anna,ben:send+read:${TOKEN}ben,carl:read:${TOKEN}carl`,
      FCM_CREDENTIALS: 'application-default',
      FCM_PROJECT_ID: 'a-project',
    },
  });
});
afterEach(async () => {
  await driver.close();
  await store.close();
  await database.drop();
});

const create = (fields: object = {}) =>
  api.ask({ path: '/announcements', body: { title: 'T', body: 'B', ...fields }, headers: ANNA });
const approve = (headers: typeof ANNA, id = 1) => api.ask({ path: `/announcements/${id}/approve`, headers });
const showOf = async () => (await api.ask({ method: 'GET', path: '/announcements/1', headers: ANNA })).body;

/** Runs what was invoked, and the hops that a tick invokes. */
async function work(): Promise<void> {
  await scan(api.ctx);
  for (;;) {
    const job = api.ctx.invoked.shift();
    if (!job) return;
    if (job.kind === 'broadcast') await runHop(api.ctx, job);
  }
}

test('an announcement waits for the approval of another token, and is then sent as it was approved', async () => {
  expect((await create()).status).toBe(201);
  await work();
  expect(await showOf()).toMatchObject({
    ...{ status: 'paused', reason: 'waits for approval', approvedBy: null, startedAt: null },
    waitsFor: [{ what: expect.stringMatching(/^a resume: paused by baton at .*: waits for approval$/) }],
  });

  expect(await api.ask({ path: '/announcements/1/resume', headers: BEN })).toMatchObject({
    ...{ status: 409, body: { code: 'WRONG_STATUS' } },
  });
  expect(await approve(ANNA)).toMatchObject({
    status: 403,
    body: { code: 'FORBIDDEN', detail: expect.stringContaining('got api:anna, who has created it') },
  });
  expect((await approve(CARL)).status).toBe(403);
  expect((await approve(BEN, 77)).status).toBe(404);
  expect(await approve(BEN)).toMatchObject({
    ...{ status: 200, body: { status: 'scheduled', reason: null, approvedBy: 'api:ben' } },
  });

  await driver.run(sql`UPDATE push_announcement SET title = 'A joke'`);
  const { body } = await api.ask({ method: 'GET', path: '/announcements', headers: ANNA });
  expect(body).toMatchObject({ announcements: [{ edited: ['title'] }] });
  await work();
  expect(await showOf()).toMatchObject({ status: 'done', edited: ['title'] });
  expect(api.ctx.sent).toHaveLength(5);
  expect(await approve(BEN)).toMatchObject({ status: 409 });
  const audit = await api.ask({ method: 'GET', path: '/announcements/1/audit', headers: ANNA });
  expect(audit.body).toMatchObject({
    entries: expect.arrayContaining([
      expect.objectContaining({ actor: 'api:ben', action: 'approved', was: 'paused', became: 'scheduled' }),
    ]) as unknown,
  });
});

test('expectedAudience pauses an announcement at its start, and a resume accepts the audience', async () => {
  expect((await create({ expectedAudience: 50, dryRun: true })).status).toBe(201);
  await work();
  const reason = 'audience: expected about 50, got 5: resume to send it all the same';
  expect(await showOf()).toMatchObject({ status: 'paused', reason });
  expect((await api.ask({ path: '/announcements/1/resume', headers: BEN })).body).toMatchObject({
    ...{ status: 'scheduled', reason: null },
  });
  await work();
  expect(await showOf()).toMatchObject({ status: 'done' });
});

test.each([0, -1, 1.5, '20', true])('the expected audience %j is refused', async (expectedAudience) => {
  expect(await create({ expectedAudience })).toMatchObject({
    status: 400,
    body: {
      detail: expect.stringContaining('expectedAudience: expected a whole number of devices, 1 or more'),
    },
  });
  expect(await store.fetchAnnouncement(1)).toBeNull();
});

test('a plan says beforehand that an announcement would wait', async () => {
  await create({ expectedAudience: 50, publishAt: '2126-01-01T00:07:00Z' });
  const plan = await api.ask({ path: '/announcements/1/plan', headers: CARL });
  expect(plan.body).toMatchObject({
    warnings: expect.arrayContaining([
      'it waits at its start: audience: expected about 50, got 5: resume to send it all the same; waits for approval',
    ]) as unknown,
  });
});

test('the dashboard has the reason, and offers approval for what waits for it', async () => {
  await create();
  await create({ dryRun: true, publishAt: '2126-01-01T00:07:00Z', idempotencyKey: 'second' });
  await work();
  const { body } = await api.ask({ method: 'GET', path: '/dashboard/state.json', headers: CARL });
  expect(body).toMatchObject({
    current: [{ announcementId: 1, statusReason: 'waits for approval', waitsForApproval: true, edited: [] }],
    scheduled: [{ announcementId: 2, waitsForApproval: false, edited: [] }],
  });
});

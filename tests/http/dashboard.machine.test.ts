import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { openStore } from '../../src/db/open.ts';
import { parseRequest } from '../../src/events/http.ts';
import { makeHandler } from '../../src/handler.ts';
import { admitRequest } from '../../src/http/answer.ts';
import { ROUTES } from '../../src/http/routes.ts';
import { type HttpServer, startHttpServer } from '../../src/local/http-server.ts';
import type { Store } from '../../src/store.ts';
import { makeApi, noDoctor, type TestApi } from '../support/api.ts';
import { auditPage, hasBrowser, openBrowser, overflowOf, watchPage } from '../support/browser.ts';
import { draft, madeUpDevices } from '../support/context.ts';
import { makeDatabase, type TestDatabase } from '../support/database.ts';

const OPS = 'a-token-of-some-length-for-ops';
const VIEWER = 'a-token-of-some-length-for-viewer';
/** For a test that hangs, on a machine that has much else to do. */
const HANG_MS = 180_000;
vi.setConfig({ testTimeout: HANG_MS });

const POLL_MS = 2000;
const MARKUP = '<img src=x onerror=alert(1)>';

let browser: Browser;
let database: TestDatabase;
let store: Store;
let api: TestApi;
let server: HttpServer;
let context: BrowserContext;

beforeAll(async () => {
  if (hasBrowser) browser = await openBrowser();
});
afterAll(() => browser?.close());

beforeEach(async () => {
  database = await makeDatabase('sqlite');
  store = await openStore(database.config, systemClock);
  await store.addDevices(madeUpDevices(25));
  await store.recordTick();
  api = makeApi(store, {
    env: {
      API_TOKEN: `ops:read+send:${OPS},viewer:read:${VIEWER}`,
      FCM_CREDENTIALS: 'application-default',
      FCM_PROJECT_ID: 'a-project',
    },
  });
  server = await startHttpServer({
    host: '127.0.0.1',
    port: 0,
    admit: (event, requestId, bytes) => admitRequest({ ...api.ctx, requestId }, parseRequest(event)!, bytes),
    handle: (event) => api.send(event),
    onError: (error) => {
      throw error;
    },
  });
});
afterEach(async () => {
  await context?.close();
  await server.close();
  await store.close();
  await database.drop();
});

/** Runs the next hop that somebody has invoked. */
async function runHop(): Promise<void> {
  const job = api.ctx.invoked.shift();
  await makeHandler(async () => api.ctx, noDoctor)(job, {
    awsRequestId: 'request-1',
    invokedFunctionArn: 'baton',
    getRemainingTimeInMillis: () => 300_000,
  });
}

async function openPage(options: BrowserContextOptions = {}): Promise<{ page: Page; faults: string[] }> {
  context = await browser.newContext(options);
  context.setDefaultTimeout(HANG_MS);
  const page = await context.newPage();
  const faults = watchPage(page, server.address);
  // Time passes when a test says so.
  await page.clock.install();
  await page.goto(`${server.address}/dashboard`);
  return { page, faults };
}

async function signIn(page: Page, token = OPS): Promise<void> {
  await page.getByLabel('API token').fill(token);
  await page.keyboard.press('Enter');
  await page.getByText('Live', { exact: true }).waitFor();
}

const card = (page: Page) => page.locator('#now > li').first();

test.runIf(hasBrowser)(
  'a person signs in, watches a broadcast, pauses and resumes it, and signs out',
  async () => {
    const { page, faults } = await openPage();
    await page.getByLabel('API token').fill(`${OPS}-or-nearly`);
    await page.keyboard.press('Enter');
    await page.getByText('This is none of the tokens in API_TOKEN.').waitFor();
    expect(faults.splice(0)).toEqual([expect.stringContaining('401')]);
    await signIn(page);
    expect(page.url()).toBe(`${server.address}/dashboard`);
    await page.getByText('No announcement yet.').waitFor();
    await page.getByText('25 get pushes').waitFor();

    await api.ask({
      path: '/announcements',
      body: { title: MARKUP, body: 'B' },
      headers: { authorization: `Bearer ${OPS}` },
    });
    await runHop();
    await page.clock.runFor(POLL_MS);
    await card(page).getByText('10 of 25 sent').waitFor();
    await card(page).getByRole('heading', { name: MARKUP }).waitFor();

    await page.getByRole('button', { name: 'Pause announcement 1' }).click();
    await page.getByRole('dialog').getByText('Pause announcement 1?').waitFor();
    await page.keyboard.press('Escape');
    expect((await store.fetchAnnouncement(1))?.status).toBe('running');
    await page.getByRole('button', { name: 'Pause announcement 1' }).press('Enter');
    await page.getByRole('button', { name: 'Pause it' }).click();
    await card(page).getByText('paused', { exact: true }).waitFor();
    expect(await store.fetchAnnouncement(1)).toMatchObject({ status: 'paused' });
    await runHop();
    await page.clock.runFor(POLL_MS);
    await card(page).getByText('10 of 25 sent').waitFor();

    await page.getByRole('button', { name: 'Resume announcement 1' }).click();
    await page.getByRole('button', { name: 'Resume it' }).click();
    await card(page).getByText('running', { exact: true }).waitFor();
    api.ctx.invoked.push({ kind: 'broadcast', announcementId: 1, round: 0, fromId: 11 } as never);
    while (api.ctx.invoked.length > 0) await runHop();
    const receipt = { announcementId: 1, messageId: 0, target: 'target-1', event: 'delivered' } as const;
    await store.recordReceipts([
      receipt,
      { ...receipt, event: 'opened' },
      { ...receipt, target: 'target-2' },
    ]);
    await page.clock.runFor(POLL_MS);
    await page.locator('#earlier').getByText('25 of 25 reached').waitFor();
    await page.locator('#earlier').getByText('received by 2, opened by 1').waitFor();
    await page.getByText('Nothing is being sent.').waitFor();
    const report = page.locator('#earlier').getByRole('link', { name: 'Report of announcement 1' });
    expect(await report.getAttribute('href')).toBe('/announcements/1/report');
    expect((await store.fetchAudit(1, 20)).map(({ actor, action }) => `${actor} ${action}`)).toEqual(
      expect.arrayContaining(['api:ops paused', 'api:ops resumed']),
    );

    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByLabel('API token').waitFor();
    expect(await context.cookies()).toEqual([]);
    expect(faults).toEqual([]);
  },
);

test.runIf(hasBrowser)('what waits for approval says so, and a second person approves it', async () => {
  const waiting = async (actor: 'api:anna' | 'api:ops', title: string) => {
    const id = await store.createAnnouncement({ ...draft, content: { ...draft.content, title } }, actor);
    await store.moveAnnouncement(id, ['draft'], 'paused', 'waits for approval');
    return id;
  };
  const [theirs, own] = [await waiting('api:anna', 'Theirs'), await waiting('api:ops', 'Own')];
  const { page } = await openPage();
  await signIn(page);
  const rowOf = (id: number) => page.locator(`[data-row="${id}"]`).first();
  await rowOf(own).getByText('waits for approval').waitFor();
  expect(await page.getByRole('button', { name: /^Resume/ }).count()).toBe(0);

  await page.getByRole('button', { name: `Approve announcement ${own}` }).click();
  await page.getByRole('button', { name: 'Approve it' }).click();
  await page.getByText('Not done: caller: expected a second person').waitFor();
  await page.keyboard.press('Escape');

  await page.getByRole('button', { name: `Approve announcement ${theirs}` }).click();
  await page.getByRole('button', { name: 'Approve it' }).click();
  await page.locator('#scheduled').getByRole('heading', { name: 'Theirs' }).waitFor();
  expect(await store.fetchAnnouncement(theirs)).toMatchObject({
    ...{ status: 'scheduled', approvedBy: 'api:ops' },
  });
  expect(await store.fetchAnnouncement(own)).toMatchObject({ status: 'paused', approvedBy: null });
});

test.runIf(hasBrowser && ROUTES.some(({ path }) => path.endsWith('/report')))(
  'the report of an announcement opens with the session',
  async () => {
    await store.startAnnouncement(
      { announcementId: await store.createAnnouncement(draft), round: 0, fromId: 0 },
      1000,
    );
    const { page } = await openPage();
    await signIn(page, VIEWER);
    await page.getByRole('link', { name: 'Report of announcement 1' }).click();
    await page.waitForURL(/\/announcements\/1\/report$/);
    expect(await page.content()).toContain('Hello');
  },
);

test.runIf(hasBrowser)(
  'a page says when its data are old, and asks for none while it is hidden',
  async () => {
    const { page } = await openPage();
    await signIn(page);
    const asked = () => api.log.filter((line) => line.includes('/dashboard/state.json')).length;
    await page.route('**/state.json', (route) => route.abort());
    for (let nth = 0; nth < 5; nth++) await page.clock.runFor(POLL_MS);
    await page.getByText(/^No answer since \d\d:\d\d:\d\d$/).waitFor();
    await page.unroute('**/state.json');
    await page.clock.runFor(POLL_MS);
    await page.getByText('Live', { exact: true }).waitFor();

    const setHidden = (isHidden: boolean) =>
      page.evaluate(
        `Object.defineProperty(document, 'hidden', { value: ${isHidden}, configurable: true }); document.dispatchEvent(new Event('visibilitychange'))`,
      );
    await setHidden(true);
    const before = asked();
    for (let nth = 0; nth < 5; nth++) await page.clock.runFor(POLL_MS);
    expect(asked()).toBe(before);
    await setHidden(false);
    await page.getByText('Live', { exact: true }).waitFor();
  },
);

test.runIf(hasBrowser)('a page of another site may link to the dashboard, and changes nothing', async () => {
  await store.startAnnouncement(
    { announcementId: await store.createAnnouncement(draft), round: 0, fromId: 0 },
    1000,
  );
  const { page } = await openPage();
  await signIn(page);
  const other = createServer((_request, response) => response.end()).listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address() as AddressInfo;
  // Another site: the browser keeps the cookie back at first.
  await page.goto(`http://localhost:${port}/`);
  await page.evaluate(`location.href = '${server.address}/dashboard'`);
  await page.getByText('Live', { exact: true }).waitFor();
  // Another port of the same host: the browser sends the cookie along.
  for (const path of ['/announcements/1/pause', '/announcements/1/cancel', '/dashboard/logout']) {
    await page.goto(`http://127.0.0.1:${port}/`);
    await page.evaluate(
      `document.body.innerHTML = '<form method="post" action="${server.address}${path}">'; document.forms[0].submit()`,
    );
    await page.getByText('a request of a page of the dashboard').waitFor();
  }
  other.close();
  expect(api.log.filter((line) => line.includes('"method":"POST"')).slice(-3)).toEqual(
    Array(3).fill(expect.stringContaining('"status":403')),
  );
  expect((await store.fetchAnnouncement(1))?.status).toBe('running');
});

test.runIf(hasBrowser)(
  'a token without the scope send sees everything, and is offered no change',
  async () => {
    await store.startAnnouncement(
      { announcementId: await store.createAnnouncement(draft), round: 0, fromId: 0 },
      1000,
    );
    const { page } = await openPage();
    await signIn(page, VIEWER);
    await card(page).getByText('Hello').waitFor();
    expect(await page.locator('[data-move]').count()).toBe(0);
  },
);

test.runIf(hasBrowser)(
  'in light and dark, from 375 px up, nothing is cut and no rule of accessibility is broken',
  async () => {
    const long = { ...draft, content: { ...draft.content, title: `${MARKUP}${'wide'.repeat(80)}` } };
    for (let nth = 0; nth < 30; nth++) await store.createAnnouncement(long);
    await store.scheduleAnnouncement(1, Date.now() + 90_000_000);
    const audience = { devices: 2_000_000, lastId: 9 };
    await store.startAnnouncement({ announcementId: 2, round: 0, fromId: 0 }, 1000, [], { audience });
    await store.moveAnnouncement(30, ['draft'], 'failed', `the key ${'was-revoked'.repeat(20)}`);
    const { page, faults } = await openPage({
      viewport: { width: 375, height: 812 },
      reducedMotion: 'reduce',
    });
    expect(await auditPage(page)).toEqual([]);
    expect(await overflowOf(page)).toBe(0);
    await signIn(page);
    await page.getByRole('button', { name: 'Older' }).click();
    await page.locator('#earlier > li').nth(26).waitFor();
    for (const width of [1440, 768, 375]) {
      await page.setViewportSize({ width, height: 900 });
      expect([width, await overflowOf(page)]).toEqual([width, 0]);
    }
    expect(await auditPage(page)).toEqual([]);
    await page.emulateMedia({ colorScheme: 'dark' });
    expect(await auditPage(page, ['color-contrast'])).toEqual([]);
    await page.getByRole('button', { name: 'Resume announcement 30' }).click();
    expect(await auditPage(page)).toEqual([]);
    expect(faults).toEqual([]);
  },
);

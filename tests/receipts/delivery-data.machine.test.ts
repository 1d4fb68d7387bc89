import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { parseConfig } from '../../src/config/config.ts';
import { fetchDeliveryData } from '../../src/receipts/delivery-data.ts';
import { madeUpDevices } from '../support/context.ts';
import { makeWorkplace, type Workplace } from '../support/baton.ts';

const [ONE, TWO] = ['1:23:android:4a', '1:23:android:5b'];

// One for all: Google's client keeps the first token that it gets.
let here: Workplace;
beforeAll(async () => {
  here = await makeWorkplace();
});
afterAll(() => here[Symbol.asyncDispose]());

type Reply = { status?: number; body?: unknown; location?: string };

/** What the Data API's stand-in is asked, and what the source then has. */
async function fetchFrom(answer: (request: IncomingMessage) => Reply, apps = ONE) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    const { status = 200, body, location } = answer(request);
    response.writeHead(status, location === undefined ? {} : { location });
    response.end(typeof body === 'string' ? body : JSON.stringify(body ?? {}));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  process.env['GOOGLE_APPLICATION_CREDENTIALS'] = here.env['GOOGLE_APPLICATION_CREDENTIALS'];
  const env = { ...here.env, FCM_ANDROID_APPS: apps, FCM_DATA_ENDPOINT: `http://127.0.0.1:${port}` };
  try {
    return { asked, days: await fetchDeliveryData(parseConfig(env), 'default', systemClock) };
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

const entryOf = (label: string | undefined, messages: string | undefined, percents?: object, day = 25) => ({
  appId: ONE,
  date: { year: 2026, month: 11, day },
  ...(label === undefined ? {} : { analyticsLabel: label }),
  data: {
    ...(messages === undefined ? {} : { countMessagesAccepted: messages }),
    ...(percents === undefined ? {} : { messageOutcomePercents: percents }),
  },
});

test('all pages of all apps are read, with a token of the source, and the apps are added up', async () => {
  const tokens = new Set<string>();
  const { asked, days } = await fetchFrom((request) => {
    tokens.add(request.headers.authorization ?? '');
    if (request.url?.includes(TWO)) {
      return {
        body: { androidDeliveryData: [entryOf('baton-1', '300', { delivered: 60, droppedTtlExpired: 4 })] },
      };
    }
    return request.url?.includes('pageToken=next%2F1')
      ? { body: { androidDeliveryData: [entryOf('baton-2', '7')] } }
      : {
          body: {
            androidDeliveryData: [
              entryOf('baton-1', '100', { delivered: 80, pending: 10, droppedDeviceInactive: 2 }),
              entryOf(undefined, '5000', { delivered: 90 }),
              entryOf('baton-3', undefined, {}, 24),
            ],
            nextPageToken: 'next/1',
          },
        };
  }, `${ONE}, ${TWO}`);
  expect(days).toEqual([
    {
      ...{ label: 'baton-1', day: '2026-11-25', accepted: 400 },
      outcome: { delivered: 65, pending: 2.5, collapsed: 0, dropped: 3.5 },
    },
    {
      ...{ label: 'baton-3', day: '2026-11-24', accepted: 0 },
      outcome: { delivered: 0, pending: 0, collapsed: 0, dropped: 0 },
    },
    { label: 'baton-2', day: '2026-11-25', accepted: 7, outcome: null },
  ]);
  const path = `/v1beta1/projects/a-project/androidApps/${ONE}/deliveryData?pageSize=1000`;
  expect(asked.slice(0, 2)).toEqual([path, `${path}&pageToken=next%2F1`]);
  expect([...tokens]).toEqual([expect.stringMatching(/^Bearer sandbox-/)]);
});

test('an entry that cannot be read is left out', async () => {
  const right = entryOf('baton-1', '100');
  const { days } = await fetchFrom(() => ({
    body: {
      androidDeliveryData: [
        ...[null, 7, {}, { ...right, date: { year: 2026 } }, entryOf('a label\n', '1'), entryOf('x', '-1')],
        ...[entryOf('x', '1', { delivered: 101 }), right],
      ],
    },
  }));
  expect(days.map(({ label }) => label)).toEqual(['baton-1']);
});

test.each<[string, Reply, RegExp]>([
  ['no right to it', { status: 403 }, /expected HTTP 200, got 403: enable fcmdata\.googleapis\.com/],
  ['an unknown app', { status: 404 }, /got 404: check FCM_ANDROID_APPS/],
  ['another content', { body: '<html>' }, /expected JSON, got something else/],
  ['another JSON', { body: { androidDeliveryData: 7 } }, /expected a list of delivery data/],
  ['pages without an end', { body: { nextPageToken: 'again' } }, /expected at most 10 pages/],
  ['a redirect', { status: 302, location: 'http://127.0.0.1:9/' }, /no answer/],
])('%s is an error, without the token', async (_what, reply, expected) => {
  const failure = fetchFrom(() => reply);
  await expect(failure).rejects.toThrow(expected);
  await expect(failure).rejects.not.toThrow(/sandbox-|Bearer/);
});

test('the radar records the data, and status and report show it; an API that does not answer is no notice', async () => {
  const store = await here.openStore();
  await store.addDevices(madeUpDevices(2));
  const apps = { FCM_ANDROID_APPS: ONE };
  expect(await here.baton(['push', '--title', 'T', '--body', 'B', '--yes'], apps)).toMatchObject({
    status: 0,
  });
  const radar = await here.baton(['radar'], { ...apps, FCM_DATA_ENDPOINT: here.sandbox.dataEndpoint });
  expect(radar.out).toMatch(/delivery data {3}default: 1 entry, each of a label and a day/);
  const today = new Date().toISOString().slice(0, 10);
  const says = `of 2 accepted on ${today}, 100% delivered, 0% waiting for the device, 0% replaced by a later push, 0% dropped`;
  const shown = async () => (await here.baton(['status', '1'])).out;
  expect(await shown()).toContain(`FCM's delivery data: ${says}\nAndroid alone`);
  const failed = await here.baton(['radar'], { ...apps, FCM_DATA_ENDPOINT: 'http://127.0.0.1:9' });
  expect(failed.out).toMatch(/delivery data {3}no verdict: default: the Data API of FCM: no answer/);
  expect(await store.fetchNotices()).toEqual([]);
  expect(await shown()).toContain(says);
});

import { inspect } from 'node:util';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import * as z from 'zod';
import { announceSchema } from '../src/broadcast/announce.ts';
import { systemClock } from '../src/clock.ts';
import { openStore } from '../src/db/open.ts';
import { makeHandler, openServices } from '../src/handler.ts';
import { ROUTES } from '../src/http/routes.ts';
import { messageSchema } from '../src/messages/parse.ts';
import type { Store } from '../src/store.ts';
import { makeApi, noDoctor, type TestApi } from './support/api.ts';
import { draft, madeUpDevices } from './support/context.ts';
import { makeDatabase, type TestDatabase } from './support/database.ts';
import { allFixtures, makeRequest, type TestRequest } from './support/events.ts';
import { FEW_SHAPES, MARK } from './support/secret.ts';

/** A one-time code: some back ends write it into JSON as a number. */
const CODE = 49_381_757;
const VALUES: readonly unknown[] = [
  ...FEW_SHAPES,
  ` ${MARK} with blanks`,
  CODE,
  String(CODE),
  { [MARK]: CODE },
  [MARK],
];

let database: TestDatabase;
let store: Store;
let api: TestApi;

beforeAll(async () => {
  database = await makeDatabase('sqlite');
  store = await openStore(database.config, systemClock);
  await store.addDevices(madeUpDevices(2));
  await store.createAnnouncement(draft);
});
beforeEach(async () => {
  // What was set as attributes of a member, or as a template, may be shown.
  await store.removeMember('1');
  await store.removeTemplate('1');
  api = makeApi(store, { env: { FCM_CREDENTIALS: 'application-default', FCM_PROJECT_ID: 'p' } });
});
afterAll(async () => {
  await store.close();
  await database.drop();
});

/** Sends any event; resolves to everything that comes out: the reply or the error, and the log. */
async function send(event: unknown): Promise<string> {
  const handle = makeHandler(async () => api.ctx, noDoctor);
  api.log.length = 0;
  const reply = await handle(event, {
    awsRequestId: 'request-1',
    invokedFunctionArn: 'baton',
    getRemainingTimeInMillis: () => 29_000,
  }).catch((error: unknown) => inspect(error, { depth: 10, showHidden: true }));
  return JSON.stringify([reply, api.log]);
}

async function expectNothingShown(event: unknown): Promise<void> {
  const output = await send(event);
  // Of the mark, also a part is too much; and the code is a number of eight digits, as times are not.
  if (output.includes(MARK.slice(0, 6)) || output.includes(String(CODE))) {
    expect.fail(`${output.slice(0, 1000)}\n  is shown for ${JSON.stringify(event).slice(0, 1000)}`);
  }
}

function fieldsOf(schema: z.ZodType | undefined): string[] {
  if (!schema) return [];
  const { properties } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  return Object.keys(properties ?? {});
}

const CONTENT = { title: 'T', body: 'B' };

/** Here a number is no one-time code, and is shown. */
const NUMBERS = [
  'announcementId',
  'deviceId',
  'ttlSeconds',
  'badge',
  'lanes',
  'expectedAudience',
  'round',
  'fromId',
  'limit',
  'before',
];

/** A body with the value in each field in turn, in a field that is not known, and as the whole. */
function bodies(fields: readonly string[], base: object, value: unknown): unknown[] {
  return [
    ...fields
      .filter((field) => !Number.isInteger(Number(value)) || !NUMBERS.includes(field))
      .map((field) => ({ ...base, [field]: value })),
    { ...base, password: value },
    { ...base, data: { otp: value } },
    { ...base, data: { [String(value)]: 1 } },
    { ...base, android: value, link: value },
    { ...base, [String(value)]: value },
    value,
  ];
}

test.each(ROUTES.map((route) => [`${route.method} ${route.path}`, route] as const))(
  '%s shows nothing of a secret in a wrong place',
  async (_, { method, path, body, query }) => {
    const ask = (request: TestRequest): Promise<void> =>
      expectNothingShown(makeRequest({ method, ...request }));
    const base = path === '/announcements' ? CONTENT : {};
    const plain = path.replaceAll(/\{\w+\}/g, '1');
    for (const value of VALUES) {
      const text = encodeURIComponent(Number.isInteger(Number(value)) ? MARK : String(value));
      await ask({ path: path.replaceAll(/\{\w+\}/g, text), body: base });
      await ask({ path: `${plain}/${text}`, body: base });
      await ask({ path: `/${text}` });
      for (const field of [...fieldsOf(query), 'token', text])
        await ask({ path: `${plain}?${field}=${text}`, body: base });
      for (const each of body ? bodies(fieldsOf(body), base, value) : [])
        await ask({ path: plain, body: each });
      for (const name of ['content-type', 'authorization']) {
        await ask({ path: plain, body: base, headers: { [name]: String(value) } });
        await ask({ path: plain, body: base, headers: { [name]: `Bearer ${String(value)}` } });
      }
      await expectNothingShown(makeRequest({ method: String(value), path: plain }));
    }
  },
);

test('a message in a request shows nothing of a secret in a wrong place', async () => {
  for (const value of VALUES) {
    for (const each of bodies(fieldsOf(messageSchema), { ...CONTENT, deviceId: 1 }, value)) {
      await expectNothingShown(makeRequest({ path: '/messages', body: { messages: [each] } }));
      const sqs = { eventSource: 'aws:sqs', messageId: 'm-1', body: JSON.stringify(each) };
      await expectNothingShown({ Records: [sqs] });
      await expectNothingShown({ Records: [{ ...sqs, body: `${JSON.stringify(each)}${MARK}` }] });
    }
  }
});

test('an event shows nothing of a secret in a wrong place', async () => {
  const jobs = ['kind', 'announcementId', 'deviceId', 'round', 'fromId', 'lanes'];
  for (const value of VALUES) {
    const events = [
      ...bodies(fieldsOf(announceSchema), { ...CONTENT, publishAt: '2199-01-01T00:00:00Z' }, value),
      ...bodies(jobs, { announcementId: 99 }, value),
      ...bodies(jobs, { kind: 'broadcast', announcementId: 99, round: 0, fromId: 0 }, value),
    ];
    for (const event of events) {
      await expectNothingShown(event);
      await expectNothingShown({ 'detail-type': 'x', source: 'shop', detail: event });
      const Sns = { MessageId: '95df01b4-ee98-5cb9-9903-4c221d41eb5e', Message: JSON.stringify(event) };
      await expectNothingShown({ Records: [{ EventSource: 'aws:sns', Sns }] });
    }
  }
});

test('an envelope of AWS shows nothing of a secret in a wrong place', async () => {
  const shapes = [FEW_SHAPES[0], { [MARK]: MARK }];
  for (const fixture of allFixtures()) {
    for (const place of placesIn(fixture)) {
      // The record's id is SQS's own, and the log needs it.
      if (place.at(-1) === 'messageId') continue;
      for (const shape of shapes) await expectNothingShown(replaceAt(fixture, place, shape));
    }
  }
});

/** The paths of all values in an object. */
function placesIn(value: unknown, path: readonly string[] = []): string[][] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => [
    [...path, key],
    ...placesIn(inner, [...path, key]),
  ]);
}

function replaceAt(value: unknown, [key = '', ...rest]: readonly string[], shape: unknown): unknown {
  const copy = structuredClone(value) as Record<string, unknown>;
  copy[key] = rest.length === 0 ? shape : replaceAt(copy[key], rest, shape);
  return copy;
}

test('an error that the function throws quotes nothing, and one of settings has no stack', async () => {
  const failing: Store = {
    ...store,
    fetchVersioned: () => Promise.reject(new SyntaxError(`Unexpected token in "${MARK}"`)),
  };
  const invocation = {
    awsRequestId: 'r',
    invokedFunctionArn: 'baton',
    getRemainingTimeInMillis: () => 29_000,
  };
  const broken = makeApi(failing, { env: {} });
  const thrown = await makeHandler(async () => broken.ctx, noDoctor)({ announcementId: 1 }, invocation).catch(
    (error: unknown) => inspect(error, { showHidden: true }),
  );
  expect(thrown).toMatch(/SyntaxError\]?: Unexpected token in …\n {4}at /);
  expect(thrown).not.toContain(MARK);
  const opening = makeHandler(async () => openServices({ STAGE: MARK }, () => {}), noDoctor);
  const refused = await opening({ kind: 'scan' }, invocation).catch(
    (error: unknown) => (error as Error).stack,
  );
  expect(refused).toBe('PushError: STAGE: expected one of dev, staging, prod, got 14 characters');
});

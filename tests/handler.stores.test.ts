import type { Store } from '../src/store.ts';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../src/clock.ts';
import type { Services } from '../src/context.ts';
import { openStore } from '../src/db/open.ts';
import type { DoctorReport } from '../src/doctor/examine.ts';
import { handler as deployed, makeHandler } from '../src/handler.ts';
import { makeLog } from '../src/log.ts';
import { noMetrics } from '../src/metrics.ts';
import {
  delivered,
  draft,
  fixedSender,
  madeUpDevices,
  makeContext,
  outcome,
  type TestContext,
} from './support/context.ts';
import { noDoctor } from './support/api.ts';
import { makeDatabase, type TestDatabase } from './support/database.ts';
import { fixture } from './support/events.ts';

let database: TestDatabase;
let store: Store;
let services: TestContext;

beforeEach(async () => {
  database = await makeDatabase('sqlite');
  store = await openStore(database.config, systemClock);
  services = makeContext(store);
});
afterEach(async () => {
  await store.close();
  await database.drop();
});

const invocation = {
  awsRequestId: 'request-1',
  invokedFunctionArn: 'arn:aws:lambda:eu-central-1:123456789012:function:baton:live',
  getRemainingTimeInMillis: () => 300_000,
};

function call(event: unknown, open: () => Promise<Services> = async () => services) {
  return makeHandler(open, noDoctor)(event, invocation);
}

test('a direct invoke works the first page at once', async () => {
  await store.addDevices(madeUpDevices(25));
  const announcementId = await store.createAnnouncement(draft);
  expect(await call({ announcementId, deviceId: 0 })).toEqual({
    kind: 'broadcast',
    announcementId,
    round: 0,
    fromId: 0,
    end: 'done',
    sent: 10,
  });
});

test('content in an event becomes an announcement and is sent once, however often Lambda retries', async () => {
  await store.addDevices(madeUpDevices(5));
  const env = { FCM_CREDENTIALS: 'application-default', FCM_PROJECT_ID: 'p' };
  services = makeContext(store, { env });
  const event = { title: 'Back at 9', body: 'The shop opens late today.' };
  expect(await call(event)).toMatchObject({ kind: 'broadcast', end: 'done', sent: 5 });
  expect(await call(event)).toMatchObject({ kind: 'broadcast', end: 'idle', sent: 0 });
  expect(services.sent).toHaveLength(5);
});

test('content for later waits for the schedule', async () => {
  services = makeContext(store, { env: { FCM_CREDENTIALS: 'application-default', FCM_PROJECT_ID: 'p' } });
  const event = { title: 'Back at 9', body: 'x', publishAt: '2199-01-01T00:00:00Z' };
  expect(await call(event)).toEqual({
    kind: 'announce',
    announcementId: 1,
    isNew: true,
    publishAt: Date.UTC(2199),
  });
  expect(await store.fetchAnnouncement(1)).toMatchObject({ status: 'scheduled' });
});

test('content for an unknown source is answered with the problem, and not thrown', async () => {
  expect(await call({ title: 't', body: 'b', source: 'nowhere' })).toMatchObject({
    error: { code: 'NO_SUCH_SOURCE', problems: [{ field: 'source', got: '7 characters' }] },
  });
});

test('the next hop is invoked by the alias that was called', async () => {
  await store.addDevices(madeUpDevices(11));
  const announcementId = await store.createAnnouncement(draft);
  const names: string[] = [];
  const invoker = { ...services.invoker, invoke: async (name: string) => void names.push(name) };
  await call({ announcementId }, async () => ({ ...services, invoker }));
  expect(names).toEqual([invocation.invokedFunctionArn]);
});

test('the doctor answers even if no service can be opened, and checks the alias that was called', async () => {
  const asked: string[] = [];
  const handle = makeHandler(
    () => Promise.reject(new Error('no route to the database')),
    async (functionName) => {
      asked.push(functionName);
      return { kind: 'doctor', ok: false, checks: [] };
    },
    makeLog(systemClock, {}, () => {}),
  );
  expect(await handle({ kind: 'doctor' }, invocation)).toEqual({ kind: 'doctor', ok: false, checks: [] });
  expect(asked).toEqual([invocation.invokedFunctionArn]);
});

const RED = {
  kind: 'doctor',
  ok: false,
  checks: [
    { name: 'FCM send (shop)', ok: false, says: 'FCM refuses a message', advice: 'generate a new key' },
    { name: 'ids', ok: false, says: 'not checked', advice: 'fix "database" first' },
    { name: 'database session', ok: true, level: 'amber', says: 'not strict', advice: 'set sql_mode' },
    { name: 'engines', ok: true, says: 'all tables are InnoDB', advice: null },
  ],
} as const;

function makeDoctored(report: DoctorReport, open = async (): Promise<Services> => services) {
  const [log, counts]: [string[], object[]] = [[], []];
  const handle = makeHandler(
    open,
    async () => report,
    makeLog(systemClock, {}, (line) => log.push(line)),
    { ...noMetrics, record: (values) => void counts.push(values) },
  );
  return { ask: () => handle({ kind: 'doctor', announcementId: 42 }, invocation), log, counts };
}

test('what the doctor finds becomes notices, and the runs of the announcement and of the day are recorded', async () => {
  const { ask, log, counts } = makeDoctored(RED);
  expect(await ask()).toEqual(RED);
  expect(await store.fetchNotices()).toMatchObject([
    {
      check: 'doctor',
      name: 'doctor:FCM-send-shop',
      level: 'red',
      says: 'FCM send (shop): FCM refuses a message',
      remedy: 'generate a new key',
    },
    { name: 'doctor:database-session', level: 'amber' },
  ]);
  expect(await store.fetchChecks()).toMatchObject([
    { name: 'doctor', ok: false },
    { name: 'doctor-42', ok: false },
  ]);
  expect(counts).toEqual([{ DoctorFailed: 1 }]);
  expect(log).toEqual([]);
});

test('a doctor that finds nothing is no failure, and takes back what it had found', async () => {
  await makeDoctored(RED).ask();
  const { ask, counts } = makeDoctored({ ...RED, ok: true, checks: RED.checks.slice(3) });
  await ask();
  expect(await store.fetchNotices()).toEqual([]);
  expect(counts).toEqual([{ DoctorFailed: 0 }]);
});

test('what the doctor finds and nobody can record is in the log and in a metric', async () => {
  const unreached = { name: 'database', ok: false, says: 'ECONNREFUSED', advice: 'start the server' };
  const down = makeDoctored({ ...RED, checks: [unreached] }, () => Promise.reject(new Error('not asked')));
  expect(await down.ask()).toMatchObject({ kind: 'doctor', ok: false });
  expect(JSON.parse(down.log[0] ?? '')).toMatchObject({
    level: 'error',
    event: 'doctor not recorded',
    why: expect.stringContaining('the database: ECONNREFUSED') as string,
    red: 'database',
  });
  const closed = makeDoctored(RED, () => Promise.reject(new Error('BAD_CONFIG')));
  await closed.ask();
  expect(closed.log[0]).toContain('BAD_CONFIG');
  for (const { counts } of [down, closed]) expect(counts).toEqual([{ DoctorFailed: 1 }]);
});

test('an invalid direct event is answered with its problem: Lambda would retry a thrown error', async () => {
  expect(await call({ announcementId: 'x' })).toEqual({
    error: {
      code: 'BAD_EVENT',
      message: 'announcementId: expected a whole number from 1 to 9007199254740991, got 1 character',
      problems: [
        {
          field: 'announcementId',
          expected: 'a whole number from 1 to 9007199254740991',
          got: '1 character',
        },
      ],
    },
  });
  expect(await call({ announcementId: 5 })).toMatchObject({ error: { code: 'NO_SUCH_ANNOUNCEMENT' } });
});

test('each SNS message is answered by itself, and an invalid one does not affect the others', async () => {
  await store.addDevices(madeUpDevices(1));
  const env = { FCM_CREDENTIALS: 'application-default', FCM_PROJECT_ID: 'p' };
  services = makeContext(store, { env: { ...env, RECORDS_MAY_START: 'announcements' } });
  const [record] = fixture('sns')['Records'] as { Sns: object }[];
  const say = (Message: string, MessageId: string) => ({
    ...record,
    Sns: { ...record?.Sns, Message, MessageId },
  });
  const content = JSON.stringify({ title: 'Back at 9', body: 'x' });
  const first = '95df01b4-ee98-5cb9-9903-4c221d41eb5e';
  const Records = [
    say('{', first.replace('9', '0')),
    say(content, first),
    say(content, first.replace('9', '1')),
  ];
  expect(await call({ Records })).toMatchObject([
    { error: { code: 'BAD_EVENT' } },
    { kind: 'broadcast', announcementId: 1, end: 'done' },
    { kind: 'broadcast', announcementId: 2, end: 'done' },
  ]);
  // Delivered again, in another invocation.
  expect(await call({ Records: [say(content, first)] })).toMatchObject([{ announcementId: 1, end: 'idle' }]);
});

test.each([
  ['an announcement', { title: 'T', body: 'B' }, 'announcements'],
  ['a start', { announcementId: 1 }, 'announcements'],
  ['the next hop', { kind: 'broadcast', announcementId: 1, round: 0, fromId: 5 }, 'announcements'],
  ['a scan', { kind: 'scan' }, 'scan'],
  ['a call of the doctor', { kind: 'doctor' }, 'doctor'],
])('a record of a topic does not start %s unless RECORDS_MAY_START says so', async (_case, event, start) => {
  await store.addDevices(madeUpDevices(1));
  await store.createAnnouncement(draft);
  const [record] = fixture('sns')['Records'] as { Sns: object }[];
  const Records = [{ ...record, Sns: { ...record?.Sns, Message: JSON.stringify(event) } }];
  const others = ['announcements', 'scan', 'doctor'].filter((each) => each !== start);
  for (const RECORDS_MAY_START of ['', others.join()]) {
    services = makeContext(store, { env: { RECORDS_MAY_START } });
    expect(await call({ Records })).toMatchObject([
      { error: { code: 'FORBIDDEN', problems: [{ field: 'Sns.Message', got: start }] } },
    ]);
  }
  expect([services.sent, services.invoked, await store.fetchAnnouncement(1)]).toMatchObject([
    [],
    [],
    { status: 'draft' },
  ]);
  services = makeContext(store, {
    env: { RECORDS_MAY_START: start, FCM_CREDENTIALS: 'application-default', FCM_PROJECT_ID: 'p' },
  });
  const doctor = async () => ({ kind: 'doctor', ok: true, checks: [] }) as const;
  const replies = await makeHandler(async () => services, doctor)({ Records }, invocation);
  expect(replies).not.toMatchObject([{ error: expect.anything() }]);
});

/** An SNS event with these texts as its messages, each with an id of its own. */
function fromTopic(...texts: readonly string[]): object {
  const [record] = fixture('sns')['Records'] as { Sns: object }[];
  const idOf = (nth: number) => `${nth}5df01b4-ee98-5cb9-9903-4c221d41eb5e`;
  return {
    Records: texts.map((Message, nth) => ({
      ...record,
      Sns: { ...record?.Sns, Message, MessageId: idOf(nth) },
    })),
  };
}

function messageTo(...deviceIds: readonly number[]): object {
  return { messages: deviceIds.map((deviceId) => ({ deviceId, title: 'Ready', body: 'Counter 3' })) };
}

test('messages of a topic or a bus are sent without any configuration, and once, however often they are delivered', async () => {
  await store.addDevices(madeUpDevices(3));
  const topic = fromTopic(JSON.stringify(messageTo(1, 99)), JSON.stringify(messageTo(2)));
  const bus = { ...fixture('eventbridge-bus'), detail: { ...messageTo(3) } };
  const counts = { kind: 'messages', delivered: 1, undelivered: 0, refused: 0, refusals: [] };
  for (let delivery = 1; delivery <= 2; delivery++) {
    expect(await call(topic)).toEqual([{ ...counts, undelivered: 1 }, counts]);
    expect(await call(bus)).toEqual([counts]);
  }
  expect(services.sent).toEqual(['target-1', 'target-2', 'target-3']);
});

test('a record with messages to send again fails the invocation after the others; its repetition sends the rest', async () => {
  await store.addDevices(madeUpDevices(4));
  const isDown = new Set([1]);
  services = makeContext(store, {
    answer: ({ deviceId }) => (isDown.has(deviceId) ? outcome('retryable', 'UNAVAILABLE') : delivered),
  });
  const event = fromTopic(
    JSON.stringify(messageTo(1, 2)),
    '{',
    JSON.stringify({ messages: [{ title: 'to nobody' }, ...Object.values(messageTo(3)).flat()] }),
    JSON.stringify(messageTo(4)),
  );
  await expect(call(event)).rejects.toThrow(
    'records: expected an answer to each, got 1 of 4 that failed; the log says why',
  );
  expect(services.sent).toEqual(['target-1', 'target-2', 'target-3', 'target-4']);
  expect(services.logged.filter((line) => line === 'record failed')).toHaveLength(1);
  isDown.clear();
  expect(await call(event)).toMatchObject([
    { delivered: 2 },
    { error: { code: 'BAD_EVENT' } },
    { delivered: 1, refused: 1, refusals: [{ code: 'BAD_EVENT' }] },
    { delivered: 1 },
  ]);
  expect(services.sent.slice(4)).toEqual(['target-1']);
});

test('a record whose work throws does not keep the others from being worked on', async () => {
  await store.addDevices(madeUpDevices(1));
  const env = { FCM_CREDENTIALS: 'application-default', FCM_PROJECT_ID: 'p' };
  services = makeContext(store, { env: { ...env, RECORDS_MAY_START: 'doctor announcements' } });
  // The doctor of these tests throws.
  const event = fromTopic('{"kind": "doctor"}', '{"title": "Back at 9", "body": "x"}');
  await expect(call(event)).rejects.toMatchObject({ code: 'RECORDS_FAILED' });
  expect(services.sent).toEqual(['target-1']);
  await expect(call(event)).rejects.toMatchObject({ code: 'RECORDS_FAILED' });
  expect(services.sent).toEqual(['target-1']);
});

test.each([
  [{ announcementId: 1 }, 'announcements'],
  [{ title: 'T', body: 'B' }, 'announcements'],
  [{ kind: 'scan' }, 'scan'],
  [{ kind: 'doctor' }, 'doctor'],
])('an event of a bus does not start %j unless RECORDS_MAY_START says so', async (detail, start) => {
  await store.createAnnouncement(draft);
  expect(await call({ ...fixture('eventbridge-bus'), detail })).toMatchObject([
    { error: { code: 'FORBIDDEN', problems: [{ field: 'detail', got: start }] } },
  ]);
  expect(await store.fetchAnnouncement(1)).toMatchObject({ status: 'draft' });
  // The input of a schedule is its owner's own.
  if (start === 'announcements') return;
  const doctor = async () => ({ kind: 'doctor', ok: true, checks: [] }) as const;
  expect(await makeHandler(async () => services, doctor)(detail, invocation)).toMatchObject({ kind: start });
});

test('the key of another announcement is answered, and not thrown', async () => {
  services = makeContext(store, { env: { FCM_CREDENTIALS: 'application-default', FCM_PROJECT_ID: 'p' } });
  const event = { title: 'Back at 9', body: 'x', idempotencyKey: 'late', publishAt: '2199-01-01T00:00:00Z' };
  await call(event);
  expect(await call({ ...event, title: 'Back at 10' })).toMatchObject({ error: { code: 'KEY_REUSED' } });
});

test('services are opened once, and again only after they could not be opened', async () => {
  let opened = 0;
  const handle = makeHandler(async () => {
    if (++opened === 1) throw new Error('the database is starting');
    return services;
  }, noDoctor);
  await expect(handle({ kind: 'scan' }, invocation)).rejects.toThrow('the database is starting');
  await handle({ kind: 'scan' }, invocation);
  await handle({ kind: 'scan' }, invocation);
  expect(opened).toBe(2);
});

test("an error that is not the caller's fault is thrown, so that Lambda retries", async () => {
  await store.addDevices(madeUpDevices(1));
  const announcementId = await store.createAnnouncement(draft);
  const send = () => Promise.reject(new Error('socket hang up'));
  const senders = fixedSender({ send, close: async () => {} });
  await expect(call({ announcementId }, async () => ({ ...services, senders }))).rejects.toThrow(
    'socket hang up',
  );
});

test('the function takes two parameters: Node 24 on Lambda refuses one with a callback', () => {
  expect(deployed.length).toBeLessThanOrEqual(2);
});

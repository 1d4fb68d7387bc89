import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { createServer as createTcpServer, type AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { scan } from '../../src/broadcast/scan.ts';
import { failAnnouncement } from '../../src/broadcast/announcement.ts';
import { systemClock } from '../../src/clock.ts';
import { openStore } from '../../src/db/open.ts';
import type { AuditEntry } from '../../src/model/audit.ts';
import type { Store } from '../../src/store.ts';
import { baton } from '../support/baton.ts';
import { makeCertificate } from '../support/certificate.ts';
import { makeTestClock, type TestClock } from '../support/clock.ts';
import { draft, makeContext, type TestOptions } from '../support/context.ts';
import { databaseKinds, type DatabaseKind, makeDatabase, type TestDatabase } from '../support/database.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { openTimedStore } from '../support/timed-store.ts';
import { makeWorld } from '../support/world.ts';

const SECRET = `whsec_${Buffer.alloc(24, 9).toString('base64')}`;
const TICK = fileURLToPath(new URL('../fixtures/tick-process.ts', import.meta.url));
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

let receiver: Receiver;
let database: TestDatabase;
let clock: TestClock;
let store: Store;

beforeEach(async () => {
  receiver = await startReceiver(SECRET);
});
afterEach(async () => {
  await receiver.close();
  await store.close();
  await database.drop();
  vi.unstubAllEnvs();
});

/** Real time at first: receivers refuse signatures of another day. */
async function open(kind: DatabaseKind): Promise<void> {
  database = await makeDatabase(kind);
  clock = makeTestClock({ startMs: Date.now() });
  store = openTimedStore(database.config, clock);
}

const webhook = (url = receiver.url) => ({ ALERT_WEBHOOK_URL: url, ALERT_WEBHOOK_SECRET: SECRET });

async function tick(options: TestOptions = {}, own = store): Promise<string[]> {
  const ctx = makeContext(own, { clock, ...options, env: { ...webhook(), ...options.env } });
  await scan(ctx);
  return ctx.logged;
}

async function fail(reason = 'FCM refuses the key'): Promise<number> {
  const announcementId = await store.createAnnouncement({
    ...draft,
    content: { ...draft.content, title: 'A s3cret title', body: 'A s3cret text' },
  });
  await failAnnouncement(makeContext(store, { clock }), announcementId, reason, ['draft']);
  return announcementId;
}

async function auditOf(announcementId: number): Promise<Pick<AuditEntry, 'action' | 'why' | 'actor'>[]> {
  const entries = await store.fetchAudit(announcementId, 100);
  return entries
    .filter(({ action }) => action.startsWith('alert'))
    .map(({ action, why, actor }) => ({ action, why, actor }));
}

describe.each(databaseKinds())('an alert, on %s,', (kind) => {
  beforeEach(() => open(kind));

  test('reaches the webhook once, with a signature that is right, and without the content; the audit says so', async () => {
    const announcementId = await fail();
    const other = openTimedStore(database.config, clock);
    await Promise.all([tick(), tick({}, other), tick(), tick({}, other)]);
    await tick();
    await other.close();
    expect(receiver.received).toHaveLength(1);
    expect(receiver.received[0]).toMatchObject({
      id: expect.stringMatching(/^alert_/),
      path: '/hook?key=k3y',
      verified: { type: 'announcement.failed', data: { announcementId, reason: 'FCM refuses the key' } },
    });
    expect(receiver.received[0]?.body).not.toContain('s3cret');
    expect(await auditOf(announcementId)).toEqual([
      { action: 'alert sent', why: 'failed by webhook', actor: 'schedule' },
    ]);
  });

  test('is sent again with the same id while the receiver fails, after longer and longer waits, for a day', async () => {
    const announcementId = await fail();
    receiver.answer((response) => response.writeHead(500).end());
    const attemptsAt: number[] = [];
    const startedAt = clock.now();
    while (clock.now() - startedAt < 26 * HOUR) {
      const before = receiver.received.length;
      await tick();
      if (receiver.received.length > before) attemptsAt.push((clock.now() - startedAt) / MINUTE);
      await clock.advance(attemptsAt.length < 8 ? MINUTE : HOUR);
    }
    expect(attemptsAt.slice(0, 8)).toEqual([0, 1, 2, 4, 8, 16, 32, 64]);
    expect(attemptsAt.length).toBeLessThan(40);
    expect(new Set(receiver.received.map(({ id }) => id)).size).toBe(1);
    expect(await auditOf(announcementId)).toEqual([
      {
        action: 'alert failed',
        why: `failed by webhook, ${attemptsAt.length} attempts: HTTP 500`,
        actor: 'schedule',
      },
    ]);
    receiver.answer((response) => response.writeHead(204).end());
    await tick();
    expect(receiver.received).toHaveLength(attemptsAt.length);
  });

  test('whose process was killed between its claim and its answer is sent again by a later tick, with the same id', async () => {
    const announcementId = await fail();
    receiver.answer(() => {});
    const env = { ...process.env, ...webhook(), DATABASE_URL: database.url };
    const child = spawn(process.execPath, [TICK], { env, stdio: ['ignore', 'ignore', 'inherit'] });
    const first = await receiver.waitFor(1);
    child.kill('SIGKILL');
    await once(child, 'close');
    expect(await auditOf(announcementId)).toEqual([]);

    receiver.answer((response) => response.writeHead(200).end('ok'));
    // The time of the killed process was real, and later than this one: its lease goes on.
    await tick();
    expect(receiver.received).toHaveLength(1);
    await clock.advance(Date.now() - clock.now() + 31_000);
    await tick();
    expect(receiver.received.map(({ id }) => id)).toEqual([first.id, first.id]);
    expect(await auditOf(announcementId)).toMatchObject([{ action: 'alert sent' }]);
  });
});

describe('a webhook', () => {
  beforeEach(() => open('sqlite'));

  test('that does not answer keeps a tick for five seconds and no longer, and the others are not tried at this tick', async () => {
    const ids = [await fail(), await fail()];
    receiver.answer(() => {});
    const ticking = tick();
    await receiver.waitFor(1);
    await clock.advance(4999);
    expect(await auditOf(ids[0] ?? 0)).toEqual([]);
    await clock.advance(1);
    expect(await ticking).toContain('alert not sent');
    expect(receiver.received).toHaveLength(1);
    receiver.answer((response) => response.writeHead(204).end());
    await tick();
    expect(receiver.received).toHaveLength(2);
    await clock.advance(MINUTE);
    await tick();
    expect(receiver.received).toHaveLength(3);
    for (const id of ids) expect(await auditOf(id)).toMatchObject([{ action: 'alert sent' }]);
  });

  test('that redirects is not followed', async () => {
    const elsewhere = await startReceiver(SECRET);
    onTestFinished(() => elsewhere.close());
    await fail();
    for (const status of [301, 302, 307, 308]) {
      receiver.answer((response) => response.writeHead(status, { location: elsewhere.url }).end());
      await tick();
      await clock.advance(HOUR);
    }
    expect(receiver.received).toHaveLength(4);
    expect(elsewhere.received).toHaveLength(0);
  });

  /** Why an alert that fails all day was given up. */
  async function reasonOf(url: string): Promise<string | null | undefined> {
    const announcementId = await fail();
    await tick({ env: webhook(url) });
    await clock.advance(25 * HOUR);
    await tick({ env: webhook(url) });
    return (await auditOf(announcementId)).at(-1)?.why;
  }

  test.each([
    [410, 'HTTP 410'],
    [302, 'HTTP 302: a redirect, which is not followed'],
    [404, 'HTTP 404'],
  ])('that answers %i is told by that alone', async (status, why) => {
    receiver.answer((response) => response.writeHead(status).end('k3y'.repeat(100_000)));
    expect(await reasonOf(receiver.url)).toBe(`failed by webhook, 2 attempts: ${why}`);
  });

  test('that is not there, breaks off or has a certificate of its own is named by a code, never by its address', async () => {
    const server = createTcpServer((socket) => socket.destroy());
    const none = createTcpServer();
    const { private: key, cert } = await makeCertificate();
    const tls = createTlsServer({ key, cert }, (_, response) => response.end());
    for (const each of [server, tls]) {
      each.listen(0, '127.0.0.1');
      await once(each, 'listening');
      onTestFinished(() => void each.close());
    }
    none.listen(0, '127.0.0.1');
    await once(none, 'listening');
    const port = (each: { address(): unknown }) => (each.address() as AddressInfo).port;
    const closedPort = port(none);
    none.close();
    await once(none, 'close');
    const whys = [
      await reasonOf(`http://127.0.0.1:${closedPort}/k3y`),
      await reasonOf(`http://127.0.0.1:${port(server)}/k3y`),
      await reasonOf(`https://127.0.0.1:${port(tls)}/k3y`),
    ];
    expect(whys).toEqual([
      expect.stringMatching(/: ECONNREFUSED$/),
      expect.stringMatching(/: (UND_ERR_SOCKET|ECONNRESET)$/),
      expect.stringMatching(/: [A-Z_]*CERT[A-Z_]*$/),
    ]);
    expect(whys.join()).not.toMatch(/k3y|127\.0\.0\.1/);
  });

  test('of Slack gets a text, without a signature where there is no key', async () => {
    await fail('HTTP_403 <the "role">');
    await tick({ env: { ALERT_WEBHOOK_FORMAT: 'slack', ALERT_WEBHOOK_SECRET: '' } });
    const [received] = receiver.received;
    expect(JSON.parse(received?.body ?? '')).toEqual({
      text: expect.stringContaining('Reason: HTTP_403 &lt;the "role"&gt;\n'),
    });
    expect(received?.headers).not.toHaveProperty('webhook-signature');
  });

  test('gets nothing from an invocation that has no time left', async () => {
    await fail();
    await tick({ remainingMs: () => 14_000 });
    expect(receiver.received).toHaveLength(0);
    await tick();
    expect(receiver.received).toHaveLength(1);
  });

  test('gets its alerts also from a tick whose work fails', async () => {
    const announcementId = await store.createAnnouncement(draft);
    await store.scheduleAnnouncement(announcementId, 0);
    await fail();
    const invoke = () => Promise.reject(new Error('Lambda is down'));
    await expect(tick({ invoke })).rejects.toThrow('Lambda is down');
    expect(receiver.received).toHaveLength(1);
  });
});

/** Starts what answers as SNS does; `bodies` has what was published, decoded. */
async function startTopic(answer: { status: number; body: string }) {
  const bodies: URLSearchParams[] = [];
  const server = createServer((request, response) => {
    const reply = (parts: readonly Buffer[]): void => {
      bodies.push(new URLSearchParams(Buffer.concat(parts).toString()));
      response.writeHead(answer.status, { 'content-type': 'text/xml' }).end(answer.body);
    };
    request.toArray().then(reply, () => response.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  vi.stubEnv('AWS_ENDPOINT_URL_SNS', `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'local');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'local');
  return bodies;
}

describe('an SNS topic', () => {
  beforeEach(() => open('sqlite'));

  const ARN = 'arn:aws:sns:eu-central-1:123456789012:alerts';

  test('with an order gets the alerts of a check as a group of their own, like those of an announcement', async () => {
    const bodies = await startTopic({
      status: 200,
      body: '<PublishResponse><PublishResult><MessageId>1</MessageId></PublishResult></PublishResponse>',
    });
    const announcementId = await fail();
    await store.recordNotices('radar', [
      {
        name: 'a',
        level: 'amber',
        says: 'a key is old',
        remedy: 'replace it',
        dueOn: null,
        source: 'the key',
      },
    ]);
    await tick({ env: { ALERT_WEBHOOK_URL: '', ALERT_SNS_TOPIC_ARN: `${ARN}.fifo` } });
    const groups = bodies.map((body) => [body.get('Subject') ?? '', body.get('MessageGroupId')]);
    expect(Object.fromEntries(groups)).toEqual({
      [`[dev] Announcement ${announcementId}: failed`]: `announcement-${announcementId}`,
      '[dev] radar': 'check-radar',
    });
  });

  test('gets the alert as a text with a subject; a webhook that fails besides does not make it repeat', async () => {
    const bodies = await startTopic({
      status: 200,
      body: '<PublishResponse><PublishResult><MessageId>1</MessageId></PublishResult></PublishResponse>',
    });
    receiver.answer((response) => response.writeHead(500).end());
    const announcementId = await fail();
    for (let nth = 0; nth < 3; nth++) {
      await tick({ env: { ALERT_SNS_TOPIC_ARN: ARN, STAGE: 'prod' } });
      await clock.advance(2 * MINUTE);
    }
    expect(receiver.received).toHaveLength(3);
    expect(bodies).toHaveLength(1);
    expect(Object.fromEntries(bodies[0] ?? [])).toMatchObject({
      ...{ Action: 'Publish', TopicArn: ARN },
      Subject: `[prod] Announcement ${announcementId}: failed`,
      Message: expect.stringContaining('Reason: FCM refuses the key'),
    });
    expect(await auditOf(announcementId)).toMatchObject([{ action: 'alert sent', why: 'failed by sns' }]);
  });

  test('that refuses is tried again, and its error is told by its name', async () => {
    const bodies = await startTopic({
      status: 403,
      body: '<ErrorResponse><Error><Type>Sender</Type><Code>AuthorizationError</Code><Message>k3y</Message></Error></ErrorResponse>',
    });
    const announcementId = await fail();
    const env = { ALERT_WEBHOOK_URL: '', ALERT_SNS_TOPIC_ARN: `${ARN}.fifo` };
    await tick({ env });
    await clock.advance(25 * HOUR);
    await tick({ env });
    expect(bodies.map((body) => body.get('MessageDeduplicationId'))).toEqual([
      expect.stringMatching(/^alert_/),
      bodies[0]?.get('MessageDeduplicationId'),
    ]);
    const [last] = await auditOf(announcementId);
    expect(last).toMatchObject({
      action: 'alert failed',
      why: expect.stringMatching(/: AuthorizationError\w*$/),
    });
  });
});

test('a real clock and a real store: the tick of a warm function sends with the key as it is now', async () => {
  database = await makeDatabase('sqlite');
  clock = makeTestClock({ startMs: Date.now() });
  store = await openStore(database.config, systemClock);
  await fail();
  const ctx = makeContext(store, { env: { ...webhook(), ALERT_WEBHOOK_SECRET: `whsec_${'A'.repeat(32)}` } });
  const { config } = makeContext(store, { env: webhook() });
  await scan({ ...ctx, fetchConfig: async () => config });
  expect(receiver.received).toMatchObject([{ verified: { type: 'announcement.failed' } }]);
});

test(
  'the workers of one machine send, too: `baton scan` with a broadcast that is due',
  { timeout: 120_000 },
  async () => {
    const world = await makeWorld('sqlite', 5);
    onTestFinished(() => world[Symbol.asyncDispose]());
    // What afterEach closes.
    await open('sqlite');
    await world.store.scheduleAnnouncement(world.announcementId, 0);
    const env = { ...world.env, ...webhook(), ALERT_ON: 'started' };
    expect(await baton(['scan'], env)).toMatchObject({ status: 0 });
    expect(receiver.received).toMatchObject([
      {
        verified: {
          type: 'announcement.started',
          data: { announcementId: world.announcementId, balance: { audience: 5 } },
        },
      },
    ]);
  },
);

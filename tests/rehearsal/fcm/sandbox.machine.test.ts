import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import http2, { type ClientHttp2Session, type IncomingHttpHeaders } from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parseFaults } from '../../../src/rehearsal/fcm/faults.ts';
import {
  type FcmSandbox,
  type FcmSandboxOptions,
  startFcmSandbox,
} from '../../../src/rehearsal/fcm/sandbox.ts';
import { startProxy } from '../../support/proxy.ts';
import { makeCertificate } from '../../support/certificate.ts';

let sandbox: FcmSandbox;
let session: ClientHttp2Session;
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'baton-sandbox-'));
});

afterEach(async () => {
  session.destroy();
  await sandbox.close();
  rmSync(folder, { recursive: true });
});

async function begin(options: FcmSandboxOptions = {}, ca?: string): Promise<void> {
  sandbox = await startFcmSandbox(options);
  session = http2.connect(sandbox.endpoint, ca === undefined ? {} : { ca });
  session.on('error', () => {});
}

interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: unknown;
  readonly rstCode: number;
}

function ask(body: unknown, headers: Record<string, string> = {}, through = session): Promise<Answer> {
  return new Promise((resolve) => {
    const stream = through.request({
      ':method': 'POST',
      ':path': '/v1/projects/p/messages:send',
      authorization: 'Bearer t',
      ...headers,
    });
    let got: IncomingHttpHeaders & { ':status'?: number | undefined } = {};
    let text = '';
    stream.on('response', (each) => (got = each));
    stream.on('data', (part) => (text += String(part)));
    stream.on('error', () => {});
    stream.on('close', () => {
      const parsed: unknown = text === '' ? null : JSON.parse(text);
      resolve({ status: got[':status'], headers: got, body: parsed, rstCode: stream.rstCode });
    });
    stream.end(typeof body === 'string' ? body : JSON.stringify(body));
  });
}

const message = (token: string, more: object = {}) => ({
  message: { token, notification: { title: 't' }, ...more },
});

const fcmError = (errorCode: string) => ({
  '@type': 'type.googleapis.com/google.firebase.fcm.v1.FcmError',
  errorCode,
});

test('a project that does not exist, and a token of another token service, are refused by Google and not by FCM', async () => {
  await begin({ projects: ['p'], checksTokens: true });
  expect(await ask(message('a'))).toMatchObject({
    status: 401,
    body: { error: { status: 'UNAUTHENTICATED' } },
  });
  const issued = (await (await fetch(sandbox.tokenUrl, { method: 'POST' })).json()) as {
    access_token: string;
  };
  const authorization = `Bearer ${issued.access_token}`;
  expect((await ask(message('a'), { authorization })).status).toBe(200);
  const elsewhere = await ask(message('a'), { authorization, ':path': '/v1/projects/q/messages:send' });
  expect(elsewhere).toMatchObject({ status: 404, body: { error: { status: 'NOT_FOUND' } } });
  expect(elsewhere.body).not.toHaveProperty('error.details');
});

test('an accepted message has a name of its own and is in the log', async () => {
  await begin();
  const answers = await Promise.all([ask(message('a')), ask(message('b')), ask(message('a'))]);
  const names = answers.map(({ body }) => (body as { name: string }).name);
  expect(new Set(names).size).toBe(3);
  for (const name of names) expect(name).toMatch(/^projects\/p\/messages\/0:\d+%[0-9a-f]+$/);
  expect(Object.fromEntries(sandbox.accepted)).toEqual({ a: 2, b: 1 });
});

test('it uses TLS if it has a certificate', async () => {
  const pem = await makeCertificate();
  await begin({ tls: { key: pem.private, cert: pem.cert } }, pem.cert);
  expect(sandbox.endpoint).toMatch(/^https:/);
  expect(await ask(message('a'))).toMatchObject({ status: 200 });
});

test.each([
  ['unregistered', 404, 'NOT_FOUND', 'UNREGISTERED'],
  ['invalid', 400, 'INVALID_ARGUMENT', 'INVALID_ARGUMENT'],
  ['mismatch', 403, 'PERMISSION_DENIED', 'SENDER_ID_MISMATCH'],
  ['unavailable', 503, 'UNAVAILABLE', 'UNAVAILABLE'],
  ['internal', 500, 'INTERNAL', 'INTERNAL'],
  ['quota', 429, 'RESOURCE_EXHAUSTED', 'QUOTA_EXCEEDED'],
])('%s has the status and the error code of FCM', async (fault, status, words, errorCode) => {
  await begin({ faults: { [fault]: 1 } });
  const answer = await ask(message('a'));
  expect(answer.status).toBe(status);
  const { error } = answer.body as { error: { details: unknown[] } };
  expect(error).toMatchObject({ code: status, status: words });
  expect(error.details[0]).toEqual(fcmError(errorCode));
  expect(sandbox.accepted.size).toBe(0);
});

test.each([
  ['not JSON', '{'],
  ['no message', {}],
  ['no target', { message: { notification: { title: 't' } } }],
  ['two targets', message('a', { fid: 'b' })],
  ['data that is not text', message('a', { data: { n: 1 } })],
  ['too large', message('a', { data: { k: 'x'.repeat(4100) } })],
])(
  "an invalid payload (%s) is refused with the name of the field, and not as the device's fault",
  async (_, body) => {
    await begin();
    const answer = await ask(body);
    expect(answer.status).toBe(400);
    const { error } = answer.body as { error: { details: object[] } };
    expect(error.details).toMatchObject([{ '@type': 'type.googleapis.com/google.rpc.BadRequest' }]);
  },
);

test('a payload of exactly 4096 bytes is accepted', async () => {
  await begin();
  const frame = JSON.stringify({ notification: { title: 't' }, data: { k: '' } }).length;
  expect(await ask(message('a', { data: { k: 'x'.repeat(4096 - frame) } }))).toMatchObject({ status: 200 });
  expect(await ask(message('a', { data: { k: 'x'.repeat(4097 - frame) } }))).toMatchObject({ status: 400 });
});

test("Google's front end refuses a missing token and another path without an error code of FCM", async () => {
  await begin();
  const noToken = await ask(message('a'), { authorization: '' });
  expect(noToken).toMatchObject({ status: 401, body: { error: { status: 'UNAUTHENTICATED' } } });
  expect(noToken.body).not.toHaveProperty('error.details');
  const elsewhere = await ask(message('a'), { ':path': '/v1/projects/p' });
  expect(elsewhere).toMatchObject({ status: 404, body: { error: { status: 'NOT_FOUND' } } });
  expect(elsewhere.body).not.toHaveProperty('error.details');
});

test('each project has its own quota; a message over it gets 429 with Retry-After', async () => {
  await begin({ quotaPerMinute: 3 });
  const statuses = [];
  for (const token of ['a', 'b', 'c', 'd', 'e']) statuses.push((await ask(message(token))).status);
  expect(statuses).toEqual([200, 200, 200, 429, 429]);
  const over = await ask(message('f'));
  expect(Number(over.headers['retry-after'])).toBeGreaterThan(50);
  expect(await ask(message('g'), { ':path': '/v1/projects/other/messages:send' })).toMatchObject({
    status: 200,
  });
  expect(sandbox.stats()).toMatchObject({ throttled: 3, accepted: 4 });
});

test('the same seed gives the same answers, whatever the order of the messages', async () => {
  const faults = parseFaults('unregistered=0.2,unavailable=0.2,internal=0.1');
  const tokens = Array.from({ length: 60 }, (_, nth) => `token-${nth}`);
  const answersOf = async (order: string[], seed: number) => {
    await begin({ faults, seed });
    const answers = await Promise.all(
      order.map(async (token) => [
        token,
        [(await ask(message(token))).status, (await ask(message(token))).status],
      ]),
    );
    session.destroy();
    await sandbox.close();
    return Object.fromEntries(answers) as Record<string, number[]>;
  };
  const forwards = await answersOf(tokens, 1);
  expect(await answersOf(tokens.toReversed(), 1)).toEqual(forwards);
  expect(await answersOf(tokens, 2)).not.toEqual(forwards);
  // A permanent fault stays; a transient one may differ at the next attempt.
  for (const [first, second] of Object.values(forwards)) if (first === 404) expect(second).toBe(404);
  expect(Object.values(forwards).some(([first, second]) => first === 503 && second === 200)).toBe(true);
  await begin();
});

test('a reset happens before or after the message is accepted, and the sandbox knows which', async () => {
  await begin({ faults: { reset: 1 } });
  const answers = await Promise.all(Array.from({ length: 60 }, (_, nth) => ask(message(`t${nth}`))));
  expect(new Set(answers.map(({ rstCode }) => rstCode))).toEqual(
    new Set([http2.constants.NGHTTP2_INTERNAL_ERROR]),
  );
  const { ambiguous } = sandbox.stats();
  expect(ambiguous).toBe(sandbox.accepted.size);
  expect(ambiguous).toBeGreaterThan(10);
  expect(ambiguous).toBeLessThan(50);
});

test('streams before a GOAWAY are answered, and the GOAWAY names the last of them', async () => {
  await begin({ faults: { goaway: 0.2 }, seed: 4 });
  const goaway = new Promise<number>((resolve) => session.once('goaway', (_code, last) => resolve(last)));
  const answers = await Promise.all(Array.from({ length: 50 }, (_, nth) => ask(message(`t${nth}`))));
  expect(await goaway).toBeGreaterThan(0);
  const answered = answers.filter(({ status }) => status === 200).length;
  expect(answered).toBe(sandbox.accepted.size);
  for (const { status, rstCode } of answers) {
    if (status === undefined) expect(rstCode).toBe(http2.constants.NGHTTP2_REFUSED_STREAM);
  }
});

test('a connection has at most 100 open streams', async () => {
  await begin();
  await ask(message('a'));
  expect(session.remoteSettings.maxConcurrentStreams).toBe(100);
});

test('the answer times are distributed around the median', async () => {
  await begin({ latencyMs: 30 });
  const times = await Promise.all(
    Array.from({ length: 80 }, async (_, nth) => {
      const startedAt = performance.now();
      await ask(message(`t${nth}`));
      return performance.now() - startedAt;
    }),
  );
  const median = times.toSorted((one, two) => one - two)[40]!;
  expect(median).toBeGreaterThan(20);
});

/** Resolves once the sandbox has accepted so many messages. */
async function whenAccepted(count: number): Promise<void> {
  while (sandbox.stats().accepted < count) await new Promise((resolve) => setImmediate(resolve));
}

test('a client that takes back a message before its slow answer cannot know that FCM has accepted it', async () => {
  await begin({ tail: { share: 1, ms: 600_000 } });
  const streams = ['a', 'b'].map((token) => {
    const stream = session.request({
      ':method': 'POST',
      ':path': '/v1/projects/p/messages:send',
      authorization: 'Bearer t',
    });
    stream.on('error', () => {});
    stream.end(JSON.stringify(message(token)));
    return stream;
  });
  await whenAccepted(2);
  for (const stream of streams) stream.close(http2.constants.NGHTTP2_CANCEL);
  // The connection is in order: what follows on it is read after the two streams were closed.
  void ask(message('c'));
  await whenAccepted(3);
  expect(sandbox.stats()).toMatchObject({ accepted: 3, ambiguous: 2 });
});

test('an answer that was written in time and read too late is one that the client cannot know', async () => {
  let now = 0;
  await begin({ clientTimeoutMs: 2000, clock: { now: () => now } });
  const proxy = await startProxy(Number(new URL(sandbox.endpoint).port));
  session.destroy();
  session = http2.connect(`http://127.0.0.1:${proxy.port}`);
  session.on('error', () => {});
  // A refusal is certain, whenever it is read.
  expect((await ask({})).status).toBe(400);
  proxy.hold();
  const late = ask(message('late'));
  await whenAccepted(1);
  now = 3000;
  proxy.release();
  await late;
  while (sandbox.stats().ambiguous === 0) await new Promise((resolve) => setImmediate(resolve));
  expect(sandbox.stats()).toMatchObject({ accepted: 1, ambiguous: 1 });
  session.destroy();
  await proxy.close();
});

test('a client that dies with its connection is not one that gave up', async () => {
  await begin({ tail: { share: 1, ms: 600_000 } });
  void ask(message('a'));
  await whenAccepted(1);
  session.destroy();
  session = http2.connect(sandbox.endpoint);
  void ask(message('b'));
  await whenAccepted(2);
  expect(sandbox.stats()).toMatchObject({ accepted: 2, ambiguous: 0 });
});

test('the log file has every accepted message, and is read when it is opened again', async () => {
  const logFile = join(folder, 'accepted.log');
  await begin({ logFile });
  await Promise.all([ask(message('a')), ask(message('b'))]);
  expect(readFileSync(logFile, 'utf8').split('\n').toSorted()).toEqual(['', 'a', 'b']);
  session.destroy();
  await sandbox.close();
  await begin({ logFile });
  await ask(message('a'));
  expect(Object.fromEntries(sandbox.accepted)).toEqual({ a: 2, b: 1 });
});

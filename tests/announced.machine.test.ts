import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { publishToTopic } from '../src/alert/sns.ts';
import { hearAnswers, makeHearer } from '../src/announced.ts';
import { parseConfig } from '../src/config/config.ts';
import { resolveSecrets } from '../src/config/secrets.ts';
import type { Batch } from '../src/context.ts';
import { makeSdkSender } from '../src/fcm/sdk.ts';
import { makeSenders } from '../src/fcm/open.ts';
import type { Alert } from '../src/model/alert.ts';
import type { NewSignal } from '../src/model/signal.ts';
import { makeInvoker } from '../src/recurse.ts';
import { parseAnnounced } from '../src/rehearsal/fcm/announced.ts';
import { writeSandboxCredentials } from '../src/rehearsal/fcm/credentials.ts';
import { type FcmSandboxOptions, startFcmSandbox } from '../src/rehearsal/fcm/sandbox.ts';
import { redirectSdk } from '../src/rehearsal/fcm/sdk-redirect.ts';
import { makeTestClock } from './support/clock.ts';
import { listen } from './fcm/loopback.ts';

const never = new AbortController().signal;
const HEADERS = parseAnnounced('sunset=2026-12-31,deprecation=2026-06-30');

const batch: Batch = {
  ...{ collapseKey: 'baton-1', ttlSeconds: null, dryRun: false },
  content: { title: 'Hello', body: 'World', image: null, data: {}, options: {} },
  devices: [1, 2, 3].map((deviceId) => ({ deviceId, target: `target-${deviceId}`, targetKind: 'token' })),
};

const closers: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

function makeNotes() {
  const noted: NewSignal[] = [];
  const names = () => [...new Set(noted.map(({ source, name }) => `${source} ${name}`))].toSorted();
  return { noted, names, signals: { note: (signal: NewSignal) => void noted.push(signal) } };
}

async function startSandbox(options: FcmSandboxOptions = {}) {
  const sandbox = await startFcmSandbox(options);
  closers.push(() => sandbox.close());
  const folder = mkdtempSync(join(tmpdir(), 'baton-announced-'));
  closers.push(() => rmSync(folder, { recursive: true }));
  vi.stubEnv('GOOGLE_APPLICATION_CREDENTIALS', writeSandboxCredentials(folder, sandbox.tokenUrl));
  closers.push(() => vi.unstubAllEnvs());
  return sandbox;
}

/** AWS on loopback: every answer has this status and these headers. */
async function startAws(status: number, headers: Record<string, string>): Promise<void> {
  const server = createServer((request, response) => {
    request.resume().on('end', () => response.writeHead(status, headers).end('{}'));
  });
  closers.push(() => server.close());
  vi.stubEnv('AWS_ENDPOINT_URL', `http://127.0.0.1:${await listen(server)}`);
  vi.stubEnv('AWS_REGION', 'eu-central-1');
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'id');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'key');
  closers.push(
    () => vi.unstubAllEnvs(),
    () => server.closeAllConnections(),
  );
}

async function push(endpoint: string, signals: { note(signal: NewSignal): void }) {
  const own = { FCM_ENDPOINT: endpoint, FCM_PROJECT_ID: 'p', FCM_SOURCE: 'shop' };
  const config = parseConfig({ ...process.env, ...own });
  const senders = makeSenders(config, makeTestClock(), signals);
  closers.push(() => senders.close());
  return (await senders.of('shop')).send(batch, never);
}

test('what FCM and its token service announce is noted for the source, and every push goes out', async () => {
  const { endpoint } = await startSandbox({ headers: HEADERS });
  const { noted, names, signals } = makeNotes();
  const outcomes = await push(endpoint, signals);
  expect(outcomes.map(({ verdict }) => verdict)).toEqual(['delivered', 'delivered', 'delivered']);
  expect(names()).toEqual([
    'shop fcm:deprecation',
    'shop fcm:link',
    'shop fcm:sunset',
    'shop google-token:deprecation',
    'shop google-token:link',
    'shop google-token:sunset',
  ]);
  expect(noted.find(({ name }) => name === 'google-token:sunset')?.value).toBe(
    'Thu, 31 Dec 2026 00:00:00 GMT',
  );
  expect(noted.filter(({ name }) => name === 'fcm:deprecation')).toHaveLength(3);
});

test('refusals are read too', async () => {
  const { endpoint } = await startSandbox({ headers: HEADERS, faults: { unregistered: 1 } });
  const { names, signals } = makeNotes();
  await push(endpoint, signals);
  expect(names()).toContain('shop fcm:sunset');
});

test('answers without such headers, and links to other pages, are not noted', async () => {
  const { endpoint } = await startSandbox({
    headers: { link: '<https://a.example/>; rel="next"', age: '1' },
  });
  const { noted, signals } = makeNotes();
  await push(endpoint, signals);
  expect(noted).toEqual([]);
});

test('firebase-admin shows the headers of refusals, and of no other answer', async () => {
  const { endpoint } = await startSandbox({ headers: HEADERS, faults: { unregistered: 0.5 }, seed: 2 });
  const { names, noted, signals } = makeNotes();
  const restore = redirectSdk(endpoint);
  closers.push(restore);
  const sender = makeSdkSender({
    access: {
      credential: { getAccessToken: async () => ({ access_token: 't', expires_in: 3600 }) },
      projectId: 'p',
    },
    clock: makeTestClock(),
    onAnswer: makeHearer(signals, 'fcm', 'shop'),
  });
  closers.push(() => sender.close());
  const outcomes = await sender.send(batch, never);
  const refused = outcomes.filter(({ verdict }) => verdict === 'unregistered').length;
  expect([1, 2]).toContain(refused);
  expect(names()).toEqual(['shop fcm:deprecation', 'shop fcm:link', 'shop fcm:sunset']);
  expect(noted).toHaveLength(3 * refused);
});

test.each([202, 404])("an answer %i of Lambda's API is read", async (status) => {
  await startAws(status, { sunset: 'soon', warning: '299 - "old"' });
  const { names, signals } = makeNotes();
  const invoker = makeInvoker(signals);
  closers.push(() => invoker.close());
  await invoker.invoke('baton', { kind: 'scan' }).catch(() => {});
  expect(names()).toEqual([' lambda:sunset', ' lambda:warning']);
});

test('answers of Secrets Manager and of SNS are read', async () => {
  await startAws(200, { deprecation: '@1688169599' });
  const { names, signals } = makeNotes();
  const arn = 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:database';
  await resolveSecrets({ DATABASE_URL: arn }, makeHearer(signals, 'secrets-manager')).catch(() => {});
  const alert: Alert = {
    ...{ id: 'a', kind: 'radar', at: 0, stage: 'dev', source: '', announcementId: null },
    ...{ text: 'x', reason: null, balance: null, counts: null, next: 'y' },
  };
  await publishToTopic(signals, 'arn:aws:sns:eu-central-1:123456789012:alerts', alert);
  expect(names()).toEqual([' secrets-manager:deprecation', ' sns:deprecation']);
});

test('each caller hears its own answers, also over a connection that others have used', async () => {
  await startAws(202, { sunset: 'soon' });
  const { names, signals } = makeNotes();
  const [one, other] = [makeNotes(), makeNotes()];
  const invoker = makeInvoker(signals);
  closers.push(() => invoker.close());
  for (let round = 0; round < 3; round++) {
    await Promise.all(
      [one, other].map((notes, nth) =>
        hearAnswers(makeHearer(notes.signals, 'sns', `nth-${nth}`), () => fetchOverHttp()),
      ),
    );
  }
  expect(one.names()).toEqual(['nth-0 sns:sunset']);
  expect(other.names()).toEqual(['nth-1 sns:sunset']);
  expect(one.noted).toHaveLength(3);
  expect(names()).toEqual([]);
});

async function fetchOverHttp(): Promise<void> {
  const { get } = await import('node:http');
  await new Promise<void>((resolve, reject) => {
    get(process.env['AWS_ENDPOINT_URL'] ?? '', (response) => response.resume().on('end', resolve)).on(
      'error',
      reject,
    );
  });
}

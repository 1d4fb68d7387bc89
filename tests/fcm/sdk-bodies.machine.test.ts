import { once } from 'node:events';
import { createServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { makeSdkSender } from '../../src/fcm/sdk.ts';
import { redirectSdk } from '../../src/rehearsal/fcm/sdk-redirect.ts';
import { makeTestClock } from '../support/clock.ts';
import { draft } from '../support/context.ts';
import { MARK } from '../support/secret.ts';

const closers: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

/** A sender over firebase-admin to a server that gives every message this answer. */
async function begin(status: number, body: string) {
  const server = createServer((request, response) => {
    request.resume();
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(body);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(() => server.close());
  closers.push(redirectSdk(`http://127.0.0.1:${(server.address() as AddressInfo).port}`));
  const credential = { getAccessToken: async () => ({ access_token: 'a-token', expires_in: 3600 }) };
  const sender = makeSdkSender({ access: { credential, projectId: 'p' }, clock: makeTestClock() });
  closers.push(() => sender.close());
  const devices = [{ deviceId: 1, target: `${MARK}:APA91b-x`, targetKind: 'token' as const }];
  return sender.send({ ...draft, collapseKey: 'k', devices }, new AbortController().signal);
}

const LONG = `${MARK} was refused. `.repeat(100_000);
const JSON_ERROR = JSON.stringify({
  error: { message: LONG, status: LONG, details: [{ '@type': LONG, errorCode: LONG, reason: LONG }] },
});

test.each([
  ['JSON', 403, JSON_ERROR],
  ['no JSON', 400, LONG],
  ['deep JSON', 400, `{"error":${'['.repeat(300_000)}`],
  ['a name', 200, JSON.stringify({ name: LONG })],
])('of megabytes of %s that the SDK has read, an outcome keeps a few words', async (_, status, body) => {
  const [outcome] = await begin(status, body);
  expect(outcome?.verdict).toBe(status === 200 ? 'delivered' : 'misconfigured');
  expect(JSON.stringify(outcome).length).toBeLessThan(1000);
  expect(JSON.stringify(outcome)).not.toContain(MARK);
});

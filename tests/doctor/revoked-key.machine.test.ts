import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import http, { createServer } from 'node:http';
import https from 'node:https';
import { mkdir } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, expect, onTestFinished, test, vi } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { examine } from '../../src/doctor/examine.ts';
import { makeHandler, openServices } from '../../src/handler.ts';
import { writeSandboxCredentials } from '../../src/rehearsal/fcm/credentials.ts';
import { startFcmSandbox } from '../../src/rehearsal/fcm/sandbox.ts';
import { makeWorkplace, type Workplace } from '../support/baton.ts';
import { startReceiver } from '../support/receiver.ts';

const SECRET = `whsec_${Buffer.alloc(24, 5).toString('base64')}`;
const MAKE_A_KEY =
  /generate a new private key in the Firebase console|make a new one, and set FCM_CREDENTIALS/;

afterEach(() => {
  vi.restoreAllMocks();
});

/** What the doctor's job, made on a schedule, sends to a webhook. */
async function alertsOfJob(
  { env: own }: Workplace,
  more: Record<string, string>,
): Promise<{ type: string | undefined; text: string }[]> {
  const receiver = await startReceiver(SECRET);
  onTestFinished(() => receiver.close());
  const env = { ...own, ...more, ALERT_WEBHOOK_URL: receiver.url, ALERT_WEBHOOK_SECRET: SECRET };
  const handler = makeHandler(
    () => openServices(env, () => {}),
    () => examine({ env, functionName: null, fix: false, clock: systemClock }),
  );
  const invocation = {
    awsRequestId: 'r',
    invokedFunctionArn: 'arn',
    getRemainingTimeInMillis: () => 60_000,
  };
  expect(await handler({ kind: 'doctor' }, invocation)).toMatchObject({ kind: 'doctor', ok: false });
  // What stands is not said again.
  const { length } = receiver.received;
  await handler({ kind: 'doctor' }, invocation);
  expect(receiver.received).toHaveLength(length);
  return receiver.received.map(({ verified, body }) => ({ type: verified?.type, text: body }));
}

/** Google's client has the address of the token service as a constant: for this test it is one on loopback. */
async function answerTokens(status: number, reply: object): Promise<void> {
  const server = createServer((request, response) => {
    request.resume();
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(reply));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });
  const { port } = server.address() as AddressInfo;
  vi.spyOn(https, 'request').mockImplementation(((url: string, { method, headers }: http.RequestOptions) => {
    expect(new URL(url).host).toBe('oauth2.googleapis.com');
    return http.request(`http://127.0.0.1:${port}/token`, { method, headers });
  }) as typeof https.request);
}

test('a key that Google has revoked is named with the remedy, at a terminal and by an alert', async () => {
  await using here = await makeWorkplace();
  await (await here.openStore()).recordTick();
  await answerTokens(400, { error: 'invalid_grant', error_description: 'Invalid JWT Signature.' });
  const { privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  const account = {
    type: 'service_account',
    project_id: 'a-project',
    client_email: 'baton@a-project.iam.gserviceaccount.com',
    private_key: privateKey,
  };
  const revoked = { FCM_CREDENTIALS: JSON.stringify(account) };
  const { status, out } = await here.baton(['doctor'], revoked);
  expect(status).toBe(1);
  const line = out.split('\n').findIndex((each) => each.includes('FCM credentials (default)'));
  const said = out
    .split('\n')
    .slice(line, line + 2)
    .join('\n');
  expect(said).toMatch(/✗ FCM credentials \(default\) .*invalid_grant: Invalid JWT Signature/);
  expect(said).toMatch(MAKE_A_KEY);

  const alerts = await alertsOfJob(here, revoked);
  expect(alerts).toHaveLength(1);
  expect(alerts[0]?.type).toBe('check.doctor');
  expect(alerts[0]?.text).toContain('invalid_grant');
  expect(alerts[0]?.text).toMatch(MAKE_A_KEY);
  expect(JSON.stringify([out, alerts])).not.toContain(privateKey.slice(100, 140));
  const list = await here.baton(['list']);
  expect(list.out).toMatch(/^doctor: 1 red since .*invalid_grant/m);
});

test('an access token that FCM refuses is named with the remedy, at a terminal and by an alert', async () => {
  await using here = await makeWorkplace({ checksTokens: true });
  await (await here.openStore()).recordTick();
  const others = await startFcmSandbox();
  onTestFinished(() => others.close());
  const folder = join(here.folder, 'others');
  await mkdir(folder);
  const refused = { GOOGLE_APPLICATION_CREDENTIALS: writeSandboxCredentials(folder, others.tokenUrl) };
  const { status, out } = await here.baton(['doctor'], refused);
  expect(status).toBe(1);
  expect(out).toMatch(/✗ FCM send \(default\) .*HTTP_401/);
  expect(out).toMatch(MAKE_A_KEY);
  const alerts = await alertsOfJob(here, refused);
  expect(alerts.map(({ type }) => type)).toEqual(['check.doctor']);
  expect(alerts[0]?.text).toMatch(MAKE_A_KEY);
});

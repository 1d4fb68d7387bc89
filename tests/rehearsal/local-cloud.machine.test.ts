import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { openStore } from '../../src/db/open.ts';
import { type LocalCloudOptions, startLocalCloud } from '../../src/rehearsal/local-cloud.ts';
import { draft, madeUpDevices } from '../support/context.ts';
import { makeDatabase, type TestDatabase } from '../support/database.ts';

let folder: string;
let database: TestDatabase;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'baton-cloud-'));
  database = await makeDatabase('sqlite');
});
afterEach(async () => {
  await database.drop();
  await rm(folder, { recursive: true });
});

async function findFreePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports;
}

const options = ([lambdaPort = 0, port = 0, tokenPort = 0]: number[], env = {}): LocalCloudOptions => ({
  folder,
  fcm: { port, tokenPort },
  engine: {
    env: { DATABASE_URL: database.url, FCM_RAMP_SECONDS: '0', ...env },
    workers: 1,
    port: lambdaPort,
    ticks: false,
    onLog: () => {},
  },
});

test('an AWS client invokes the function on a fixed port, and the pushes go to the sandbox on another', async () => {
  const store = await openStore(database.config, systemClock);
  await store.addDevices(madeUpDevices(3));
  const announcementId = await store.createAnnouncement({ ...draft, source: 'shop' });
  const ports = await findFreePorts(3);
  const cloud = await startLocalCloud(
    options(ports, { FCM_CREDENTIALS_SHOP: 'real.json', FCM_PROJECT_ID_SHOP: 'a-real-project' }),
  );
  const client = new LambdaClient({
    endpoint: `http://127.0.0.1:${ports[0]}`,
    region: 'us-east-1',
    credentials: cloud.engine.lambda.credentials,
  });
  try {
    const Payload = JSON.stringify({ announcementId });
    const reply = await client.send(new InvokeCommand({ FunctionName: 'baton', Payload }));
    expect(reply.FunctionError).toBeUndefined();
    expect(cloud.sandbox.endpoint).toBe(`http://127.0.0.1:${ports[1]}`);
    expect(cloud.sandbox.tokenUrl).toBe(`http://127.0.0.1:${ports[2]}/token`);
    expect(cloud.sandbox.accepted.size).toBe(3);
    expect((await store.fetchAnnouncement(announcementId))?.status).toBe('done');
  } finally {
    client.destroy();
    await cloud.close();
    await store.close();
  }
});

test.each([
  ['Lambda', 0],
  ['FCM', 1],
  ['the token service', 2],
])('a port of %s that is in use is named in the error, and nothing is left running', async (_, nth) => {
  const ports = await findFreePorts(3);
  const other = createServer().listen(ports[nth], '127.0.0.1');
  await once(other, 'listening');
  await expect(startLocalCloud(options(ports))).rejects.toMatchObject({
    code: 'BAD_INPUT',
    message: expect.stringMatching(new RegExp(`port.*: expected a .*free.*, got ${ports[nth]}`)) as string,
  });
  await once(other.close(), 'close');
  await (await startLocalCloud(options(ports))).close();
});

import type { DatabaseConfig } from '../../src/config/config.ts';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import autocannon from 'autocannon';
import { systemClock } from '../../src/clock.ts';
import { migrateDatabase, openStore } from '../../src/db/open.ts';
import { writeSandboxCredentials } from '../../src/rehearsal/fcm/credentials.ts';
import { startFcmSandbox } from '../../src/rehearsal/fcm/sandbox.ts';
import { madeUpDevices } from '../support/context.ts';
import { API_TOKEN } from '../support/events.ts';
import { startMariaDb } from '../support/mariadb.ts';
import { serve } from './serve.ts';

const RATE = 500;
const SECONDS = 60;
const WARM_UP_SECONDS = 5;
const CONNECTIONS = 50;
const LATENCY_MS = 50;
const DEVICES = 1000;
const MAX_P99_MS = 250;

interface Route {
  readonly path: string;
  /** Of the nth request. */
  readonly body: (nth: number) => object;
}

const ROUTES: Readonly<Record<string, Route>> = {
  messages: {
    path: '/messages',
    body: (nth) => ({
      messages: [
        { deviceId: (nth % DEVICES) + 1, title: 'Ready', body: `Order ${nth}`, idempotencyKey: `k-${nth}` },
      ],
    }),
  },
  devices: { path: '/devices', body: (nth) => ({ target: `target-${nth}` }) },
};

/** `npm run bench -- api [ROUTE]`: the load that `baton serve` has to carry, from another process than its own. */
export async function benchApi(): Promise<void> {
  const route = ROUTES[process.argv[3] ?? 'messages'];
  if (!route) throw new Error(`expected one of ${Object.keys(ROUTES).join(', ')}, got ${process.argv[3]}`);
  const folder = await mkdtemp(join(tmpdir(), 'baton-bench-'));
  const sandbox = await startFcmSandbox({ latencyMs: LATENCY_MS });
  const server = await startMariaDb();
  const databases: DatabaseConfig[] = [{ kind: 'sqlite', file: join(folder, 'bench.db') }];
  if (server) databases.push({ kind: 'mysql', url: `${server.url}/mysql`, tls: { kind: 'off' } });
  for (const database of databases) {
    await migrateDatabase(database, systemClock);
    const store = await openStore(database, systemClock);
    await store.addDevices(madeUpDevices(DEVICES));
    await store.close();
    const serving = await serve({
      DATABASE_URL: database.kind === 'sqlite' ? database.file : database.url,
      FCM_ENDPOINT: sandbox.endpoint,
      FCM_PROJECT_ID: 'a-project',
      FCM_RAMP_SECONDS: '0',
      GOOGLE_APPLICATION_CREDENTIALS: writeSandboxCredentials(folder, sandbox.tokenUrl),
      API_TOKEN,
    });
    await shoot(serving.address, route, WARM_UP_SECONDS, 0);
    const before = serving.cpuSeconds();
    const acceptedBefore = sandbox.stats().accepted;
    const { requests, errors, timeouts, non2xx, latency } = await shoot(serving.address, route, SECONDS, 1e6);
    const cpuUs = ((serving.cpuSeconds() - before) * 1e6) / requests.total;
    // A reply may be well and its message not sent: FCM's own word counts.
    const accepted = sandbox.stats().accepted - acceptedBefore;
    const unsent = route.path === '/messages' ? Math.max(0, requests.total - accepted) : 0;
    const failed = errors + timeouts + non2xx + unsent;
    process.stdout.write(
      `${database.kind.padEnd(7)} POST ${route.path}: ${requests.total} requests, ${(requests.total / SECONDS).toFixed(0)}/s, ` +
        `${failed} failed, p50 ${latency.p50} ms, p99 ${latency.p99} ms, longest ${latency.max} ms, ` +
        `${cpuUs.toFixed(0)} us CPU each\n`,
    );
    if (failed > 0 || latency.p99 >= MAX_P99_MS || requests.total < 0.98 * RATE * SECONDS)
      process.exitCode = 1;
    await serving.stop();
  }
  await server?.stop();
  await sandbox.close();
  await rm(folder, { recursive: true });
}

function shoot(url: string, { path, body }: Route, duration: number, first: number) {
  let nth = first;
  return autocannon({
    url,
    duration,
    connections: CONNECTIONS,
    overallRate: RATE,
    // Its correction adds values below each that was measured, down to nothing, which are no request's.
    ignoreCoordinatedOmission: true,
    requests: [
      {
        method: 'POST',
        path,
        headers: { authorization: `Bearer ${API_TOKEN}`, 'content-type': 'application/json' },
        setupRequest: (request) => ({ ...request, body: JSON.stringify(body(nth++)) }),
      },
    ],
  });
}

import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'undici';
import { systemClock } from '../../src/clock.ts';
import type { DatabaseConfig } from '../../src/config/config.ts';
import { migrateDatabase, openStore } from '../../src/db/open.ts';
import { writeSandboxCredentials } from '../../src/rehearsal/fcm/credentials.ts';
import { startFcmSandbox } from '../../src/rehearsal/fcm/sandbox.ts';
import { API_TOKEN } from '../support/events.ts';
import { startMariaDb } from '../support/mariadb.ts';
import { countedOnce, receiptsTwice, sendToAll } from '../support/receipts.ts';
import { serve } from './serve.ts';

const RATE = 500;
const SECONDS = 60;
const CONNECTIONS = 50;
/** Requests of 1 to 10 receipts, each receipt twice: of each device that it was received, and that it was opened. */
const DEVICES = Math.floor((RATE * SECONDS * 5.5) / 4);

/**
 * `npm run bench -- receipts`: phones that report a broadcast to `baton serve`, 500 requests a second for a minute, from
 * another process than its own. The requests begin at their times, whatever the server does: a latency counts from then on.
 */
export async function benchReceipts(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'baton-bench-'));
  const sandbox = await startFcmSandbox({});
  const server = await startMariaDb();
  const databases: DatabaseConfig[] = [{ kind: 'sqlite', file: join(folder, 'bench.db') }];
  if (server) databases.push({ kind: 'mysql', url: `${server.url}/mysql`, tls: { kind: 'off' } });
  for (const database of databases) {
    await migrateDatabase(database, systemClock);
    const store = await openStore(database, systemClock);
    const { announcementId, targets } = await sendToAll(store, DEVICES);
    const serving = await serve({
      DATABASE_URL: database.kind === 'sqlite' ? database.file : database.url,
      FCM_ENDPOINT: sandbox.endpoint,
      FCM_PROJECT_ID: 'a-project',
      GOOGLE_APPLICATION_CREDENTIALS: writeSandboxCredentials(folder, sandbox.tokenUrl),
      CHECKS: 'none',
      RECEIPTS: 'on',
      API_TOKEN,
    });
    const bodies = receiptsTwice(announcementId, targets);
    const before = serving.cpuSeconds();
    const { failed, seconds, latencies } = await shoot(serving.address, bodies);
    const cpuUs = ((serving.cpuSeconds() - before) * 1e6) / bodies.length;
    const isRight = countedOnce(await store.fetchReceiptCounts([announcementId]), announcementId, DEVICES);
    const at = (share: number): string =>
      (latencies[Math.floor(share * (latencies.length - 1))] ?? 0).toFixed(0);
    const receipts = bodies.reduce((sum, each) => sum + each.receipts.length, 0);
    process.stdout.write(
      `${database.kind.padEnd(7)} POST /receipts: ${bodies.length} requests, ${(bodies.length / seconds).toFixed(0)}/s, ` +
        `${receipts} receipts, ${(receipts / seconds).toFixed(0)}/s, ${failed} failed, each counted ${isRight ? 'once' : 'WRONG'}, ` +
        `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, longest ${at(1)} ms, ${cpuUs.toFixed(0)} us CPU a request; ` +
        `load ${loadavg()[0]?.toFixed(1)} on ${availableParallelism()} cores\n`,
    );
    if (failed > 0 || !isRight) process.exitCode = 1;
    await serving.stop();
    await store.close();
  }
  await server?.stop();
  await sandbox.close();
  await rm(folder, { recursive: true });
}

async function shoot(address: string, bodies: readonly object[]) {
  const pool = new Pool(address, { connections: CONNECTIONS, pipelining: 1 });
  const latencies: number[] = [];
  let failed = 0;
  const send = async (body: object, dueAt: number): Promise<void> => {
    const { statusCode, body: reply } = await pool.request({
      method: 'POST',
      path: '/receipts',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    await reply.dump();
    if (statusCode !== 202) failed++;
    latencies.push(performance.now() - dueAt);
  };
  const startedAt = performance.now();
  const all: Promise<void>[] = [];
  for (const [nth, body] of bodies.entries()) {
    const dueAt = startedAt + (nth * 1000) / RATE;
    const early = dueAt - performance.now();
    if (early > 0) await sleep(early);
    all.push(send(body, dueAt).catch(() => void failed++));
  }
  await Promise.all(all);
  const seconds = (performance.now() - startedAt) / 1000;
  await pool.close();
  return { failed, seconds, latencies: latencies.toSorted((one, other) => one - other) };
}

import type { DatabaseConfig } from '../../src/config/config.ts';
import type { Hop } from '../../src/model/hop.ts';
import type { Store } from '../../src/store.ts';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Tally } from '../../src/broadcast/tally.ts';
import { systemClock } from '../../src/clock.ts';
import { migrateDatabase, openStore } from '../../src/db/open.ts';
import { countVerdicts, type Delivery } from '../../src/model/delivery.ts';
import { startMariaDb } from '../support/mariadb.ts';

const CHUNK = 500;
const CHUNKS = 200;
const WARM_UP = 20;

/** CPU time of this process for each recorded delivery; with SQLite, that includes the database's own. */
export async function benchLedger(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'baton-bench-'));
  const server = await startMariaDb();
  const configs: DatabaseConfig[] = [{ kind: 'sqlite', file: join(folder, 'bench.db') }];
  if (server) configs.push({ kind: 'mysql', url: `${server.url}/mysql`, tls: { kind: 'off' } });
  for (const config of configs) {
    await migrateDatabase(config, systemClock);
    const store = await openStore(config, systemClock);
    const hop = await claimHop(store);
    const tally = new Tally(hop, { guarantee: 'at-least-once' });
    const record = (nth: number) => {
      const chunk = makeChunk(nth);
      return store.recordDeliveries(hop, chunk, { batch: tally.makeBatch(chunk, countVerdicts(chunk), 0) });
    };
    for (let nth = 0; nth < WARM_UP; nth++) await record(nth);
    const before = process.cpuUsage();
    const startedAt = performance.now();
    for (let nth = WARM_UP; nth < WARM_UP + CHUNKS; nth++) await record(nth);
    const { user, system } = process.cpuUsage(before);
    const devices = CHUNK * CHUNKS;
    const wallUs = ((performance.now() - startedAt) * 1000) / devices;
    process.stdout.write(
      `${config.kind.padEnd(7)} ${((user + system) / devices).toFixed(1)} us CPU, ${wallUs.toFixed(1)} us of time per device\n`,
    );
    await store.close();
  }
  await server?.stop();
  await rm(folder, { recursive: true });
}

async function claimHop(store: Store): Promise<Hop> {
  const content = { title: 't', body: 'b', image: null, data: {}, options: {} };
  const announcementId = await store.createAnnouncement({
    ...{ source: 'default', guarantee: 'at-least-once', ttlSeconds: null, dryRun: false, lanes: 1, content },
  });
  const key = { announcementId, round: 0, fromId: 0 };
  await store.startAnnouncement(key, 60_000);
  const claim = await store.claimHop(key, 'bench', 60_000);
  if (claim.kind === 'claimed') return claim.hop;
  throw new Error(`expected a claimed hop, got ${claim.kind}`);
}

function makeChunk(nth: number): Delivery[] {
  return Array.from({ length: CHUNK }, (_, index) => ({
    deviceId: nth * CHUNK + index + 1,
    verdict: 'delivered',
    reason: null,
    messageName: `projects/a-project/messages/0:1763957000000%${(nth * CHUNK + index).toString(16)}`,
    retryInMs: null,
  }));
}

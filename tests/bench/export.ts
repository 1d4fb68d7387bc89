import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { prune } from '../../src/broadcast/prune.ts';
import { exportCommand } from '../../src/cli/export.ts';
import { systemClock } from '../../src/clock.ts';
import type { DatabaseConfig } from '../../src/config/config.ts';
import type { Driver } from '../../src/db/driver.ts';
import { migrateDatabase, openDriver } from '../../src/db/open.ts';
import { makeStore } from '../../src/db/store.ts';
import { startMariaDb } from '../support/mariadb.ts';
import { fillLedger } from './scale-ledger.ts';

const SIZE = Number(process.env['ROWS'] || 2_000_000);
const MAX_SECONDS = 60;
const PRUNE_MS = 30_000;
const HOUR_MS = 3_600_000;

/** Exports a broadcast of 2,000,000 deliveries by `baton export`, and measures the batches of `baton prune`. */
export async function benchExport(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'baton-bench-'));
  const server = await startMariaDb();
  const configs: (DatabaseConfig & { readonly address: string })[] = [
    { kind: 'sqlite', file: join(folder, 'bench.db'), address: join(folder, 'bench.db') },
  ];
  if (server) {
    const url = `${server.url}/mysql`;
    configs.push({ kind: 'mysql', url, tls: { kind: 'off' }, address: url });
  }
  try {
    for (const config of configs) {
      await migrateDatabase(config, systemClock);
      const driver = openDriver(config, systemClock);
      await fillLedger(driver, SIZE);
      for (const targets of [false, true]) await measureExport(config, targets);
      await measurePruning(config.kind, driver);
      await driver.close();
    }
  } finally {
    await server?.stop();
    await rm(folder, { recursive: true });
  }
}

async function measureExport(
  { kind, address }: DatabaseConfig & { readonly address: string },
  targets: boolean,
): Promise<void> {
  let bytes = 0;
  let lines = -1;
  let peak = 0;
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      for (let at = chunk.indexOf(10); at !== -1; at = chunk.indexOf(10, at + 1)) lines++;
      peak = Math.max(peak, process.memoryUsage().rss);
      done();
    },
  });
  const startedAt = performance.now();
  const cpu = process.cpuUsage();
  await exportCommand.run(
    { options: { verdict: [], targets }, operands: ['1'] },
    {
      env: { DATABASE_URL: address },
      folder: '/',
      out: () => {},
      write: (text) => new Promise((resolve) => sink.write(text, () => resolve())),
      err: () => {},
      live: false,
      width: () => 80,
      dialog: null,
      interrupted: () => new Promise(() => {}),
    },
  );
  const seconds = (performance.now() - startedAt) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  if (seconds > MAX_SECONDS || lines !== SIZE) process.exitCode = 1;
  print(
    `${kind} export${targets ? ' --targets' : ''}`,
    `${lines.toLocaleString('en')} lines in ${seconds.toFixed(1)} s`,
    `${((user + system) / 1e6).toFixed(1)} s CPU`,
    `${Math.round(bytes / 1e6)} MB`,
    `${Math.round(peak / 1e6)} MB of memory`,
  );
}

/** The time in the database of what `baton prune` does in half a minute. */
async function measurePruning(kind: string, driver: Driver): Promise<void> {
  const store = makeStore(driver);
  await store.moveAnnouncement(1, ['running'], 'cancelled', null);
  const ago = driver.dialect.plus(driver.dialect.now, -2 * HOUR_MS);
  await driver.run({
    sql: `UPDATE push_announcement SET finished_at = ${ago.sql} WHERE announcement_id = 1`,
    values: ago.values,
  });
  const batches: number[] = [];
  const startedAt = performance.now();
  const log = { info: () => {}, error: () => {} };
  const measured = {
    ...store,
    async pruneBatch(announcementId: number, limit: number) {
      const from = performance.now();
      const pruned = await store.pruneBatch(announcementId, limit);
      batches.push(performance.now() - from);
      return pruned;
    },
  };
  const options = { ageMs: HOUR_MS, actor: 'baton', forMs: PRUNE_MS } as const;
  const report = await prune({ store: measured, clock: systemClock, log }, options);
  const ms = performance.now() - startedAt;
  const sorted = batches.toSorted((one, other) => one - other);
  const work = batches.reduce((sum, each) => sum + each, 0);
  print(
    `${kind} prune`,
    `${report.deliveries.toLocaleString('en')} rows in ${(ms / 1000).toFixed(1)} s`,
    `a batch ${(sorted[Math.floor(sorted.length / 2)] ?? 0).toFixed(1)} ms`,
    `longest ${(sorted.at(-1) ?? 0).toFixed(1)} ms`,
    `${((100 * work) / ms).toFixed(1)}% of the time`,
  );
}

function print(name: string, ...cells: readonly string[]): void {
  process.stdout.write(`${name.padEnd(26)}${cells.join(', ')}\n`);
}

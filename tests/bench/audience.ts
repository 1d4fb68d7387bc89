import type { DatabaseConfig } from '../../src/config/config.ts';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runHop } from '../../src/broadcast/hop.ts';
import { systemClock } from '../../src/clock.ts';
import type { Driver } from '../../src/db/driver.ts';
import { migrateDatabase, openDriver } from '../../src/db/open.ts';
import { makeStore } from '../../src/db/store.ts';
import { firstJob } from '../../src/job.ts';
import type { DeviceFilter } from '../../src/model/filter.ts';
import { draft, makeContext } from '../support/context.ts';
import { startMariaDb } from '../support/mariadb.ts';

const DEVICES = 1_000_000;
/** What a broadcast to a hundredth of the devices may take at most, as a share of one to all. */
const MAX_TIME_SHARE = 0.05;
const MAX_HOPS_SHARE = 0.1;

/** Audiences of a hundredth of the devices, each found in another way. */
const AUDIENCES: Readonly<Record<string, DeviceFilter>> = {
  'tag, evenly': { tags: { plan: ['pro'] } },
  'locale, evenly': { locale: ['is'] },
  'test devices, at the end': { isTest: true },
  'members, evenly': { memberIds: Array.from({ length: 10_000 }, (_, nth) => `member-${100 * (nth + 1)}`) },
  'table of device ids': { view: 'push_audience_ids' },
  'table of members': { view: 'push_audience_members' },
  sample: { sample: '41-42%' },
  'platform and version': { platform: ['web'], appVersion: { from: '9' } },
};

interface Cost {
  readonly ms: number;
  readonly hops: number;
  readonly pushes: number;
}

/** Compares broadcasts to a hundredth of a million devices with one to all of them: time in the database, and hops. */
export async function benchAudience(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'baton-bench-'));
  // The devices fit into memory, as they do on a server for a million of them.
  const server = await startMariaDb(['--innodb-buffer-pool-size=1G']);
  try {
    await compare({ kind: 'sqlite', file: join(folder, 'bench.db') });
    if (server) await compare({ kind: 'mysql', url: `${server.url}/mysql`, tls: { kind: 'off' } });
  } finally {
    await server?.stop();
    await rm(folder, { recursive: true });
  }
}

async function compare(config: DatabaseConfig): Promise<void> {
  await migrateDatabase(config, systemClock);
  const driver = openDriver(config, systemClock);
  await fill(driver);
  const parts: [string, Cost][] = [];
  for (const [name, filter] of Object.entries(AUDIENCES)) {
    // The better of two, as other work on the machine may disturb one; of all devices, it disturbs a like share.
    const [one, two] = [await broadcast(driver, filter), await broadcast(driver, filter)];
    parts.push([name, one.ms < two.ms ? one : two]);
  }
  const all = await broadcast(driver, null);
  print(config.kind, 'all devices', all);
  for (const [name, cost] of parts) {
    const time = cost.ms / all.ms;
    const isBad = time > MAX_TIME_SHARE || cost.hops / all.hops > MAX_HOPS_SHARE;
    if (isBad) process.exitCode = 1;
    print(config.kind, name, cost, `${(100 * time).toFixed(1)}% of the time${isBad ? ': too much' : ''}`);
  }
  await driver.close();
}

/** A hundredth of the devices is of each audience. */
export async function fill(driver: Driver): Promise<void> {
  const isMysql = driver.dialect.name === 'mysql';
  const numbers = isMysql
    ? `seq_1_to_${DEVICES}`
    : `(WITH RECURSIVE numbers (seq) AS (
          SELECT 1 UNION ALL SELECT seq + 1 FROM numbers WHERE seq < ${DEVICES}) SELECT seq FROM numbers)`;
  const words = (text: string) => `CONCAT('${text}-', seq)`;
  await driver.runScript(
    `INSERT INTO push_device (device_id, target, member_id, platform, locale, time_zone, app_version, is_test, created_at)
     SELECT seq, ${words('dcL8hJ5kQ0m3:APA91bGz0123456789012345678901234567890123456789012345678901234567890123456789-target')},
       ${words('member')}, CASE WHEN seq % 10 = 3 THEN 'web' ELSE 'ios' END,
       CASE WHEN seq % 100 = 7 THEN 'is-IS' WHEN seq % 3 = 0 THEN 'de-DE' ELSE 'en' END, 'Europe/Berlin',
       CASE WHEN seq % 100 = 53 THEN '9.1' ELSE '8.12.0' END,
       CASE WHEN seq > ${DEVICES - DEVICES / 100} THEN 1 ELSE 0 END, ${driver.dialect.now.sql}
     FROM ${numbers}`,
  );
  await driver.runScript(
    `INSERT INTO push_tag (device_id, name, value)
     SELECT seq, 'plan', CASE WHEN seq % 100 = 11 THEN 'pro' ELSE 'free' END FROM ${numbers}`,
  );
  await driver.runScript('CREATE TABLE push_audience_ids (device_id BIGINT PRIMARY KEY)');
  await driver.runScript(
    `INSERT INTO push_audience_ids SELECT seq FROM ${numbers} AS all_ids WHERE seq % 100 = 13`,
  );
  await driver.runScript('CREATE TABLE push_audience_members (member_id VARCHAR(64) PRIMARY KEY)');
  await driver.runScript(
    `INSERT INTO push_audience_members SELECT ${words('member')} FROM ${numbers} AS all_ids WHERE seq % 100 = 17`,
  );
  if (isMysql) await driver.runScript('ANALYZE TABLE push_device, push_tag');
}

/** Runs all hops of a new announcement, one after the other; FCM answers at once. */
async function broadcast(driver: Driver, filter: DeviceFilter | null): Promise<Cost> {
  let ms = 0;
  const timed = <Args extends unknown[], T>(call: (...args: Args) => Promise<T>) => {
    return async (...args: Args): Promise<T> => {
      const startedAt = performance.now();
      try {
        return await call(...args);
      } finally {
        ms += performance.now() - startedAt;
      }
    };
  };
  const store = makeStore(
    {
      ...driver,
      all: timed((statement) => driver.all(statement)),
      run: timed((statement) => driver.run(statement)),
      runTogether: timed((...statements: Parameters<Driver['runTogether']>) =>
        driver.runTogether(...statements),
      ),
      tryOut: timed((statement) => driver.tryOut(statement)),
    },
    ['push_audience_*'],
  );
  const ctx = makeContext(store, {
    env: { PAGE_SIZE: '3000', BATCH_SIZE: '500', WINDOW: '1000', FCM_MESSAGES_PER_MINUTE: '1000000000' },
  });
  const announcementId = await store.createAnnouncement({ ...draft, filter });
  let hops = 0;
  for (
    let job: (typeof ctx.invoked)[number] | undefined = firstJob(announcementId);
    job?.kind === 'broadcast';
    job = ctx.invoked.shift()
  ) {
    await runHop(ctx, job);
    hops++;
  }
  const { status } = (await store.fetchAnnouncement(announcementId)) ?? {};
  if (status !== 'done') throw new Error(`the broadcast: expected done, got ${status}`);
  return { ms, hops, pushes: ctx.sent.length };
}

function print(kind: string, name: string, { ms, hops, pushes }: Cost, more = ''): void {
  const cells = [`${pushes.toLocaleString('en')} pushes`, `${hops} hops`, `${Math.round(ms)} ms`, more];
  process.stdout.write(
    `${kind.padEnd(8)}${name.padEnd(28)}${cells.map((cell) => cell.padStart(18)).join('')}\n`,
  );
}

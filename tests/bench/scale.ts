import type { DatabaseConfig } from '../../src/config/config.ts';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/clock.ts';
import type { Driver } from '../../src/db/driver.ts';
import { migrateDatabase, openDriver } from '../../src/db/open.ts';
import { startMariaDb } from '../support/mariadb.ts';
import { fillLedger, type Ledger, leaveToRetry } from './scale-ledger.ts';

const SIZES = [10_000, 2_000_000] as const;
/** Deliveries that FCM did not take: the same number in both ledgers, so that only the rest of the ledger differs. */
const AMOUNTS = { nothing: 0, few: 10, many: 5000 } as const;
const MAX_CALLS = 31;
/** A slow call is measured less often. */
const MAX_MS = 3000;
const MAX_RATIO = 1.5;
const PAGE = 3001;

interface Measure {
  readonly name: string;
  readonly left: keyof typeof AMOUNTS;
  readonly call: (ledger: Ledger) => Promise<unknown>;
  /** Called after each call, outside of its time: puts back what it changed. */
  readonly undo?: (ledger: Ledger) => Promise<unknown>;
  /** True: no ratio is expected. */
  readonly isUnbound?: boolean;
}

const retry = ({ key }: Ledger) => ({ ...key, round: 1 });

const MEASURES: readonly Measure[] = [
  ...(['nothing', 'few', 'many'] as const).flatMap((left): Measure[] => [
    { name: 'fetchRetryPage', left, call: (own) => own.store.fetchRetryPage(retry(own), null, PAGE) },
    {
      name: 'plantRound',
      left,
      call: ({ store, key }) => store.plantRound(key.announcementId, 1),
      undo: ({ driver }) => driver.runScript('DELETE FROM push_hop WHERE round = 1'),
    },
    {
      name: 'fetchMessageIds',
      left,
      call: (own) => own.store.fetchMessageIds({ ...retry(own), announcementId: 2 }, null, PAGE),
    },
    {
      name: 'settleRetries',
      left,
      call: ({ store, key }) => store.settleRetries(key.announcementId, 0),
      undo: ({ driver }) => leaveToRetry(driver, AMOUNTS[left]),
    },
  ]),
  {
    name: 'finishAnnouncement',
    left: 'nothing',
    call: ({ store, key }) => store.finishAnnouncement(key.announcementId, 0),
    undo: ({ store, key }) => store.moveAnnouncement(key.announcementId, ['done'], 'running', null),
  },
  { name: 'hasOpenHop', left: 'nothing', call: ({ store, key }) => store.hasOpenHop(key.announcementId) },
  { name: 'keepRetries', left: 'nothing', call: ({ store, key }) => store.keepRetries(key.announcementId) },
  { name: 'fetchStalled', left: 'nothing', call: ({ store }) => store.fetchStalled(100) },
  { name: 'fetchFinished', left: 'nothing', call: ({ store }) => store.fetchFinished(100) },
  { name: 'fetchDue', left: 'nothing', call: ({ store }) => store.fetchDue(100) },
  {
    name: 'countHops',
    left: 'nothing',
    call: ({ store, key }) => store.countHops(key.announcementId),
    isUnbound: true,
  },
  {
    name: 'countDeliveries',
    left: 'nothing',
    call: ({ store, key }) => store.countDeliveries(key.announcementId),
    isUnbound: true,
  },
];

/** Measures what the end of a broadcast, a retry round and a tick ask of the database, with a short ledger and a long one. */
export async function benchScale(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'baton-bench-'));
  const server = await startMariaDb();
  try {
    await compare('SQLite', async (size) => ({ kind: 'sqlite', file: join(folder, `${size}.db`) }));
    if (!server) return;
    await compare('MariaDB', async (size) => {
      const config = (name: string): DatabaseConfig => ({
        ...{ kind: 'mysql', url: `${server.url}/${name}`, tls: { kind: 'off' } },
      });
      const driver = openDriver(config('mysql'), systemClock);
      await driver.runScript(`CREATE DATABASE ledger_${size} CHARACTER SET utf8mb4`);
      await driver.close();
      return config(`ledger_${size}`);
    });
  } finally {
    await server?.stop();
    await rm(folder, { recursive: true });
  }
}

async function compare(name: string, make: (size: number) => Promise<DatabaseConfig>): Promise<void> {
  const drivers: Driver[] = [];
  const ledgers: Ledger[] = [];
  for (const size of SIZES) {
    const config = await make(size);
    await migrateDatabase(config, systemClock);
    const driver = openDriver(config, systemClock);
    drivers.push(driver);
    ledgers.push(await fillLedger(driver, size));
  }
  const head = [...SIZES.map((size) => `${size.toLocaleString('en')} rows`), 'ratio'];
  print(name, '', ...head);
  for (const left of Object.keys(AMOUNTS) as (keyof typeof AMOUNTS)[]) {
    for (const { driver } of ledgers) await leaveToRetry(driver, AMOUNTS[left]);
    for (const measure of MEASURES.filter((each) => each.left === left)) {
      const [one = Number.NaN, two = Number.NaN] = await measureBoth(measure, ledgers);
      const ratio = two / one;
      // Of a long ledger, many rows that are far from each other are on as many pages of the file.
      const isUnbound = measure.isUnbound === true || left === 'many';
      const isBad = !(ratio <= MAX_RATIO) && !isUnbound;
      if (isBad) process.exitCode = 1;
      const words = `${ratio.toFixed(2)}${isBad ? ` (expected at most ${MAX_RATIO})` : ''}`;
      print(measure.name, `${left} left`, `${one.toFixed(2)} ms`, `${two.toFixed(2)} ms`, words);
    }
  }
  for (const driver of drivers) await driver.close();
}

/** The median time of a call on each ledger, in turn, so that a busy moment of the machine meets both. */
async function measureBoth({ call, undo }: Measure, ledgers: readonly Ledger[]): Promise<number[]> {
  const times: number[][] = ledgers.map(() => []);
  const endsAt = performance.now() + MAX_MS;
  for (let nth = 0; nth < MAX_CALLS && (nth === 0 || performance.now() < endsAt); nth++) {
    for (const [index, ledger] of ledgers.entries()) {
      const startedAt = performance.now();
      await call(ledger);
      times[index]?.push(performance.now() - startedAt);
      await undo?.(ledger);
    }
  }
  return times.map(
    (each) => each.toSorted((one, two) => one - two)[Math.floor(each.length / 2)] ?? Number.NaN,
  );
}

function print(...[name = '', left = '', ...cells]: readonly string[]): void {
  const row = [name.padEnd(20), left.padEnd(14), ...cells.map((cell) => cell.padStart(16))];
  process.stdout.write(`${row.join('')}\n`);
}

import type { Store } from '../../src/store.ts';
import { chmodSync, existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { DEFAULT_FILE } from '../../src/config/variables/database.ts';
import { upsertDeliveries } from '../../src/db/ledger.ts';
import { migrateDatabase, openStore } from '../../src/db/open.ts';
import { keepRetries } from '../../src/db/retries.ts';
import { MAX_KEPT_LENGTH, openSqlite } from '../../src/db/sqlite.ts';
import type { Delivery } from '../../src/model/delivery.ts';
import { makeDatabase, type TestDatabase } from '../support/database.ts';
import { explain } from './plan.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await makeDatabase('sqlite');
});
afterAll(() => database.drop());

const planOf = async (call: (store: Store) => Promise<unknown>): Promise<string[]> =>
  (await explain(database.config, call)).map(({ detail }) => String(detail));

test('a page is a search of the primary key, and nothing is sorted', async () => {
  expect(await planOf((store) => store.fetchPage(1_900_000, null, 3001))).toEqual([
    'SEARCH push_device USING INTEGER PRIMARY KEY (rowid>?)',
  ]);
});

test("members' devices are counted by the index on them, and no row is read", async () => {
  const memberIds = Array.from({ length: 150 }, (_, nth) => `member-${nth}`);
  for (const some of [memberIds, memberIds.slice(0, 2)]) {
    const plan = await planOf((store) =>
      store.countAudience({ announcementId: 1, audience: 'devices', filter: { memberIds: some } }, 0),
    );
    expect(plan.filter((detail) => detail.includes('push_device'))).toEqual([
      'SEARCH push_device USING COVERING INDEX push_device_member (member_id=? AND unregistered_at=?)',
    ]);
  }
});

test('a page of messages and its ledger are searches of indexes, and nothing is sorted', async () => {
  const key = { announcementId: 1, round: 0, fromId: 1 };
  const retry = { ...key, round: 1 };
  const calls: readonly ((store: Store) => Promise<unknown>)[] = [
    (store) => store.fetchMessageIds(key, null, 3001),
    (store) => store.fetchMessageIds(retry, null, 3001),
    (store) => store.fetchMessages(key, 3000),
    (store) => store.fetchMessages(retry, 3000),
    (store) => store.fetchLedger(key, 3000),
    (store) => store.fetchRetryPage(retry, null, 3001),
    (store) => store.fetchVerdicts(1, 1, 3000),
  ];
  const plans = await Promise.all(calls.map(planOf));
  for (const detail of plans.flat()) {
    expect(detail).toMatch(
      /^(SEARCH|COMPOUND QUERY|LEFT-MOST SUBQUERY|UNION ALL|CORRELATED SCALAR SUBQUERY)/,
    );
  }
  for (const plan of plans) expect(plan.some((detail) => detail.startsWith('SEARCH'))).toBe(true);
  expect(plans.at(-1)).toEqual([
    'SEARCH push_delivery USING PRIMARY KEY (announcement_id=? AND message_id=? AND device_id>? AND device_id<?)',
  ]);
});

test('an id beyond 2^53 is refused, not rounded', async () => {
  const file = new DatabaseSync(database.url);
  file.exec("INSERT INTO push_device (device_id, target, created_at) VALUES (9007199254740993, 'far', 0)");
  file.close();
  const store = await openStore(database.config, systemClock);
  await expect(store.fetchPage(9_000_000_000_000_000, null, 10)).rejects.toMatchObject({ code: 'DATABASE' });
  await store.close();
});

test('the error about a file that cannot be opened names the variable, not the file', async () => {
  const opening = openStore({ kind: 'sqlite', file: '/nowhere/baton.db' }, systemClock);
  await expect(opening).rejects.toThrow('DATABASE_URL: the SQLite file cannot be opened: ENOENT');
});

test('a file that is no database is one clear error', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'baton-test-'));
  const file = join(folder, 'package.json');
  writeFileSync(file, '{"name": "shop"}'.repeat(100));
  const config = { kind: 'sqlite', file } as const;
  const message = 'DATABASE_URL: the SQLite file cannot be opened: ERR_SQLITE_ERROR: file is not a database';
  await expect(openStore(config, systemClock)).rejects.toThrow(message);
  await expect(migrateDatabase(config, systemClock)).rejects.toThrow(message);
  rmSync(folder, { recursive: true });
});

test('a store is not made by opening it, so that a mistyped path leaves no file behind', async () => {
  const file = join(tmpdir(), `${crypto.randomUUID()}.db`);
  await expect(openStore({ kind: 'sqlite', file }, systemClock)).rejects.toThrow(
    /^schema: expected version \d+, got 0: run `baton migrate`, because the file of DATABASE_URL does not exist yet$/,
  );
  expect(existsSync(file)).toBe(false);
});

test.each([
  { file: DEFAULT_FILE, mode: '644', after: '600' },
  { file: DEFAULT_FILE, mode: '640', after: '640' },
  { file: 'shop.db', mode: '644', after: '644' },
])('$file with the mode $mode has $after once it is open, and so have its further files', async (each) => {
  const folder = mkdtempSync(join(tmpdir(), 'baton-mode-'));
  const before = process.cwd();
  process.chdir(folder);
  onTestFinished(() => {
    process.chdir(before);
    rmSync(folder, { recursive: true });
  });
  const config = { kind: 'sqlite', file: each.file } as const;
  await migrateDatabase(config, systemClock);
  // A process that was killed leaves the further files behind.
  const first = await openStore(config, systemClock);
  await first.addDevices([{ target: 't', targetKind: 'token' }]);
  const files = ['', '-wal', '-shm'].map((end) => each.file + end);
  for (const file of files) chmodSync(file, each.mode);
  const second = await openStore(config, systemClock);
  expect(files.map((file) => (statSync(file).mode & 0o777).toString(8))).toEqual(files.map(() => each.after));
  await first.close();
  await second.close();
});

test('a large recording has few different statements, short enough to stay prepared', () => {
  const driver = openSqlite(':memory:', systemClock);
  onTestFinished(() => driver.close());
  const deliveries = Array.from({ length: 510 }, (_, nth): Delivery => ({
    ...{
      deviceId: nth + 1,
      verdict: 'retryable',
      reason: 'QUOTA_EXCEEDED',
      messageName: null,
      retryInMs: nth,
    },
  }));
  for (const statements of [
    upsertDeliveries(driver.dialect, { announcementId: 1, round: 0 }, deliveries),
    keepRetries(driver.dialect, 1, deliveries),
  ]) {
    const texts = [...new Set(statements.map((statement) => statement.sql))];
    expect(texts).toHaveLength(2);
    for (const text of texts) expect(text.length).toBeLessThanOrEqual(MAX_KEPT_LENGTH);
  }
});

import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { openStore } from '../../src/db/open.ts';
import { makeDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await makeDatabase('sqlite');
});
afterAll(() => database.drop());

test('a page is a search of the primary key, and nothing is sorted', () => {
  const file = new DatabaseSync(database.url);
  const plan = file
    .prepare(
      `EXPLAIN QUERY PLAN SELECT device_id, target FROM push_device
       WHERE device_id >= ? AND unregistered_at IS NULL ORDER BY device_id LIMIT ?`,
    )
    .all(1_900_000, 3001);
  file.close();
  expect(plan.map(({ detail }) => detail)).toEqual([
    'SEARCH push_device USING INTEGER PRIMARY KEY (rowid>?)',
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

test('a file that cannot be opened is named', async () => {
  const opening = openStore({ kind: 'sqlite', file: '/nowhere/baton.db' }, systemClock);
  await expect(opening).rejects.toThrow('DATABASE_URL: /nowhere/baton.db cannot be opened');
});

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

test('a page of messages and what the ledger has of it are searches of indexes, and nothing is sorted', () => {
  const file = new DatabaseSync(database.url);
  const plan = (sql: string) =>
    file
      .prepare(`EXPLAIN QUERY PLAN ${sql}`)
      .all()
      .map(({ detail }) => String(detail));
  const inRun = 'push_message.announcement_id = 1 AND push_message.message_id BETWEEN 1 AND 3000';
  const plans = [
    plan(`SELECT DISTINCT message_id FROM push_message WHERE announcement_id = 1 AND message_id >= 7
          ORDER BY message_id LIMIT 3001`),
    plan(`SELECT DISTINCT message_id FROM push_delivery WHERE announcement_id = 1 AND message_id >= 7
          AND (retry_at IS NOT NULL AND round < 1 OR verdict = 'misconfigured' AND round = 1)
          ORDER BY message_id LIMIT 3001`),
    plan(`SELECT title, target FROM push_message LEFT JOIN push_device
          ON push_device.device_id = push_message.device_id WHERE ${inRun} AND push_message.member_id IS NULL`),
    plan(`SELECT title, target FROM push_message LEFT JOIN push_device
          ON push_device.member_id = push_message.member_id WHERE ${inRun} AND push_message.device_id IS NULL`),
    plan(`SELECT verdict FROM push_message JOIN push_delivery
          ON push_delivery.announcement_id = push_message.announcement_id
          AND push_delivery.message_id = push_message.message_id WHERE ${inRun}`),
    plan(`SELECT verdict FROM push_delivery
          WHERE announcement_id = 1 AND message_id = 0 AND device_id BETWEEN 1 AND 3000`),
  ];
  file.close();
  for (const detail of plans.flat()) expect(detail).toMatch(/^SEARCH/);
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

test('a file that cannot be opened is named', async () => {
  const opening = openStore({ kind: 'sqlite', file: '/nowhere/baton.db' }, systemClock);
  await expect(opening).rejects.toThrow('DATABASE_URL: /nowhere/baton.db cannot be opened');
});

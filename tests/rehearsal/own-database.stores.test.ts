import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { migrateDatabase, openDriver, openStore } from '../../src/db/open.ts';
import { claimDatabase, refuseRealDatabase } from '../../src/rehearsal/own-database.ts';
import { createAnnouncements, seedDevices } from '../../src/rehearsal/seed.ts';
import type { Store } from '../../src/store.ts';
import { draft, madeUpDevices, toMember } from '../support/context.ts';
import { databaseKinds, makeDatabase, type TestDatabase } from '../support/database.ts';

const FRAME = { devices: 5, seed: 1, resume: false, audience: null };

describe.each(databaseKinds())('on %s', (kind) => {
  let database: TestDatabase;
  beforeEach(async () => {
    database = await makeDatabase(kind, { migrated: false });
  });
  afterEach(() => database.drop());

  const claim = (options = {}) => claimDatabase(database.config, systemClock, { ...FRAME, ...options });
  const execute = async (...scripts: readonly string[]): Promise<void> => {
    const driver = openDriver(database.config, systemClock);
    for (const script of scripts) await driver.runScript(script);
    await driver.close();
  };
  const withStore = async <T>(work: (store: Store) => Promise<T>): Promise<T> => {
    await migrateDatabase(database.config, systemClock);
    const store = await openStore(database.config, systemClock);
    const result = await work(store);
    await store.close();
    return result;
  };
  const hasTable = async (name: string): Promise<boolean> => {
    const driver = openDriver(database.config, systemClock);
    const isThere = await driver.hasTable(name);
    await driver.close();
    return isThere;
  };
  /** Makes the database a rehearsal's, with its devices and an announcement. */
  const rehearsed = async (options = {}): Promise<void> => {
    await claim(options);
    await withStore(async (store) => {
      await seedDevices(store, { ...FRAME, ...options });
      await createAnnouncements(store, { ...FRAME, announcements: 1, guarantee: 'at-least-once', lanes: 1 });
    });
  };

  test('an empty database is marked, with or without the tables of Baton', async () => {
    await claim();
    expect(await hasTable('push_rehearsal')).toBe(true);
    expect(await hasTable('push_migration')).toBe(false);
    await execute('DROP TABLE push_rehearsal');
    await migrateDatabase(database.config, systemClock);
    await claim();
    expect(await hasTable('push_rehearsal')).toBe(true);
  });

  const due = Date.now() - 1000;
  const message = {
    source: 'default',
    recipient: toMember('anna'),
    ttlSeconds: null,
    content: draft.content,
  };
  /** Each adds a real row to a table. */
  const realRows: readonly (readonly [string, (store: Store) => Promise<unknown>])[] = [
    ['push_message', (store) => store.addMessages([{ ...message, messageKey: 'a' }], due)],
    ['push_device', (store) => store.addDevices(madeUpDevices(2))],
    [
      'push_announcement',
      async (store) => store.scheduleAnnouncement(await store.createAnnouncement(draft), due),
    ],
  ];
  const mustRefuse = async (tables: readonly string[]): Promise<void> => {
    const got = `got one with rows in ${tables.toSorted().join(', ')} that no rehearsal made`;
    const real = database.config;
    await expect(claim()).rejects.toThrow(
      `--database: expected an empty database, or one that a rehearsal made, ${got}`,
    );
    await expect(claim({ resume: true })).rejects.toThrow(got);
    await expect(refuseRealDatabase(real, systemClock, { force: false })).rejects.toThrow(got);
    await refuseRealDatabase(real, systemClock, { force: true });
  };

  test('one with a row in any table of Baton is refused, and is not marked', async () => {
    const tables: string[] = [];
    for (const [table, add] of [['push_tick', (store: Store) => store.recordTick()] as const, ...realRows]) {
      await withStore(add);
      tables.push(table);
      // An announcement is also in the audit.
      if (table === 'push_announcement') tables.push('push_audit');
      await mustRefuse(tables);
    }
    expect(await hasTable('push_rehearsal')).toBe(false);
  });

  test('a marked database is refused as soon as it has a real row that a rehearsal would send or change', async () => {
    await rehearsed();
    const tables: string[] = [];
    for (const [table, add] of realRows) {
      await withStore(add);
      tables.push(table);
      await mustRefuse(tables);
    }
  });

  test.each([
    ['table', 'CREATE TABLE customers (customer_id INTEGER)'],
    ['view', 'CREATE VIEW push_device AS SELECT 1 AS device_id'],
  ])('one with another %s is refused, although it has no row', async (_, script) => {
    await execute(script);
    await expect(claim()).rejects.toThrow(/got one with the table (customers|push_device)$/);
    expect(await hasTable('push_rehearsal')).toBe(false);
  });

  test('the database of an earlier rehearsal is accepted again, and resumed only with its mark', async () => {
    await expect(claim({ resume: true })).rejects.toThrow('--resume: expected a database with an unfinished');
    expect(await hasTable('push_rehearsal')).toBe(false);
    await rehearsed();
    await claim();
    await claim({ resume: true });
    await refuseRealDatabase(database.config, systemClock, { force: false });
  });

  test('made-up devices of another seed, or too many, are refused before any is added', async () => {
    await rehearsed();
    await expect(claim({ seed: 2 })).rejects.toThrow(
      'expected one that is empty, or has only these 5 devices of seed 2, got one with 5, 5 of them of another seed',
    );
    await expect(claim({ devices: 3 })).rejects.toThrow('got one with 5, 0 of them of another seed');
    await claim({ devices: 7 });
  });
});

describe('an SQLite file', () => {
  let database: TestDatabase;
  beforeEach(async () => {
    database = await makeDatabase('sqlite', { migrated: false });
  });
  afterEach(() => database.drop());
  const claim = (options = {}) => claimDatabase(database.config, systemClock, { ...FRAME, ...options });

  test('that does not exist yet is made, but not to resume', async () => {
    await expect(claim({ resume: true })).rejects.toThrow('--resume: expected');
    expect(existsSync(database.url)).toBe(false);
    await claim();
    expect(existsSync(database.url)).toBe(true);
  });

  test('of another program keeps every byte', async () => {
    const { DatabaseSync } = await import('node:sqlite');
    const file = new DatabaseSync(database.url);
    file.exec('CREATE TABLE customers (customer_id INTEGER)');
    file.close();
    const bytes = readFileSync(database.url);
    await expect(claim()).rejects.toThrow('got one with the table customers');
    expect(readFileSync(database.url).equals(bytes)).toBe(true);
  });

  test('that is no database at all is an error, and keeps its text', async () => {
    writeFileSync(database.url, 'token\n'.repeat(1000));
    await expect(claim()).rejects.toThrow('the SQLite file cannot be read: file is not a database');
    expect(readFileSync(database.url, 'utf8')).toBe('token\n'.repeat(1000));
  });
});

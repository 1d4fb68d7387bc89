import type { Driver, Row } from '../../src/db/driver.ts';
import { readFileSync } from 'node:fs';
import { describe, expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { migrateDatabase, openStore } from '../../src/db/open.ts';
import { sql } from '../../src/db/sql.ts';
import { databaseKinds, type DatabaseKind, type TestDatabase } from '../support/database.ts';
import { fetchAllRows, makeOldDatabase } from './old-release.ts';

const folder = new URL('../../src/db/migrations/', import.meta.url);

async function openOld(kind: DatabaseKind): Promise<{ database: TestDatabase; driver: Driver }> {
  const old = await makeOldDatabase(kind);
  onTestFinished(async () => {
    await old.driver.close();
    await old.database.drop();
  });
  return old;
}

const LATER = [
  ...['002-guarantee', '003-snapshot', '004-retry', '005-spread', '006-summary', '007-alert'],
  '008-aim',
  '009-notice',
];

/** The tables after `002-guarantee`. */
function renamedRows(tables: Readonly<Record<string, Row[]>>): Record<string, Row[]> {
  const announcements = (tables['push_announcement'] ?? []).map(({ promise, ...row }) => ({
    ...row,
    guarantee: promise,
  }));
  return { ...tables, push_announcement: announcements };
}

/** The tables after an upgrade, if nothing was lost. */
function upgradedRows(tables: Readonly<Record<string, Row[]>>): Record<string, Row[]> {
  const hops = (tables['push_hop'] ?? []).map((row) => ({
    ...row,
    retries_kept: 0,
    ...{ claimed_at: null, opened_at: null, woken: 0, taken_over: 0, given_back: 0, back_reason: null },
    ...{ devices: null, delivered: 0, unregistered: 0, rejected: 0, retryable: 0, unknown: 0 },
    ...{ misconfigured: 0, unsent: 0, batches: 0, work: null, late_reasons: null },
  }));
  const budgets = (tables['push_budget'] ?? []).map((row) => ({ ...row, spread_until: null, answer_ms: 0 }));
  const renamed = renamedRows(tables);
  const announcements = (renamed['push_announcement'] ?? []).map((row) => ({
    ...row,
    ...{ filter: null, locales: null, template: null, expected_audience: null, approved_by: null },
    ...{ local_time: null, repeat_at: null, repeat_zone: null, part_of: null },
  }));
  const devices = (tables['push_device'] ?? []).map((row) => ({
    ...row,
    ...{ platform: null, locale: null, time_zone: null, app_version: null, last_seen_at: null, is_test: 0 },
    is_canary: 0,
  }));
  const messages = (tables['push_message'] ?? []).map((row) => ({
    ...row,
    ...{ template: null, variables: null, topic: null, topic_condition: null, test_of: null },
  }));
  return {
    ...renamed,
    ...{ push_announcement: announcements, push_device: devices, push_message: messages },
    ...{ push_hop: hops, push_budget: budgets },
  };
}

describe.each(databaseKinds())('a database of the release before (%s)', (kind) => {
  test.each([
    '001-broadcast',
    '002-guarantee',
    '003-snapshot',
    '004-retry',
    '005-spread',
    '006-summary',
    '007-alert',
    '008-aim',
  ])('has the schema that was released: the migration file %s has not changed', (name) => {
    const released = new URL(`../fixtures/schema/${name}.${kind}.sql`, import.meta.url);
    const current = new URL(`${kind}/${name}.sql`, folder);
    expect(readFileSync(current, 'utf8')).toBe(readFileSync(released, 'utf8'));
  });

  test('is refused until it is upgraded, and the upgrade loses nothing, also when it runs twice', async () => {
    const { database, driver } = await openOld(kind);
    const before = await fetchAllRows(driver);
    expect(Object.values(before).every((rows) => rows.length > 0)).toBe(true);
    await expect(openStore(database.config, systemClock)).rejects.toThrow(
      'schema: expected version 9, got 1: run `baton migrate`',
    );

    expect(await migrateDatabase(database.config, systemClock)).toEqual(LATER);
    expect(await fetchAllRows(driver)).toEqual(upgradedRows(before));
    expect(await migrateDatabase(database.config, systemClock)).toEqual([]);
    expect(await fetchAllRows(driver)).toEqual(upgradedRows(before));
    expect(await driver.all(sql`SELECT * FROM push_migration ORDER BY version`)).toEqual([
      { version: 1, name: '001-broadcast' },
      { version: 2, name: '002-guarantee' },
      { version: 3, name: '003-snapshot' },
      { version: 4, name: '004-retry' },
      { version: 5, name: '005-spread' },
      { version: 6, name: '006-summary' },
      { version: 7, name: '007-alert' },
      { version: 8, name: '008-aim' },
      { version: 9, name: '009-notice' },
    ]);
  });

  test('has new rows at least once by default after the upgrade, as before', async () => {
    const { database, driver } = await openOld(kind);
    await migrateDatabase(database.config, systemClock);
    await driver.run(
      sql`INSERT INTO push_announcement (title, body, created_at) VALUES ('t', 'b', ${driver.dialect.now})`,
    );
    const store = await openStore(database.config, systemClock);
    const [latest] = await store.fetchLatest(1);
    expect(await store.fetchAnnouncement(latest?.announcementId ?? 0)).toMatchObject({
      guarantee: 'at-least-once',
    });
    await store.close();
  });

  test('goes on after the upgrade where it stopped', async () => {
    const { database } = await openOld(kind);
    await migrateDatabase(database.config, systemClock);
    const store = await openStore(database.config, systemClock);

    expect(await store.fetchAnnouncement(1)).toMatchObject({
      ...{ status: 'running', guarantee: 'at-most-once', source: 'shop', ttlSeconds: 3600, lanes: 2 },
      ...{ acceptUnregistered: true, content: { data: { a: 'b' }, options: { badge: 1 } } },
    });
    expect(await store.fetchAnnouncement(2)).toMatchObject({
      ...{ audience: 'messages', guarantee: 'at-least-once', status: 'scheduled' },
    });
    expect(await store.fetchAnnouncement(3)).toMatchObject({ guarantee: 'at-most-once', status: 'failed' });

    expect(await store.countDeliveries(1)).toEqual({
      ...{
        delivered: 1,
        unregistered: 0,
        rejected: 0,
        retryable: 1,
        misconfigured: 1,
        unknown: 1,
        unsent: 0,
      },
    });
    const stalled = { announcementId: 1, round: 0, fromId: 0 };
    expect(await store.fetchStalled(10)).toEqual([stalled]);
    const claim = await store.claimHop(stalled, 'next', 60_000);
    expect(claim).toMatchObject({
      kind: 'claimed',
      hop: { claims: 2, toId: 3, page: { lastId: 2, nextId: 3 }, handedOver: true },
    });
    if (claim.kind === 'claimed') expect(await store.closeHop(claim.hop)).toBe(true);
    await store.keepRetries(1);
    // What an earlier release left over is recorded as `misconfigured`: a repeat of its round sends it first.
    const repeat = await store.fetchRetryPage(stalled, null, 10);
    expect(repeat.map(({ deviceId }) => deviceId)).toEqual([2]);
    const retries = await store.fetchRetryPage({ ...stalled, round: 1 }, null, 10);
    expect(retries.map(({ deviceId }) => deviceId)).toEqual([3]);

    expect(await store.countUnregistered()).toEqual([{ announcementId: 1, devices: 1 }]);
    expect(await store.fetchMessages({ announcementId: 2, round: 0, fromId: 0 }, 10)).toMatchObject([
      { messageId: 1, ttlSeconds: 60, devices: [{ deviceId: 1, target: 'Target-1' }] },
    ]);
    expect(await store.fetchBudget('shop', 1)).toMatchObject({ version: 7, urgentMs: 250, brakes: 2 });
    expect(await store.fetchTickAgeMs()).toBeGreaterThanOrEqual(30_000);
    await store.close();
  });
});

describe.each(databaseKinds())('snapshots in a database of the release before (%s)', (kind) => {
  test('are taken of what starts after the upgrade; what runs already is sent as its row says', async () => {
    const { database, driver } = await openOld(kind);
    await migrateDatabase(database.config, systemClock);
    const store = await openStore(database.config, systemClock);
    expect(await store.startAnnouncement({ announcementId: 2, round: 0, fromId: 0 }, 60_000)).toBe(true);
    await driver.run(sql`UPDATE push_announcement SET title = 'Edited'`);
    expect(await store.fetchAnnouncement(1)).toMatchObject({ content: { title: 'Edited' }, edited: [] });
    expect(await store.fetchAnnouncement(2)).toMatchObject({ content: { title: '' }, edited: ['title'] });
    await store.close();
  });
});

describe.skipIf(!databaseKinds().includes('mysql'))('an upgrade on MySQL', () => {
  test('that was cut off after the rename, before it was recorded, is completed by the next one', async () => {
    const { database, driver } = await openOld('mysql');
    const before = await fetchAllRows(driver);
    await driver.runScript(readFileSync(new URL('mysql/002-guarantee.sql', folder), 'utf8'));
    expect(await fetchAllRows(driver)).toEqual(renamedRows(before));
    await expect(openStore(database.config, systemClock)).rejects.toThrow('got 1');

    expect(await migrateDatabase(database.config, systemClock)).toEqual(LATER);
    expect(await fetchAllRows(driver)).toEqual(upgradedRows(before));
    expect(await migrateDatabase(database.config, systemClock)).toEqual([]);
  });

  test('that was cut off after new columns, before they were recorded, is completed by the next one', async () => {
    const { database, driver } = await openOld('mysql');
    const before = await fetchAllRows(driver);
    for (const name of LATER) {
      await driver.runScript(readFileSync(new URL(`mysql/${name}.sql`, folder), 'utf8'));
    }
    expect(await migrateDatabase(database.config, systemClock)).toEqual(LATER);
    expect(await fetchAllRows(driver)).toEqual(upgradedRows(before));
  });

  test('leaves a view of the team as it is, and the table under it; the team renames its column', async () => {
    const { database, driver } = await openOld('mysql');
    await driver.run(sql`RENAME TABLE push_announcement TO notifications`);
    await driver.run(sql`CREATE VIEW push_announcement AS SELECT * FROM notifications`);
    const before = await fetchAllRows(driver);
    const showView = sql`SHOW CREATE VIEW push_announcement`;
    const view = await driver.all(showView);

    expect(await migrateDatabase(database.config, systemClock)).toEqual(LATER);
    expect(await driver.all(showView)).toEqual(view);
    expect((await fetchAllRows(driver))['push_announcement']).toEqual(before['push_announcement']);
    expect(await migrateDatabase(database.config, systemClock)).toEqual([]);

    const store = await openStore(database.config, systemClock);
    await expect(store.fetchAnnouncement(1)).rejects.toThrow(/guarantee/);
    await driver.run(sql`ALTER TABLE notifications RENAME COLUMN promise TO guarantee`);
    await driver.run(sql`CREATE OR REPLACE VIEW push_announcement AS SELECT * FROM notifications`);
    const { push_announcement: unchanged } = renamedRows(before);
    expect(await fetchAllRows(driver)).toEqual({ ...upgradedRows(before), push_announcement: unchanged });
    // What the view lacks reads as if nothing was said.
    expect(await store.fetchAnnouncement(1)).toMatchObject({
      ...{ guarantee: 'at-most-once', status: 'running', filter: null, locales: null, repeat: null },
    });
    expect(await store.moveAnnouncement(1, ['running'], 'paused', null)).toBe(true);
    await store.close();
  });
});

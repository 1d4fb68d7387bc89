import { type Connection, createConnection, type RowDataPacket } from 'mysql2/promise';
import { describe, expect, test } from 'vitest';
import { runHop } from '../../src/broadcast/hop.ts';
import { systemClock } from '../../src/clock.ts';
import { OPTIONAL_COLUMNS } from '../../src/db/optional.ts';
import { migrateDatabase, openStore } from '../../src/db/open.ts';
import { TRAIT_COLUMNS } from '../../src/model/traits.ts';
import { scan } from '../../src/broadcast/scan.ts';
import { delivered, draft, makeContext, outcome } from '../support/context.ts';
import { databaseKinds, makeDatabase, type TestDatabase } from '../support/database.ts';
import { readStatements } from '../support/statements.ts';

const OLD_TABLES = `
CREATE TABLE notifications (
  id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, title VARCHAR(100) NOT NULL, message TEXT NOT NULL,
  picture VARCHAR(255) NULL, extra TEXT NOT NULL DEFAULT ('{}'), publish_date DATETIME NULL,
  created DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP);
CREATE TABLE devices (
  id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, user_id INT NOT NULL DEFAULT 0, fcm_token VARCHAR(255) NULL,
  created DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP);
INSERT INTO notifications (title, message, publish_date) VALUES ('Long ago', 'An old one', '2020-01-01 00:00:00');
INSERT INTO devices (fcm_token) VALUES ('a'), (NULL), ('b'), ('c');`;

const OPTIONAL = { push_announcement: OPTIONAL_COLUMNS, push_device: TRAIT_COLUMNS };

const [withViews = '', withOptional = ''] = readStatements('docs/aws.md');
const [upgrade = ''] = readStatements('docs/operations.md');

describe.runIf(databaseKinds().includes('mysql'))('a team with tables of its own', () => {
  test('broadcasts through views over them', async () => {
    await withTables(async (connection, database) => {
      await connection.query(withViews);
      await migrateDatabase(database.config, systemClock);
      await expectBatonsColumns(connection, database, OPTIONAL);
      const store = await openStore(database.config, systemClock);
      const answer = ({ target }: { target: string }) =>
        target === 'c' ? outcome('unregistered', 'UNREGISTERED') : delivered;
      const ctx = makeContext(store, { answer });

      await scan(ctx);
      expect(ctx.invoked).toEqual([]);
      await connection.query(
        `INSERT INTO notifications (title, message, status, publish_date) VALUES ('New', 'One', 'scheduled', UTC_TIMESTAMP())`,
      );
      await scan(ctx);
      expect(ctx.invoked).toEqual([{ kind: 'broadcast', announcementId: 2, round: 0, fromId: 0 }]);
      await runHop(ctx, { kind: 'broadcast', announcementId: 2, round: 0, fromId: 0 });
      expect(ctx.sent).toEqual(['a', 'b', 'c']);
      const [rows] = await connection.query('SELECT status FROM notifications ORDER BY id');
      expect(rows).toEqual([{ status: 'draft' }, { status: 'done' }]);

      const [gone] = await connection.query('SELECT fcm_token FROM devices WHERE unregistered_by = 2');
      expect(gone).toEqual([{ fcm_token: 'c' }]);

      // Baton's own commands write through the views too.
      expect(await store.createAnnouncement(draft)).toBe(3);
      expect(await store.addDevices([{ target: 'd', targetKind: 'fid' }])).toBe(1);
      // What the views lack is not known, and cannot be written.
      const deviceId = await store.registerDevice({ target: 'e', targetKind: 'fid', tags: { plan: 'pro' } });
      expect(await store.fetchPage(deviceId, null, 1, { withTraits: true })).toMatchObject([
        { target: 'e', locale: null, lastSeenAt: null },
      ]);
      const withLocale = { target: 'f', targetKind: 'fid', locale: 'de' } as const;
      await expect(store.registerDevice(withLocale)).rejects.toThrow(
        'push_device.locale: expected a column, got a view without it: create the view again with this column',
      );
      await expect(store.createAnnouncement({ ...draft, template: 'liquid' })).rejects.toThrow(
        'push_announcement.template: expected a column',
      );
      await store.close();
    });
  });

  test('adds the optional columns to its views, and aims', async () => {
    await withTables(async (connection, database) => {
      await connection.query(withViews);
      await migrateDatabase(database.config, systemClock);
      await connection.query(withOptional);
      await expectBatonsColumns(connection, database);
      const store = await openStore(database.config, systemClock);
      const traits = {
        ...{ locale: 'de-CH', timeZone: 'Europe/Zurich', appVersion: '4.12.0' },
        lastSeenAt: Date.UTC(2026, 10, 1),
      } as const;
      const device = { target: 'd', targetKind: 'fid', isTest: true, ...traits } as const;
      const deviceId = await store.registerDevice({ ...device, tags: { plan: 'pro' } });
      await store.addDevices([{ ...device, target: 'e', platform: 'web' }]);
      expect(await store.findDevices({ kind: 'id', deviceId }, 1)).toMatchObject([
        { ...traits, isTest: true, tags: { plan: 'pro' } },
      ]);
      expect(await store.fetchPage(deviceId, null, 2, { withTraits: true })).toMatchObject([
        { target: 'd', ...traits, platform: null },
        { target: 'e', ...traits, platform: 'web' },
      ]);
      expect(await store.countTraits(5)).toMatchObject({ test: 2, withTimeZone: 2 });
      expect(await store.removeDevice('d')).toBe(true);
      const announcementId = await store.createAnnouncement({ ...draft, expectedAudience: 3 });
      expect(await store.fetchAnnouncement(announcementId)).toMatchObject({ expectedAudience: 3 });
      await store.close();
    });
  });

  test('upgrades views that have the column promise', async () => {
    await withTables(async (connection, database) => {
      // The statements of the release before `guarantee`.
      await connection.query(withViews.replaceAll('guarantee', 'promise'));
      await migrateDatabase(database.config, systemClock);
      await connection.query(upgrade);
      await expectBatonsColumns(connection, database, OPTIONAL);

      const store = await openStore(database.config, systemClock);
      const announcementId = await store.createAnnouncement({ ...draft, guarantee: 'at-most-once' });
      expect(await store.fetchAnnouncement(announcementId)).toMatchObject({ guarantee: 'at-most-once' });
      await store.close();
      const [rows] = await connection.query('SELECT promise FROM notifications ORDER BY id');
      expect(rows).toEqual([{ promise: 'at-least-once' }, { promise: 'at-most-once' }]);
    });
  });
});

async function withTables(
  work: (connection: Connection, database: TestDatabase) => Promise<void>,
): Promise<void> {
  const database = await makeDatabase('mysql', { migrated: false });
  const connection = await createConnection({ uri: database.url, multipleStatements: true });
  try {
    await connection.query(OLD_TABLES);
    await work(connection, database);
  } finally {
    await connection.end();
    await database.drop();
  }
}

/** The views have the same columns as the tables that Baton makes, but for those that they lack. */
async function expectBatonsColumns(
  connection: Connection,
  database: TestDatabase,
  lacks: Readonly<Record<'push_announcement' | 'push_device', readonly string[]>> = {
    push_announcement: [],
    push_device: [],
  },
): Promise<void> {
  const own = await makeDatabase('mysql');
  for (const table of ['push_announcement', 'push_device'] as const) {
    const ofView = await columnsOf(connection, database, table);
    expect([...ofView, ...lacks[table]].toSorted()).toEqual(
      (await columnsOf(connection, own, table)).toSorted(),
    );
  }
  await own.drop();
}

async function columnsOf(connection: Connection, { url }: TestDatabase, table: string): Promise<string[]> {
  const [rows] = await connection.query<RowDataPacket[]>(
    `SELECT column_name AS name FROM information_schema.columns
     WHERE table_schema = ? AND table_name = ? ORDER BY column_name`,
    [new URL(url).pathname.slice(1), table],
  );
  return rows.map((row) => String(row['name']));
}

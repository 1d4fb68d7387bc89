import type { DatabaseConfig } from '../../src/config/config.ts';
import type { Store } from '../../src/store.ts';
import { isTransient } from '../../src/transient.ts';
import { createConnection, type RowDataPacket } from 'mysql2/promise';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { runHop } from '../../src/broadcast/hop.ts';
import { systemClock } from '../../src/clock.ts';
import type { Driver } from '../../src/db/driver.ts';
import { SQL_MODE } from '../../src/db/mysql-session.ts';
import { migrateDatabase, openDriver, openStore } from '../../src/db/open.ts';
import { sql } from '../../src/db/sql.ts';
import { makeStore } from '../../src/db/store.ts';
import { sendMessages } from '../../src/messages/send.ts';
import { checkSession } from '../../src/doctor/database-session.ts';
import { batonHere } from '../support/baton.ts';
import { draft, makeContext, toDevice } from '../support/context.ts';
import { databaseKinds } from '../support/database.ts';
import { type MariaDb, startMariaDb } from '../support/mariadb.ts';
import { HOSTILE, longAnswer, messageOf } from './odd-rows.ts';

describe.skipIf(!databaseKinds().includes('mysql'))('a server', () => {
  let server: MariaDb;

  beforeAll(async () => {
    const started = await startMariaDb(['--init-connect=SET sql_mode = "NO_BACKSLASH_ESCAPES"']);
    if (!started) throw new Error('no MariaDB');
    server = started;
    // init_connect is not for administrators.
    await ask("CREATE USER team@'127.0.0.1'", "GRANT ALL ON `baton%`.* TO team@'127.0.0.1'");
  });
  afterAll(() => server.stop());

  /** Runs statements as the administrator. */
  async function ask(...statements: readonly string[]): Promise<RowDataPacket[]> {
    const connection = await createConnection(server.url);
    let rows: RowDataPacket[] = [];
    for (const statement of statements) [rows] = await connection.query<RowDataPacket[]>(statement);
    await connection.end();
    return rows;
  }

  /** A database of the test's own, with the settings that the server has at the time. */
  async function makeOwnDatabase(): Promise<{ url: string; config: DatabaseConfig }> {
    const name = `baton_${crypto.randomUUID().replaceAll('-', '')}`;
    await ask(`CREATE DATABASE ${name}`);
    const url = Object.assign(new URL(server.url), { username: 'team', pathname: `/${name}` }).href;
    // One connection is enough for everything, migrations included.
    return { url, config: { kind: 'mysql', url, tls: { kind: 'off' }, connections: 1 } };
  }

  async function openOwn(): Promise<Driver> {
    const { config } = await makeOwnDatabase();
    await migrateDatabase(config, systemClock);
    const driver = openDriver(config, systemClock);
    onTestFinished(() => driver.close());
    return driver;
  }

  test.each([
    "sql_mode = ''",
    "sql_mode = 'NO_BACKSLASH_ESCAPES'",
    "sql_mode = 'ANSI_QUOTES'",
    "sql_mode = 'ANSI,NO_BACKSLASH_ESCAPES'",
    "sql_mode = 'ORACLE'",
    "sql_mode = 'MSSQL,PAD_CHAR_TO_FULL_LENGTH'",
    "sql_mode = 'TRADITIONAL,NO_AUTO_VALUE_ON_ZERO'",
    "sql_mode = 'EMPTY_STRING_IS_NULL'",
    "sql_mode = 'SIMULTANEOUS_ASSIGNMENT,IGNORE_SPACE'",
    "sql_mode = 'PIPES_AS_CONCAT,HIGH_NOT_PRECEDENCE,NO_UNSIGNED_SUBTRACTION,ONLY_FULL_GROUP_BY'",
    "time_zone = '+09:00', GLOBAL character_set_server = 'latin1', GLOBAL default_storage_engine = 'MyISAM', " +
      'GLOBAL auto_increment_increment = 2',
    "tx_isolation = 'SERIALIZABLE', GLOBAL autocommit = 0, GLOBAL sql_safe_updates = 1, GLOBAL sql_select_limit = 1",
  ])('with %s is migrated, imported into, pushed from and asked', async (setting) => {
    const names = setting.split(', GLOBAL ').map((each) => each.split(' = ', 1)[0] ?? '');
    const [before] = await ask(`SELECT ${names.map((name) => `@@GLOBAL.${name} AS ${name}`).join(', ')}`);
    await ask(`SET GLOBAL ${setting}`);
    const { url, config } = await makeOwnDatabase();
    const folder = await mkdtemp(join(tmpdir(), 'baton-settings-'));
    onTestFinished(async () => {
      const values = names.map((name) => `GLOBAL ${name} = ${JSON.stringify(before?.[name])}`);
      await ask(`SET ${values.join(', ')}`);
      await rm(folder, { recursive: true });
    });
    const env = { DATABASE_URL: url };
    expect(await batonHere(['migrate'], env)).toMatchObject({ status: 0 });
    const csv = join(folder, 'devices.csv');
    const tokens = Array.from({ length: 25 }, (_, nth) => `token-${nth}:`.padEnd(142, 'aB3_-'));
    await writeFile(csv, ['token', ...tokens, ''].join('\n'));
    expect(await batonHere(['import', csv], env)).toMatchObject({ status: 0 });

    const store = await openStore(config, systemClock);
    onTestFinished(() => store.close());
    const content = { ...draft.content, title: 'Grüße 🎉', body: HOSTILE[0] ?? '', data: { ключ: "'\\" } };
    const publishAt = Date.UTC(2027, 1, 3, 4, 5, 6, 789);
    const { announcementId } = await store.createAnnouncementOnce({ ...draft, content }, 'key', publishAt);
    expect(await store.fetchAnnouncement(announcementId)).toMatchObject({ content });
    expect(await store.fetchLatest(1)).toMatchObject([{ publishAt }]);
    const ctx = makeContext(store, { env: { PAGE_SIZE: '100' } });
    await runHop(ctx, { kind: 'broadcast', announcementId, round: 0, fromId: 0 });
    expect(ctx.sent.toSorted()).toEqual(tokens.toSorted());
    const counts = { delivered: 25, rejected: 0, unknown: 0 };
    expect(await store.countDeliveries(announcementId)).toMatchObject(counts);
    expect(await batonHere(['status', String(announcementId)], env)).toMatchObject({
      status: 0,
      out: expect.stringMatching(/done[^]*25/) as string,
    });

    const claims = await store.claimMessages(HOSTILE.map(messageOf), 'owner', 60_000);
    expect(claims.map((claim) => claim.content?.title)).toEqual(HOSTILE);
    expect(claims.map((claim) => claim.content?.body)).toEqual(HOSTILE.map(() => 'Grüße 🎉 ключ'));
  });

  test('with an init_connect has no part in the session', async () => {
    const driver = await openOwn();
    const [row] = await driver.all(
      sql`SELECT @@sql_mode AS sql_mode, @@tx_isolation AS isolation, @@autocommit AS autocommit, @@time_zone AS zone`,
    );
    expect(row).toEqual({ sql_mode: SQL_MODE, isolation: 'READ-COMMITTED', autocommit: 1, zone: '+00:00' });
  });

  test('that keeps no warnings for others keeps them for Baton', async () => {
    await ask('SET GLOBAL max_error_count = 0, GLOBAL sql_notes = 0');
    onTestFinished(async () => void (await ask('SET GLOBAL max_error_count = 64, GLOBAL sql_notes = 1')));
    const driver = await openOwn();
    const insert = sql`INSERT INTO push_device (target, member_id) VALUES ('a', ${'anna'.padEnd(70)})`;
    await expect(driver.run(insert)).rejects.toThrow('the database has changed a value');
  });

  describe.each([
    [1_048_576, 500],
    [65_536, 200],
    [16_384, 50],
  ])('that takes statements of %d bytes', (maxBytes, count) => {
    const isSmall = maxBytes < 1_048_576;
    let driver: Driver;
    let store: Store;

    beforeAll(async () => {
      await ask(`SET GLOBAL max_allowed_packet = ${maxBytes}`);
      const { config } = await makeOwnDatabase();
      await migrateDatabase(config, systemClock);
      driver = openDriver(config, systemClock);
      store = makeStore(driver);
      // Connects.
      expect(await store.countDevices()).toBe(0);
    });
    afterAll(async () => {
      await driver.close();
      await ask('SET GLOBAL max_allowed_packet = 16777216');
    });

    test('gets messages of 3.5 kB in as many as it takes, and their answers', async () => {
      const content = { ...draft.content, body: 'é'.repeat(1750) };
      const messages = Array.from({ length: count }, (_, nth) => ({ ...messageOf('long', nth), content }));
      const claims = await store.claimMessages(messages, 'owner', 60_000);
      expect(claims.every((claim) => claim.isMine && claim.content?.body === content.body)).toBe(true);
      await store.recordMessages(
        claims.map(({ messageId }, nth) => ({ ...longAnswer(nth + 1), messageId })),
        claims,
      );
      const again = await store.claimMessages(messages, 'another', 60_000);
      expect(again.every((claim) => claim.isMine && claim.recorded.size === 1)).toBe(true);
    });

    test('gets devices of 1 kB', async () => {
      const memberId = '🎉'.repeat(64);
      const devices = Array.from({ length: 3 * count }, (_, nth) => ({
        ...{ target: `${nth}-`.padEnd(512, 'x'), targetKind: 'token' as const, memberId },
      }));
      expect(await store.addDevices(devices)).toBe(3 * count);
      expect(await store.addDevices(devices)).toBe(0);
    });

    test('gets the pushes in flight of a page, and their answers', async () => {
      const announcementId = await store.createAnnouncement(draft);
      const key = { announcementId, round: 0, fromId: 0 };
      await store.startAnnouncement(key, 60_000);
      const claim = await store.claimHop(key, 'owner', 60_000);
      if (claim.kind !== 'claimed') throw new Error('expected a claimed hop');
      expect(await store.proveRecording(claim.hop)).toBe(true);
      const answers = Array.from({ length: 3 * count }, (_, nth) => longAnswer(nth + 1));
      const pushes = answers.map(({ deviceId }) => ({ deviceId, target: 't', targetKind: 'token' as const }));
      expect(await store.holdHop(claim.hop, 60_000, pushes)).toBe(true);
      await store.recordDeliveries(claim.hop, answers);
      expect(await store.countDeliveries(announcementId)).toMatchObject({ unregistered: 3 * count });
    });

    test('refuses a row that is longer, and that alone; the connection stays', async () => {
      const ctx = makeContext(store);
      const long = { ...draft.content, title: 'é'.repeat(30_000), body: 'é'.repeat(30_000) };
      const messages = [0, 1, 2].map((nth) => ({
        ...{ ...messageOf('plain', nth), messageKey: `long-${nth}`, recipient: toDevice(1_000_000) },
        ...(nth === 1 ? { content: long } : {}),
      }));
      const reports = await sendMessages(ctx, messages);
      const reasons = reports.map(({ reason }) => reason);
      expect(reasons).toEqual(['NO_DEVICE', isSmall ? 'BAD_MESSAGE' : 'NO_DEVICE', 'NO_DEVICE']);
      const adding = store.createAnnouncement({ ...draft, content: long });
      if (isSmall) {
        await expect(adding).rejects.toThrow(
          `a row in a statement: expected less than ${maxBytes} bytes, the database's max_allowed_packet, got `,
        );
      } else expect(await adding).toBeGreaterThan(0);
    });

    test('is green, with advice if it could take longer ones', async () => {
      const finding = await checkSession(driver);
      expect(finding).toMatchObject({
        ok: true,
        says: expect.stringContaining(`statements up to ${maxBytes} bytes`) as string,
      });
      expect(finding.advice === null).toBe(!isSmall);
    });
  });

  test('that takes less than 16 KiB in a statement is red', async () => {
    await ask('SET GLOBAL max_allowed_packet = 15360');
    onTestFinished(async () => void (await ask('SET GLOBAL max_allowed_packet = 16777216')));
    const other = openDriver({ kind: 'mysql', url: server.url, tls: { kind: 'off' } }, systemClock);
    onTestFinished(() => other.close());
    expect(await checkSession(other)).toMatchObject({
      ...{ ok: false, says: 'max_allowed_packet: expected at least 16384, got 15360' },
    });
  });

  describe('that is read-only for a while, as in a failover', () => {
    const device = { target: 't', targetKind: 'token' } as const;

    /** A store on a server that is read-only; `sleep` is what happens during a wait. */
    async function openReadOnly(sleep: (ms: number) => Promise<void>): Promise<Store> {
      const { config } = await makeOwnDatabase();
      await migrateDatabase(config, systemClock);
      const store = makeStore(openDriver(config, { ...systemClock, sleep }));
      await ask('SET GLOBAL read_only = 1');
      onTestFinished(async () => {
        await store.close();
        await ask('SET GLOBAL read_only = 0');
      });
      return store;
    }

    test('gets the statement again when it takes writes', async () => {
      const store = await openReadOnly(async () => void (await ask('SET GLOBAL read_only = 0')));
      expect(await store.addDevices([device])).toBe(1);
    });

    test('gets it a few times only, and the error says that it will pass', async () => {
      const waits: number[] = [];
      const store = await openReadOnly(async (ms) => void waits.push(ms));
      const error: unknown = await store.addDevices([device]).catch((cause: unknown) => cause);
      expect(error).toMatchObject({
        code: 'DATABASE',
        message: expect.stringContaining('read-only') as string,
      });
      expect(isTransient(error)).toBe(true);
      expect(waits).toHaveLength(7);
      expect(waits.reduce((sum, ms) => sum + ms)).toBeLessThan(5000);
    });
  });

  describe('behind a proxy that resets the session', () => {
    test.each(['NO_BACKSLASH_ESCAPES', 'ANSI', 'EMPTY_STRING_IS_NULL', ''])(
      'to the sql_mode "%s" still keeps text apart from SQL',
      async (mode) => {
        const driver = await openOwn();
        await driver.run({ sql: `SET SESSION sql_mode = '${mode}'`, values: [] });
        const claims = await makeStore(driver).claimMessages(HOSTILE.map(messageOf), 'owner', 60_000);
        expect(claims.map((claim) => claim.content?.title)).toEqual(HOSTILE);
        const rows = await driver.all(sql`SELECT title FROM push_message`);
        expect(rows).toHaveLength(HOSTILE.length);
      },
    );

    test('to one that is not strict changes no value unnoticed', async () => {
      const driver = await openOwn();
      await driver.run(sql`SET SESSION sql_mode = ''`);
      const long = 'secret '.repeat(20);
      const insert = sql`INSERT INTO push_device (target, member_id) VALUES ('a', ${long})`;
      const error: unknown = await driver.run(insert).catch((cause: unknown) => cause);
      expect(error).toMatchObject({
        code: 'DATABASE',
        message: "the database has changed a value: Data truncated for column 'member_id' at row 1",
      });
      // In a transaction nothing is kept of it.
      const count = sql`SELECT COUNT(*) AS devices FROM push_device WHERE target = 'b'`;
      const first = sql`INSERT INTO push_device (target) VALUES ('b')`;
      const second = sql`UPDATE push_device SET member_id = ${long} WHERE target = 'b'`;
      await driver.run(sql`SET SESSION sql_mode = ''`);
      await expect(driver.runTogether(first, second)).rejects.toThrow('changed a value');
      expect(await driver.all(count)).toEqual([{ devices: 0 }]);
    });
  });
});

import { expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import type { DatabaseConfig } from '../../src/config/config.ts';
import type { Driver } from '../../src/db/driver.ts';
import { openDriver } from '../../src/db/open.ts';
import { sql } from '../../src/db/sql.ts';
import { adviseOnDatabase } from '../../src/doctor/database-advice.ts';
import { makeStore } from '../../src/db/store.ts';
import { checkAudienceViews } from '../../src/doctor/audience-views.ts';
import { checkSession } from '../../src/doctor/database-session.ts';
import { checkEngines, checkIds } from '../../src/doctor/database-tables.ts';
import { draft } from '../support/context.ts';
import { databaseKinds, type DatabaseKind, makeDatabase } from '../support/database.ts';

async function open(kind: DatabaseKind): Promise<Driver> {
  const database = await makeDatabase(kind);
  const driver = openDriver(database.config, systemClock);
  onTestFinished(async () => {
    await driver.close();
    await database.drop();
  });
  return driver;
}

const run = (driver: Driver, text: string) => driver.run({ sql: text, values: [] });

test.each(databaseKinds())('a fresh database has nothing to report (%s)', async (kind) => {
  const driver = await open(kind);
  for (const check of [checkSession, checkEngines, checkIds])
    expect(await check(driver)).toMatchObject({ ok: true });
});

test.each(databaseKinds())('an id beyond 2^53 is red, and its table is named (%s)', async (kind) => {
  const driver = await open(kind);
  await driver.run(
    sql`INSERT INTO push_device (device_id, target, created_at)
        VALUES (9007199254740992, 't', ${driver.dialect.now})`,
  );
  expect(await checkIds(driver)).toEqual({
    ok: false,
    says: 'expected ids up to 9007199254740991, got greater ones in 1 rows of push_device',
    advice: 'give those rows smaller ids, and set AUTO_INCREMENT of the table to a smaller number',
  });
});

test.runIf(databaseKinds().includes('mysql'))('a table without transactions is red', async () => {
  const driver = await open('mysql');
  await run(driver, 'ALTER TABLE push_hop ENGINE = MyISAM');
  expect(await checkEngines(driver)).toMatchObject({
    ok: false,
    says: 'expected InnoDB tables, but push_hop is MyISAM',
  });
});

test.runIf(databaseKinds().includes('mysql')).each(["sql_mode = ''", "time_zone = '+09:00'", 'NAMES latin1'])(
  'a session that something has reset is red: %s',
  async (setting) => {
    const driver = await open('mysql');
    await run(driver, `SET ${setting}`);
    expect(await checkSession(driver)).toMatchObject({
      ok: false,
      says: expect.stringMatching(
        /^Baton's session has lost its settings: .*; the server's defaults are sql_mode/,
      ) as string,
      advice: expect.stringContaining('proxy') as string,
    });
  },
);

test.each([
  ['ER_SECURE_TRANSPORT_REQUIRED', /^set DATABASE_TLS/],
  ['ER_ACCESS_DENIED_ERROR', /if the server requires TLS of that user, set DATABASE_TLS$/],
])('where TLS may be missing, the advice names DATABASE_TLS: %s', (code, advice) => {
  const config: DatabaseConfig = { kind: 'mysql', url: 'mysql://h/d', tls: { kind: 'off' } };
  expect(adviseOnDatabase(Object.assign(new Error('x'), { code }), config)).toMatch(advice);
  const withTls = adviseOnDatabase(Object.assign(new Error('x'), { code: 'ER_ACCESS_DENIED_ERROR' }), {
    ...config,
    tls: { kind: 'rds' },
  });
  expect(withTls).not.toContain('DATABASE_TLS');
});

test.each(databaseKinds())(
  'views of audiences have device_id or member_id, and are there (%s)',
  async (kind) => {
    const driver = await open(kind);
    const views = ['push_audience_*'];
    expect(await checkAudienceViews(driver, [])).toMatchObject({ ok: true });
    await run(driver, 'CREATE TABLE push_audience_ids (device_id BIGINT)');
    await run(driver, 'CREATE VIEW push_audience_members AS SELECT member_id FROM push_device');
    expect(await checkAudienceViews(driver, views)).toEqual({
      ok: true,
      says: 'an audience may name push_audience_ids, push_audience_members',
      advice: null,
    });
    await run(driver, 'CREATE TABLE push_audience_none (name TEXT)');
    const store = makeStore(driver);
    for (const view of ['push_audience_ids', 'push_audience_gone', 'push_hop']) {
      await store.createAnnouncement({ ...draft, filter: { view } });
    }
    expect(await checkAudienceViews(driver, views)).toMatchObject({
      ok: false,
      says:
        'push_audience_none has no column device_id or member_id; announcement 3 names a view that AUDIENCE_VIEWS does ' +
        'not; announcement 2 names push_audience_gone, which is not there',
    });
  },
);

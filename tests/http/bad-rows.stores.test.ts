import { expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { openDriver, openStore } from '../../src/db/open.ts';
import { sql } from '../../src/db/sql.ts';
import { makeApi } from '../support/api.ts';
import { databaseKinds, makeDatabase } from '../support/database.ts';

test.each(databaseKinds())(
  'the API shows, lists and cancels an announcement that cannot be sent (%s)',
  async (kind) => {
    const database = await makeDatabase(kind);
    const store = await openStore(database.config, systemClock);
    const driver = openDriver(database.config, systemClock);
    await driver.run(
      sql`INSERT INTO push_announcement (title, body, data, guarantee, status, created_at)
        VALUES ('t', 'b', '{"code": "secret"', 'sometimes', 'draft', ${driver.dialect.now})`,
    );
    const api = makeApi(store);
    const problem = expect.stringMatching(/^guarantee: expected one of .*; data: expected JSON/) as string;
    const get = { method: 'GET', path: '/announcements/1' };
    expect(await api.ask(get)).toMatchObject({ status: 200, body: { status: 'draft', problem, edited: [] } });
    expect(JSON.stringify(await api.ask(get))).not.toContain('secret');
    expect(await api.ask({ ...get, path: '/announcements' })).toMatchObject({
      ...{ status: 200, body: { announcements: [{ announcementId: 1, title: 't' }] } },
    });
    expect(await api.ask({ path: '/announcements/1/cancel' })).toMatchObject({
      ...{ status: 200, body: { status: 'cancelled', problem } },
    });
    await driver.close();
    await store.close();
    await database.drop();
  },
);

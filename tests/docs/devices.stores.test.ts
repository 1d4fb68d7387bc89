import { createConnection } from 'mysql2/promise';
import { expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { openStore } from '../../src/db/open.ts';
import { databaseKinds, makeDatabase } from '../support/database.ts';
import { readStatements } from '../support/statements.ts';

test.runIf(databaseKinds().includes('mysql'))(
  'the statements of the page about devices make a device with traits, a tag and a member',
  async () => {
    const database = await makeDatabase('mysql');
    const connection = await createConnection({ uri: database.url, multipleStatements: true });
    for (const statements of readStatements('docs/devices.md')) await connection.query(statements);
    await connection.end();
    const store = await openStore(database.config, systemClock);
    const [device] = await store.findDevices({ kind: 'member', memberId: '4711' }, 1);
    expect(device).toMatchObject({
      ...{ platform: 'android', locale: 'de-CH', timeZone: 'Europe/Zurich', appVersion: '4.12.0' },
      ...{ isTest: true, tags: { plan: 'pro' }, lastSeenAt: expect.any(Number) as number },
    });
    expect(await store.fetchMember('4711')).toEqual({
      attributes: { nickname: 'Jo', points: 120 },
      problem: null,
    });
    await store.close();
    await database.drop();
  },
);

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createConnection } from 'mysql2/promise';
import { expect, inject, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { openStore } from '../../src/db/open.ts';
import { batonHere, makeTerminal, makeWorkplace } from '../support/baton.ts';
import { madeUpDevices } from '../support/context.ts';
import { makeDatabase } from '../support/database.ts';
import { API_TOKEN } from '../support/events.ts';

const USER = 'baton_served';

test.runIf(inject('mysqlUrl') !== null)(
  'serve and its workers survive a rotation of the password in .env',
  async () => {
    await using here = await makeWorkplace();
    const database = await makeDatabase('mysql');
    const admin = await createConnection(database.url);
    await admin.query(`CREATE OR REPLACE USER ${USER}@'%' IDENTIFIED BY 'password-one'`);
    await admin.query(`GRANT ALL ON \`${new URL(database.url).pathname.slice(1)}\`.* TO ${USER}@'%'`);
    const write = (password: string): void => {
      const { href } = Object.assign(new URL(database.url), { username: USER, password });
      writeFileSync(join(here.folder, '.env'), `DATABASE_URL=${href}\n`);
    };
    write('password-one');
    const store = await openStore(database.config, systemClock);
    await store.addDevices(madeUpDevices(3));
    const { DATABASE_URL: file = '', ...env }: Record<string, string> = { ...here.env, API_TOKEN };
    expect(file).not.toBe('');
    const terminal = makeTerminal({ env, folder: here.folder });
    const serving = batonHere(['serve', '--port', '0', '--workers', '1', '--verbose'], env, terminal);
    try {
      const { printed } = terminal;
      while (!printed.err.includes('listening on')) {
        const finished = await Promise.race([serving, sleep(10)]);
        if (finished) throw new Error(`serve ended: ${finished.err}`);
      }
      const address = /listening on (http:\S+),/.exec(printed.err)?.[1] ?? '';
      const broadcast = async (title: string): Promise<void> => {
        const reply = await fetch(`${address}/announcements`, {
          method: 'POST',
          headers: { authorization: `Bearer ${API_TOKEN}`, 'content-type': 'application/json' },
          body: JSON.stringify({ title, body: 'B' }),
        });
        const { announcementId } = (await reply.json()) as { announcementId: number };
        while ((await store.fetchAnnouncement(announcementId))?.status !== 'done') await sleep(20);
      };
      await broadcast('before');
      // The file first: a tick in between must find the new password there once it is refused.
      write('password-two');
      await admin.query(`ALTER USER ${USER}@'%' IDENTIFIED BY 'password-two'`);
      await admin.query(`KILL USER ${USER}`);
      await broadcast('after');
      expect(here.sandbox.stats().accepted).toBe(6);
      expect(printed.err).not.toMatch(/ACCESS_DENIED|password-/);
    } finally {
      terminal.interrupt();
      await serving;
      await store.close();
      await admin.query(`DROP USER ${USER}@'%'`);
      await admin.end();
      await database.drop();
    }
  },
);

import type { Driver } from '../../src/db/driver.ts';
import type { Addressee } from '../../src/context.ts';
import type { Store } from '../../src/store.ts';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { runHop } from '../../src/broadcast/hop.ts';
import { systemClock } from '../../src/clock.ts';
import { openDriver, openStore } from '../../src/db/open.ts';
import { sql } from '../../src/db/sql.ts';
import { firstJob } from '../../src/job.ts';
import { draft, fixedSender, madeUpDevices, makeContext, outcome } from '../support/context.ts';
import { databaseKinds, makeDatabase, type TestDatabase } from '../support/database.ts';

describe.each(databaseKinds())('a running announcement whose row is edited, on %s', (kind) => {
  let database: TestDatabase;
  let driver: Driver;
  let store: Store;

  beforeEach(async () => {
    database = await makeDatabase(kind);
    driver = openDriver(database.config, systemClock);
    store = await openStore(database.config, systemClock);
    await store.addDevices(madeUpDevices(30));
  });
  afterEach(async () => {
    await driver.close();
    await store.close();
    await database.drop();
  });

  /** Runs the hop of a page; resolves to what was sent, each as its title, time to live and whether FCM only validates it. */
  async function sendPage(announcementId: number, fromId: number): Promise<string[]> {
    const sent: string[] = [];
    const ctx = makeContext(store, { env: { FCM_SOURCE: 'shop' } });
    const senders = fixedSender({
      async send({ content, ttlSeconds, dryRun, devices }) {
        sent.push(...devices.map(() => `${content.title} ${content.data['n']} ${ttlSeconds} ${dryRun}`));
        return devices
          .map(() => outcome('unregistered', 'UNREGISTERED'))
          .map((each, nth) => (nth === 0 ? each : { ...each, verdict: 'delivered', reason: null }));
      },
      close: async () => {},
    });
    await runHop({ ...ctx, senders }, { ...firstJob(announcementId), fromId });
    return sent;
  }

  const shop = {
    ...draft,
    ...{ source: 'shop', ttlSeconds: 60, content: { ...draft.content, data: { n: '1' } } },
  };

  test('sends to the rest of the audience what it sent to the first, and says what was edited', async () => {
    const id = await store.createAnnouncement(shop);
    expect(new Set(await sendPage(id, 0))).toEqual(new Set(['Hello 1 60 false']));
    expect(await store.fetchAnnouncement(id)).toMatchObject({ edited: [] });

    await driver.run(
      sql`UPDATE push_announcement SET title = 'Edited', data = 'not JSON', source = 'nowhere', ttl_seconds = 5,
            dry_run = 1, guarantee = 'never', audience = 'messages' WHERE announcement_id = ${id}`,
    );
    expect(new Set(await sendPage(id, 11))).toEqual(new Set(['Hello 1 60 false']));
    expect(await store.fetchAnnouncement(id)).toMatchObject({
      ...{ ...shop, status: 'running', audience: 'devices', problem: null },
      edited: ['title', 'data', 'ttl_seconds', 'source', 'guarantee', 'dry_run', 'audience'],
    });
    // The dry run of the edited row would have marked none.
    expect(await store.countDevices()).toBe(30 - 6);
    expect((await store.fetchUnfinished(1))[0]).toMatchObject({ content: { title: 'Hello' } });
  });

  test('retries for as long as the time to live that it started with', async () => {
    const id = await store.createAnnouncement(shop);
    const ctx = makeContext(store, { env: { FCM_SOURCE: 'shop', PAGE_SIZE: '100' } });
    await driver.run(sql`UPDATE push_announcement SET ttl_seconds = 3600 WHERE announcement_id = ${id}`);
    await store.startAnnouncement(firstJob(id), 1000);
    await driver.run(sql`UPDATE push_announcement SET ttl_seconds = 0 WHERE announcement_id = ${id}`);
    const answer = ({ deviceId }: Addressee) =>
      deviceId === 7
        ? outcome('retryable', 'UNAVAILABLE')
        : { ...outcome('rejected', 'X'), blamesTarget: true };
    await runHop(
      { ...ctx, ...makeContext(store, { env: { FCM_SOURCE: 'shop', PAGE_SIZE: '100' }, answer }) },
      firstJob(id),
    );
    expect(await store.countHops(id)).toEqual({ open: 1, closed: 1 });
  });

  test('spaces and the order of keys in its JSON are no edit, and before the start there is none', async () => {
    const id = await store.createAnnouncement({
      ...shop,
      content: { ...shop.content, data: { n: '1', m: '2' } },
    });
    await driver.run(sql`UPDATE push_announcement SET title = 'Final' WHERE announcement_id = ${id}`);
    expect(await store.fetchAnnouncement(id)).toMatchObject({ content: { title: 'Final' }, edited: [] });
    await store.startAnnouncement(firstJob(id), 1000);
    await driver.run(
      sql`UPDATE push_announcement SET data = ${'{ "m": "2", "n": "1" }'} WHERE announcement_id = ${id}`,
    );
    expect(await store.fetchAnnouncement(id)).toMatchObject({ content: { title: 'Final' }, edited: [] });
  });

  test('sends the edited row once a person accepts it, and only while it is paused or has failed', async () => {
    const id = await store.createAnnouncement(shop);
    await sendPage(id, 0);
    await driver.run(sql`UPDATE push_announcement SET title = 'Edited' WHERE announcement_id = ${id}`);
    await store.acceptEdits(id);
    expect(await store.fetchAnnouncement(id)).toMatchObject({ content: { title: 'Hello' } });
    await store.moveAnnouncement(id, ['running'], 'paused', null);
    await store.acceptEdits(id);
    expect(await store.fetchAnnouncement(id)).toMatchObject({ content: { title: 'Edited' }, edited: [] });
    await store.moveAnnouncement(id, ['paused'], 'running', null);
    expect(new Set(await sendPage(id, 11))).toEqual(new Set(['Edited 1 60 false']));
  });

  test.runIf(kind === 'mysql')('is read whatever collations the tables have', async () => {
    for (const [table, collation] of [
      ['push_snapshot', 'utf8mb4_unicode_ci'],
      ['push_announcement', 'utf8mb4_general_ci'],
      ['push_budget', 'utf8mb4_bin'],
    ]) {
      await driver.run({
        sql: `ALTER TABLE ${table} CONVERT TO CHARACTER SET utf8mb4 COLLATE ${collation}`,
        values: [],
      });
    }
    const id = await store.createAnnouncement(shop);
    expect(await sendPage(id, 0)).toHaveLength(10);
    const { version } = await store.fetchBudget('shop', id);
    await store.brakeBudget('shop', version, {
      pauseMs: 60_000,
      rampAgeMs: 0,
      reason: 'throttled',
      outages: 0,
    });
    expect((await store.fetchAnnouncement(id))?.statusReason).toMatch(/^throttled until /);
  });

  test('sends the edited row after a resume if no phone can have the push, but never to another audience', async () => {
    const id = await store.createAnnouncement(shop);
    await store.startAnnouncement(firstJob(id), 1000);
    const edit = async (assignment: string): Promise<void> => {
      await store.moveAnnouncement(id, ['running'], 'failed', 'refused');
      await driver.run({ sql: `UPDATE push_announcement SET ${assignment}`, values: [] });
      await store.moveAnnouncement(id, ['failed'], 'running', null);
    };
    await edit("title = 'Fixed'");
    expect(await store.fetchAnnouncement(id)).toMatchObject({ content: { title: 'Fixed' }, edited: [] });
    await edit("audience = 'messages'");
    expect(await store.fetchAnnouncement(id)).toMatchObject({ audience: 'devices', edited: ['audience'] });
    await edit("audience = 'devices'");
    await driver.run(sql`UPDATE push_hop SET lease_until = ${driver.dialect.now}`);
    expect(await sendPage(id, 0)).toHaveLength(10);
    await edit("title = 'Too late'");
    expect(await store.fetchAnnouncement(id)).toMatchObject({
      content: { title: 'Fixed' },
      edited: ['title'],
    });
  });

  test('fails with the reason if the accepted row cannot be sent', async () => {
    const id = await store.createAnnouncement(shop);
    await sendPage(id, 0);
    await store.moveAnnouncement(id, ['running'], 'paused', null);
    await driver.run(sql`UPDATE push_announcement SET options = 'x' WHERE announcement_id = ${id}`);
    await store.acceptEdits(id);
    await store.moveAnnouncement(id, ['paused'], 'running', null);
    expect(await sendPage(id, 11)).toEqual([]);
    expect(await store.fetchAnnouncement(id)).toMatchObject({
      ...{ status: 'failed', statusReason: 'options: expected JSON, got 1 characters of something else' },
    });
  });
});

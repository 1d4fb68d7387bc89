import type { BroadcastJob } from '../../src/job.ts';
import type { Driver } from '../../src/db/driver.ts';
import type { DeviceFilter } from '../../src/model/filter.ts';
import type { Store } from '../../src/store.ts';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { resumeAnnouncement } from '../../src/broadcast/announcement.ts';
import { runHop } from '../../src/broadcast/hop.ts';
import { scan } from '../../src/broadcast/scan.ts';
import { openDriver } from '../../src/db/open.ts';
import { sql } from '../../src/db/sql.ts';
import { firstJob } from '../../src/job.ts';
import { balanceOf } from '../../src/model/summary.ts';
import { makeTestClock, type TestClock } from '../support/clock.ts';
import type { Addressee } from '../../src/context.ts';
import {
  delivered,
  draft,
  madeUpDevices,
  makeContext,
  outcome,
  type TestOptions,
} from '../support/context.ts';
import { databaseKinds, makeDatabase, type TestDatabase } from '../support/database.ts';
import { openTimedStore } from '../support/timed-store.ts';

const DEVICES = 80;

describe.each(databaseKinds())('a broadcast to an audience (%s)', (kind) => {
  let database: TestDatabase;
  let driver: Driver;
  let store: Store;
  let clock: TestClock;
  let sent: string[];

  beforeEach(async () => {
    clock = makeTestClock({ isEager: true });
    database = await makeDatabase(kind);
    driver = openDriver(database.config, clock);
    store = openTimedStore({ ...database.config, audienceViews: ['push_audience_*'] }, clock);
    sent = [];
    await store.addDevices(madeUpDevices(DEVICES));
    await change("platform = 'ios'", 'device_id % 2 = 0');
  });
  afterEach(async () => {
    await driver.close();
    await store.close();
    await database.drop();
  });

  const change = (what: string, where: string): Promise<unknown> =>
    driver.run({ sql: `UPDATE push_device SET ${what} WHERE ${where}`, values: [] });

  const create = (filter: DeviceFilter, lanes = 1): Promise<number> =>
    store.createAnnouncement({ ...draft, filter, lanes });

  /** Runs the job and all that it leads to; an invocation that throws was killed, and its hop waits for the tick. */
  async function runAll(job: BroadcastJob, options: TestOptions = {}): Promise<void> {
    const ctx = makeContext(store, { clock, ...options });
    const jobs = [job];
    for (let next = jobs.shift(); next; next = jobs.shift()) {
      const before = ctx.invoked.length;
      await runHop(ctx, next).catch(() => {});
      jobs.push(...ctx.invoked.slice(before).filter((each) => each.kind === 'broadcast'));
    }
    sent.push(...ctx.sent);
  }

  /** Lets leases run out, and runs what the tick wakes, until nothing is left. */
  async function finish(announcementId: number): Promise<void> {
    for (let ticks = 0; ticks < 20; ticks++) {
      await clock.advance(60_000);
      const ctx = makeContext(store, { clock });
      await scan(ctx);
      for (const job of ctx.invoked) if (job.kind === 'broadcast') await runAll(job);
      if ((await store.fetchAnnouncement(announcementId))?.status === 'done') return;
    }
  }

  async function fetchBalance(announcementId: number) {
    const totals = (await store.fetchTotals([announcementId])).get(announcementId)!;
    const balance = balanceOf(totals)!;
    const { audience, ...parts } = balance;
    expect(Object.values(parts).reduce((sum, count) => sum + count, 0)).toBe(audience);
    // The ledger has the same numbers as the hops.
    expect(totals.counts).toEqual(await store.countDeliveries(announcementId));
    return balance;
  }

  const targetsOf = (ids: readonly number[]): string[] => ids.map((id) => `target-${id}`);
  const even = Array.from({ length: DEVICES / 2 }, (_, nth) => 2 * (nth + 1));

  test.each([1, 3])('reaches its devices and no others, in %d lanes', async (lanes) => {
    const id = await create({ platform: ['ios'] }, lanes);
    await runAll(firstJob(id));
    expect(sent.toSorted()).toEqual(targetsOf(even).toSorted());
    expect(await store.fetchAnnouncement(id)).toMatchObject({ status: 'done' });
    expect(await fetchBalance(id)).toMatchObject({ audience: 40, delivered: 40, excluded: 0 });
  });

  test('that is empty is done at once', async () => {
    const id = await create({ tags: { plan: ['pro'] } });
    await runAll(firstJob(id));
    expect(await store.fetchAnnouncement(id)).toMatchObject({ status: 'done' });
    expect(await fetchBalance(id)).toMatchObject({ audience: 0, delivered: 0 });
  });

  test('is killed in a page whose devices then change: each is pushed to once, and the numbers add up', async () => {
    const id = await create({ platform: ['ios'] });
    let chunks = 0;
    await runAll(firstJob(id), {
      env: { WINDOW: '4', BATCH_SIZE: '4' },
      beforeSend: () => {
        if (++chunks === 3) throw new Error('killed');
      },
    });
    const first = new Set(sent);
    expect(first.size).toBeGreaterThan(0);
    const unsent = even.filter((each) => each <= 20 && !first.has(`target-${each}`));
    const [left = 0] = unsent;
    // One that was not sent yet is no iOS device any more, and one of the same page has become one.
    await change("platform = 'web'", `device_id = ${left}`);
    await change("platform = 'ios'", 'device_id = 19');
    await finish(id);
    const all = [...even.filter((each) => each !== left), 19];
    expect(new Set(sent)).toEqual(new Set(targetsOf(all)));
    expect(await store.fetchAnnouncement(id)).toMatchObject({ status: 'done' });
    expect(await fetchBalance(id)).toMatchObject({ audience: 40, delivered: 40, unsent: 0 });
  });

  test('sends what a page has left open, whatever the device says by then', async () => {
    const id = await create({ platform: ['ios'] });
    const ctx = makeContext(store, { clock, answer: () => outcome('retryable', 'UNAVAILABLE') });
    await runHop(ctx, firstJob(id));
    expect((await store.countDeliveries(id)).unsent).toBeGreaterThan(1);
    await change("platform = 'web'", 'device_id <= 4');
    sent = [];
    await finish(id);
    expect(await store.fetchAnnouncement(id)).toMatchObject({ status: 'done' });
    expect(new Set(sent)).toEqual(new Set(targetsOf(even)));
    expect(await fetchBalance(id)).toMatchObject({ delivered: 40, unsent: 0 });
  });

  test('retries what was sent, whatever the device says by then', async () => {
    const id = await create({ platform: ['ios'] });
    const isToRetry = ({ target }: Addressee): boolean =>
      ['target-2', 'target-22', 'target-44'].includes(target);
    const answer = (device: Addressee) => (isToRetry(device) ? outcome('retryable', 'INTERNAL') : delivered);
    await runAll(firstJob(id), { answer });
    expect(await fetchBalance(id)).toMatchObject({ audience: 40, delivered: 37, unsent: 3 });
    await change("platform = 'web'", '1 = 1');
    await finish(id);
    expect(await fetchBalance(id)).toMatchObject({ audience: 40, delivered: 40, unsent: 0 });
  });

  test('keeps its filter when the row is edited and resumed, even if no phone can have shown anything', async () => {
    const id = await create({ platform: ['ios'] });
    await runAll(firstJob(id), { answer: () => outcome('misconfigured', 'INVALID_ARGUMENT') });
    expect(await store.fetchAnnouncement(id)).toMatchObject({ status: 'failed' });
    await driver.run(
      sql`UPDATE push_announcement SET filter = '{"platform":["web"]}' WHERE announcement_id = ${id}`,
    );
    const ctx = makeContext(store, { clock });
    await expect(
      resumeAnnouncement(ctx, id, { acceptEdits: true, acceptUnregistered: false }),
    ).rejects.toThrow('filter: expected the filter that it was started with');
    await resumeAnnouncement(ctx, id, { acceptEdits: false, acceptUnregistered: false });
    expect(await store.fetchAnnouncement(id)).toMatchObject({
      edited: ['filter'],
      filter: { platform: ['ios'] },
    });
    sent = [];
    await finish(id);
    expect(new Set(sent)).toEqual(new Set(targetsOf(even)));
    expect(await fetchBalance(id)).toMatchObject({ audience: 40, delivered: 40 });
  });

  test('with a filter that is not valid fails with the reason, and sends nothing', async () => {
    for (const [filter, reason] of [
      ['{"view":"push_announcement"}', 'filter.view: expected a table or view that AUDIENCE_VIEWS names'],
      ['{"view":"push_audience_gone"}', 'a column device_id or member_id, got no such table'],
      ['{"view":"x` OR 1=1 -- "}', 'expected the name of a table or view'],
      ['{"locale":["de\' OR 1=1 --"]}', 'expected a locale such as de or zh-TW'],
      ['{"platform":[]}', 'expected a list of platforms'],
      ['{"colour":["red"]}', 'filter.colour: expected no such filter'],
      ['[]', 'filter: expected an object of filters'],
      ['null', 'filter: expected an object of filters'],
      ['not JSON', 'filter: expected JSON'],
    ] as const) {
      const id = await store.createAnnouncement(draft);
      await driver.run(sql`UPDATE push_announcement SET filter = ${filter} WHERE announcement_id = ${id}`);
      await runAll(firstJob(id));
      const { status, statusReason } = (await store.fetchAnnouncement(id))!;
      expect({ status, statusReason }).toEqual({
        status: 'failed',
        statusReason: expect.stringContaining(reason),
      });
    }
    expect(sent).toEqual([]);
  });

  test('whose column the table gains while a process runs is what that process sends to', async () => {
    const run = (text: string): Promise<unknown> => driver.run({ sql: text, values: [] });
    await run('ALTER TABLE push_announcement DROP COLUMN filter');
    await store.fetchAnnouncement(await store.createAnnouncement(draft));
    await run('ALTER TABLE push_announcement ADD COLUMN filter TEXT');
    const other = openTimedStore(database.config, clock);
    const id = await other.createAnnouncement({ ...draft, filter: { platform: ['ios'] } });
    await other.close();
    await runAll(firstJob(id));
    expect(sent.toSorted()).toEqual(targetsOf(even).toSorted());
  });

  test('by a view that is created again with the other column is read by that column', async () => {
    const run = (text: string): Promise<unknown> => driver.run({ sql: text, values: [] });
    const filter = { view: 'push_audience_own' };
    await change("member_id = 'm7'", 'device_id = 7');
    await run('CREATE VIEW push_audience_own AS SELECT device_id FROM push_device WHERE device_id = 3');
    expect(await store.fetchPage(0, null, 9, { filter })).toMatchObject([{ deviceId: 3 }]);
    await run('DROP VIEW push_audience_own');
    await run('CREATE VIEW push_audience_own AS SELECT member_id FROM push_device WHERE device_id = 7');
    expect(await store.fetchPage(0, null, 9, { filter })).toMatchObject([{ deviceId: 7 }]);
  });

  test('tags are values, whatever their text', async () => {
    const hostile = `'); DROP TABLE push_tag; -- \\ " \` ? % _ 🎉`;
    await driver.run(sql`INSERT INTO push_tag (device_id, name, value) VALUES (7, ${hostile}, ${hostile})`);
    const id = await create({ tags: { [hostile]: [hostile, 'other'] } });
    await runAll(firstJob(id));
    expect(sent).toEqual(['target-7']);
    const none = await create({ tags: { '%': ['%'], [hostile]: ['_'] } });
    await runAll(firstJob(none));
    expect(sent).toHaveLength(1);
  });

  test('10,000 member ids are more than one statement', async () => {
    await change("member_id = 'member-9999'", 'device_id = 3');
    await change("member_id = 'member-1'", 'device_id > 60');
    const memberIds = Array.from({ length: 10_000 }, (_, nth) => `member-${nth}`);
    const id = await create({ memberIds: [...memberIds.slice(1), 'member-1'] });
    await runAll(firstJob(id));
    expect(sent).toEqual(targetsOf([3, ...Array.from({ length: 20 }, (_, nth) => 61 + nth)]));
  });
});

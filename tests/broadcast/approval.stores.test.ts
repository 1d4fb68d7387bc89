import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { moveAnnouncement, resumeAnnouncement } from '../../src/broadcast/announcement.ts';
import { approveAnnouncement } from '../../src/broadcast/approve.ts';
import { scan } from '../../src/broadcast/scan.ts';
import { systemClock } from '../../src/clock.ts';
import type { Driver } from '../../src/db/driver.ts';
import { openDriver, openStore } from '../../src/db/open.ts';
import { sql } from '../../src/db/sql.ts';
import { firstJob } from '../../src/job.ts';
import type { NewAnnouncement } from '../../src/model/announcement.ts';
import type { Actor } from '../../src/model/audit.ts';
import type { Store } from '../../src/store.ts';
import { draft, madeUpDevices, makeContext, type TestContext } from '../support/context.ts';
import { databaseKinds, makeDatabase, type TestDatabase } from '../support/database.ts';

const WAITS = 'waits for approval';
const NONE = { acceptEdits: false, acceptUnregistered: false };
const REPEAT = { at: '0 9 1 1 *', zone: 'UTC' };
const HOUR = 3_600_000;

describe.each(databaseKinds())('an announcement that needs approval, on %s', (kind) => {
  let database: TestDatabase;
  let driver: Driver;
  let store: Store;

  beforeAll(async () => {
    database = await makeDatabase(kind);
    driver = openDriver(database.config, systemClock);
    store = await openStore(database.config, systemClock);
    await store.addDevices(madeUpDevices(5));
  });
  afterAll(async () => {
    await driver.close();
    await store.close();
    await database.drop();
  });

  const tick = async (use: Partial<Store> = {}): Promise<TestContext> => {
    const ctx = makeContext({ ...store, ...use }, { env: { APPROVAL: 'required' } });
    await scan(ctx);
    return ctx;
  };

  const approve = (id: number, actor: Actor = 'api:ben') => approveAnnouncement({ store, actor }, id);

  const resume = (id: number) =>
    resumeAnnouncement(makeContext(store, { env: { APPROVAL: 'required' } }), id, NONE);

  let made = 0;
  const due = async (fields: Partial<NewAnnouncement> = {}, lateMs = 1000): Promise<number> => {
    const at = Date.now() - lateMs;
    const key = `key-${made++}`;
    const { announcementId } = await store.createAnnouncementOnce(
      { ...draft, ...fields },
      key,
      at,
      'api:anna',
    );
    return announcementId;
  };

  const edit = (id: number, columns: string, ...values: readonly string[]) =>
    driver.run({ sql: `UPDATE push_announcement SET ${columns} WHERE announcement_id = ${id}`, values });

  /** Its time is two hours earlier. */
  const makeLate = (id: number) =>
    edit(id, `publish_at = publish_at - ${kind === 'mysql' ? 'INTERVAL 2 HOUR' : 2 * HOUR}`);

  const stateOf = async (id: number) => {
    const { status, statusReason } = (await store.fetchAnnouncement(id))!;
    return { status, statusReason };
  };

  const countedOf = async (id: number) =>
    (await driver.all(sql`SELECT devices FROM push_audience WHERE announcement_id = ${id}`))[0]?.['devices'];

  test('a large audience starts with statements of at most a MiB', async () => {
    const memberIds = Array.from({ length: 9000 }, (_, nth) => `member-${nth}`.padEnd(64, 'x'));
    const id = await due({ filter: { memberIds } });
    const version = (await store.fetchVersioned(id))?.version ?? [];
    if (kind === 'mysql') expect(version.join('').length).toBeLessThan(3000);
    const ctx = makeContext(store);
    await scan(ctx);
    expect(await stateOf(id)).toEqual({ status: 'running', statusReason: null });
    await store.moveAnnouncement(id, ['running'], 'cancelled', null);
  });

  /** Does something once, while the audience of an announcement is counted. */
  const whileCounted = (id: number, work: () => Promise<unknown>): Partial<Store> => {
    let isDone = false;
    return {
      async countAudience(announcement, fromId) {
        const count = await store.countAudience(announcement, fromId);
        if (announcement.announcementId !== id || isDone) return count;
        isDone = true;
        await work();
        return count;
      },
    };
  };

  /** One that was started, and is paused. */
  const start = async (id: number): Promise<void> => {
    await store.startAnnouncement(firstJob(id), 60_000);
    await store.moveAnnouncement(id, ['running'], 'paused', null);
  };

  describe('while its audience is counted', () => {
    test('an approval lets it start', async () => {
      const id = await due();
      await tick(whileCounted(id, () => approve(id)));
      expect(await stateOf(id)).toEqual({ status: 'running', statusReason: null });
    });

    test('a dry run that becomes a push waits', async () => {
      const id = await due({ dryRun: true });
      await tick(whileCounted(id, () => edit(id, 'dry_run = 0')));
      expect(await stateOf(id)).toEqual({ status: 'paused', statusReason: WAITS });
      expect(await store.countHops(id)).toEqual({ open: 0, closed: 0 });
    });

    test.each([
      ['filter', '{"platform":["ios"]}', 0],
      ['title', 'Edited', 5],
    ])('an edit of its %s starts it as it is then, and counted again', async (column, value, devices) => {
      const id = await due({ dryRun: true });
      await tick(whileCounted(id, () => edit(id, `${column} = ?`, value)));
      expect(await store.fetchAnnouncement(id)).toMatchObject({ status: 'running', edited: [] });
      expect(await countedOf(id)).toBe(devices);
    });

    test('another approval of another audience is counted again', async () => {
      const id = await due();
      await approve(id);
      await edit(id, `filter = '{"platform":["ios"]}'`);
      await tick(whileCounted(id, () => approve(id)));
      expect(await countedOf(id)).toBe(0);
    });

    test('an edit that makes it impossible to send fails it, and one that repairs it does not', async () => {
      const id = await due({ dryRun: true });
      await tick(whileCounted(id, () => edit(id, `filter = '{nonsense'`)));
      expect(await stateOf(id)).toMatchObject({ status: 'failed' });
      const other = await due({ dryRun: true });
      await edit(other, `filter = '{nonsense'`);
      await tick(whileCounted(other, () => edit(other, 'filter = NULL')));
      expect(await stateOf(other)).toMatchObject({ status: 'running' });
    });

    test('one that is edited again and again is left to the next tick', async () => {
      const id = await due({ dryRun: true });
      let edits = 0;
      await tick({
        async countAudience(announcement, fromId) {
          if (announcement.announcementId === id) await edit(id, 'title = ?', `Edit ${edits++}`);
          return store.countAudience(announcement, fromId);
        },
      });
      expect(await stateOf(id)).toMatchObject({ status: 'scheduled' });
      await tick();
      expect(await stateOf(id)).toMatchObject({ status: 'running' });
    });
  });

  describe('an approval', () => {
    test('is of the row, and not of what was approved before', async () => {
      const id = await due({}, -HOUR);
      await approve(id);
      await edit(id, `filter = '{nonsense'`);
      await expect(approve(id, 'api:carl')).rejects.toThrow('expected a row that can be sent, got filter');
      expect(await store.fetchAnnouncement(id)).toMatchObject({ approvedBy: 'api:ben', problem: null });
      await edit(id, `filter = '{"platform":["ios"]}'`);
      expect(await approve(id, 'api:carl')).toMatchObject({ filter: { platform: ['ios'] } });
    });

    test('of a row that is edited at the same time is refused', async () => {
      const id = await due();
      const racing = {
        ...store,
        fetchAudit: async (...args: Parameters<Store['fetchAudit']>) => {
          await edit(id, `title = 'A joke'`);
          return store.fetchAudit(...args);
        },
      };
      await expect(approveAnnouncement({ store: racing, actor: 'api:ben' }, id)).rejects.toThrow(
        'expected a row that nobody edits or approves at the same time',
      );
      expect(await store.fetchAnnouncement(id)).toMatchObject({ approvedBy: null });
    });

    test('accepts no other filter or audience once it has started', async () => {
      const id = await due({ filter: { platform: ['ios'] } });
      await approve(id);
      await start(id);
      await edit(id, `filter = '{"platform":["android"]}'`);
      await expect(approve(id)).rejects.toThrow(
        'filter: expected the filter that it was started with: another audience takes a new announcement',
      );
      expect(await store.fetchAnnouncement(id)).toMatchObject({ filter: { platform: ['ios'] } });
      await edit(id, `filter = '{"platform":["ios"]}', audience = 'messages'`);
      await expect(approve(id)).rejects.toThrow('audience: expected devices');
    });

    test('sets nothing going that a person has paused', async () => {
      const id = await due({ repeat: REPEAT }, -HOUR);
      await moveAnnouncement({ store, actor: 'api:anna' }, id, 'pause');
      expect(await approve(id)).toMatchObject({ status: 'paused', approvedBy: 'api:ben' });
      expect(await resume(id)).toMatchObject({ status: 'scheduled' });
    });
  });

  test('edits that come while it is resumed are not accepted', async () => {
    const id = await due();
    await approve(id);
    await start(id);
    const racing: Store = {
      ...store,
      async acceptEdits(...args) {
        await edit(id, `title = 'A joke'`);
        return store.acceptEdits(...args);
      },
    };
    const ctx = makeContext(racing, { env: { APPROVAL: 'required' } });
    expect(await resumeAnnouncement(ctx, id, { ...NONE, acceptEdits: true })).toMatchObject({
      ...{ status: 'running', content: { title: 'Hello' } },
    });
  });

  describe('a part', () => {
    const series = { repeat: REPEAT };
    const joke = { content: { ...draft.content, title: 'A joke' } };

    test('is not approved by the person who has made the whole', async () => {
      const whole = await due(series, -HOUR);
      const { announcementId: part } = await store.createAnnouncementOnce(
        { ...draft, partOf: whole },
        'part',
        Date.now() - 1000,
        'schedule',
      );
      await tick();
      expect(await stateOf(part)).toEqual({ status: 'paused', statusReason: WAITS });
      await expect(approve(part, 'api:anna')).rejects.toThrow(
        `got api:anna, who has created announcement ${whole}, which it is a part of`,
      );
      expect(await approve(part)).toMatchObject({ status: 'scheduled' });
    });

    test('goes on with the approval of the whole, if that covers it and no person has paused it', async () => {
      const whole = await due(series, -HOUR);
      const [part, other, paused] = [
        await due({ partOf: whole }, 10),
        await due({ partOf: whole, ...joke }, 10),
        await due({ partOf: whole }, 10),
      ];
      await tick();
      await edit(paused, 'status_reason = NULL');
      await makeLate(part);
      await approve(whole);
      expect(await stateOf(other)).toEqual({ status: 'paused', statusReason: WAITS });
      expect(await stateOf(paused)).toEqual({ status: 'paused', statusReason: null });
      await tick();
      expect(await stateOf(part)).toEqual({ status: 'running', statusReason: null });
    });

    test.each(['an approval', 'a resume'])(
      'starts after %s that comes hours after its time',
      async (what) => {
        const whole = await due(series, -HOUR);
        const expected = what === 'a resume' ? { expectedAudience: 50, dryRun: true } : {};
        const part = await due({ partOf: whole, ...expected }, HOUR / 2);
        await tick();
        expect(await stateOf(part)).toMatchObject({ status: 'paused' });
        await makeLate(part);
        await (what === 'a resume' ? resume(part) : approve(part));
        await tick();
        expect(await stateOf(part)).toEqual({ status: 'running', statusReason: null });
      },
    );

    test('that the approval of the whole covers is not resumed with a text that nobody has approved', async () => {
      const whole = await due(series, -HOUR);
      await approve(whole);
      const part = await due({ partOf: whole }, 10);
      await tick();
      await store.moveAnnouncement(part, ['running'], 'failed', 'FCM refused it');
      await edit(part, `title = 'A joke'`);
      expect(await resume(part)).toMatchObject({
        ...{ status: 'running', content: { title: 'Hello' }, edited: ['title'] },
      });
    });

    test('of an approved dry run is no push', async () => {
      const whole = await due({ ...series, dryRun: true }, -HOUR);
      await approve(whole);
      const part = await due({ partOf: whole, dryRun: true }, 10);
      await edit(part, 'dry_run = 0');
      await tick();
      expect(await stateOf(part)).toEqual({ status: 'paused', statusReason: WAITS });
    });
  });
});

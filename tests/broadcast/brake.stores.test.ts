import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { resumeAnnouncement } from '../../src/broadcast/announcement.ts';
import { approveAnnouncement } from '../../src/broadcast/approve.ts';
import { runHop } from '../../src/broadcast/hop.ts';
import { scan } from '../../src/broadcast/scan.ts';
import { systemClock } from '../../src/clock.ts';
import type { Driver } from '../../src/db/driver.ts';
import { openDriver, openStore } from '../../src/db/open.ts';
import { sql } from '../../src/db/sql.ts';
import { firstJob } from '../../src/job.ts';
import type { Store } from '../../src/store.ts';
import { draft, madeUpDevices, makeContext, type TestContext } from '../support/context.ts';
import { databaseKinds, makeDatabase, type TestDatabase } from '../support/database.ts';

const WAITS = 'waits for approval';
const NONE = { acceptEdits: false, acceptUnregistered: false };
const EDITS = { ...NONE, acceptEdits: true };

describe.each(databaseKinds())('the start of an announcement, on %s', (kind) => {
  let database: TestDatabase;
  let driver: Driver;
  let store: Store;
  let titles: string[];

  beforeEach(async () => {
    database = await makeDatabase(kind);
    driver = openDriver(database.config, systemClock);
    store = await openStore(database.config, systemClock);
    await store.addDevices(madeUpDevices(5));
    titles = [];
  });
  afterEach(async () => {
    await driver.close();
    await store.close();
    await database.drop();
  });

  /** The function; `titles` gets the title of each push. */
  function makeFunction(env: Record<string, string> = {}): TestContext {
    const ctx = makeContext(store, { env });
    return {
      ...ctx,
      senders: {
        ...ctx.senders,
        of: async () => ({
          async send({ content, devices }) {
            titles.push(...devices.map(() => content.title));
            return devices.map(() => ({
              verdict: 'delivered',
              reason: null,
              messageName: 'm',
              retryAfterMs: null,
            }));
          },
          close: async () => {},
        }),
      },
    };
  }

  /** A tick, and the invocations that it makes. */
  async function tick(ctx: TestContext): Promise<void> {
    const before = ctx.invoked.length;
    await scan(ctx);
    for (let nth = before; nth < ctx.invoked.length; nth++) {
      const job = ctx.invoked[nth];
      if (job?.kind === 'broadcast') await runHop(ctx, job);
    }
  }

  const due = async (fields = {}): Promise<number> => {
    const id = await store.createAnnouncement({ ...draft, ...fields }, 'api:anna');
    // The tick's own schedule: nobody of the audit has asked for the start.
    await driver.run(
      sql`UPDATE push_announcement SET status = 'scheduled', publish_at = created_at WHERE announcement_id = ${id}`,
    );
    return id;
  };

  const stateOf = async (id: number) => {
    const { status, statusReason } = (await store.fetchAnnouncement(id))!;
    return { status, statusReason };
  };

  const rename = (id: number, title: string) =>
    driver.run(sql`UPDATE push_announcement SET title = ${title} WHERE announcement_id = ${id}`);

  const lastOf = async (id: number) => (await store.fetchAudit(id, 100)).at(-1);

  test('with another audience than expected it is paused by the tick, nothing is planted, and a resume accepts it', async () => {
    const ctx = makeFunction();
    const id = await due({ expectedAudience: 50 });
    await tick(ctx);
    const reason = 'audience: expected about 50, got 5: resume to send it all the same';
    expect(await stateOf(id)).toEqual({ status: 'paused', statusReason: reason });
    expect(await store.countHops(id)).toEqual({ open: 0, closed: 0 });
    expect(titles).toEqual([]);
    expect(await lastOf(id)).toMatchObject({
      actor: 'baton',
      action: 'paused',
      was: 'scheduled',
      why: reason,
    });

    expect(await resumeAnnouncement({ ...ctx, actor: 'cli:ben' }, id, NONE)).toMatchObject({
      status: 'scheduled',
      statusReason: null,
    });
    expect(await lastOf(id)).toMatchObject({
      actor: 'cli:ben',
      action: 'resumed',
      why: 'its audience is accepted: expected about 50, got 5',
    });
    // That many, and not as many as there are at some time.
    expect(await store.fetchAnnouncement(id)).toMatchObject({ expectedAudience: 5 });
    await store.addDevices(madeUpDevices(8));
    await tick(ctx);
    const more = 'audience: expected about 5, got 8: resume to send it all the same';
    expect(await stateOf(id)).toEqual({ status: 'paused', statusReason: more });
    expect(titles).toEqual([]);
    await resumeAnnouncement(ctx, id, NONE);
    await tick(ctx);
    expect(await stateOf(id)).toEqual({ status: 'done', statusReason: null });
    expect(titles).toHaveLength(8);
  });

  test('with the audience that it expects, or without a number, it starts', async () => {
    const ids = [await due({ expectedAudience: 5 }), await due()];
    await tick(makeFunction());
    for (const id of ids) expect(await stateOf(id)).toEqual({ status: 'done', statusReason: null });
    expect(titles).toHaveLength(10);
  });

  test('by a direct invoke it waits in the same way, and a second invoke does not start it', async () => {
    const ctx = makeFunction();
    const id = await store.createAnnouncement({ ...draft, expectedAudience: 50 });
    for (let nth = 0; nth < 2; nth++) expect(await runHop(ctx, firstJob(id))).toMatchObject({ end: 'idle' });
    await tick(ctx);
    expect(await stateOf(id)).toMatchObject({ status: 'paused' });
    await resumeAnnouncement(ctx, id, NONE);
    await tick(ctx);
    expect(await stateOf(id)).toMatchObject({ status: 'done' });
  });

  test('a resume after another stop does not accept an audience that nobody has seen', async () => {
    const ctx = makeFunction();
    const id = await due({ expectedAudience: 50 });
    await driver.run(sql`UPDATE push_announcement SET status = 'paused', status_reason = 'not yet'`);
    await resumeAnnouncement(ctx, id, NONE);
    await tick(ctx);
    expect(await stateOf(id)).toMatchObject({
      status: 'paused',
      statusReason: expect.stringContaining('got 5'),
    });
  });

  test('a request that comes again after its audience was accepted is the same one', async () => {
    const announcement = { ...draft, expectedAudience: 50 };
    const { announcementId: id } = await store.createAnnouncementOnce(announcement, 'key', 0);
    const ctx = makeFunction();
    await tick(ctx);
    await resumeAnnouncement(ctx, id, NONE);
    expect(await store.createAnnouncementOnce(announcement, 'key', 0)).toEqual({
      ...{ announcementId: id, isNew: false, isSame: true },
    });
    const other = await store.createAnnouncementOnce({ ...announcement, lanes: 2 }, 'key', 0);
    expect(other.isSame).toBe(false);
  });

  test.runIf(kind === 'mysql')(
    'a view of the team without the columns of the brake is refused by name, and without approval works',
    async () => {
      const id = await due();
      const columns = [...(await driver.fetchColumns('push_announcement'))].filter(
        (name) => name !== 'approved_by' && name !== 'expected_audience',
      );
      await driver.run(sql`RENAME TABLE push_announcement TO notifications`);
      await driver.run({
        sql: `CREATE VIEW push_announcement AS SELECT ${columns.join(', ')} FROM notifications`,
        values: [],
      });
      const ofView = await openStore(database.config, systemClock);
      const ctx = { ...makeFunction(), store: ofView };
      await expect(approveAnnouncement({ store: ofView, actor: 'cli:ben' }, id)).rejects.toThrow(
        'push_announcement.approved_by: expected a column, got a view without it',
      );
      await expect(ofView.createAnnouncement({ ...draft, expectedAudience: 5 })).rejects.toThrow(
        'push_announcement.expected_audience: expected a column',
      );
      await ofView.moveAnnouncement(id, ['scheduled'], 'paused', 'audience: expected about 5, got 9');
      await resumeAnnouncement(ctx, id, NONE);
      await tick(ctx);
      expect(await ofView.fetchAnnouncement(id)).toMatchObject({ status: 'done' });
      await ofView.close();
    },
  );

  describe('where approval is required', () => {
    const REQUIRED = { APPROVAL: 'required' };

    test('it waits until a second person approves it, and then sends exactly what was approved', async () => {
      const ctx = makeFunction(REQUIRED);
      const id = await due();
      await tick(ctx);
      expect(await stateOf(id)).toEqual({ status: 'paused', statusReason: WAITS });

      await expect(resumeAnnouncement(ctx, id, NONE)).rejects.toThrow(
        `announcementId: expected approval by a second person first (baton approve ${id}), got one that nobody has approved`,
      );
      await expect(approveAnnouncement({ store, actor: 'api:anna' }, id)).rejects.toThrow(
        'caller: expected a second person, who neither made nor scheduled the announcement nor asked for its start, got api:anna, who has created it',
      );
      expect(await stateOf(id)).toEqual({ status: 'paused', statusReason: WAITS });

      expect(await approveAnnouncement({ store, actor: 'api:ben' }, id)).toMatchObject({
        ...{ status: 'scheduled', statusReason: null, approvedBy: 'api:ben', edited: [] },
      });
      expect(await lastOf(id)).toMatchObject({
        ...{ actor: 'api:ben', action: 'approved', was: 'paused', became: 'scheduled' },
      });
      await rename(id, 'A joke');
      expect(await store.fetchAnnouncement(id)).toMatchObject({ edited: ['title'], content: draft.content });
      await tick(ctx);
      expect(new Set(titles)).toEqual(new Set(['Hello']));
      expect(await store.fetchAnnouncement(id)).toMatchObject({ status: 'done', edited: ['title'] });
    });

    test('approved before its time it starts at its time; approved again, it sends the row as it was then', async () => {
      const ctx = makeFunction(REQUIRED);
      const id = await due();
      await approveAnnouncement({ store, actor: 'cli:ben' }, id);
      await rename(id, 'Better');
      await approveAnnouncement({ store, actor: 'cli:carl' }, id);
      await tick(ctx);
      expect(new Set(titles)).toEqual(new Set(['Better']));
      expect(await store.fetchAnnouncement(id)).toMatchObject({ status: 'done', approvedBy: 'cli:carl' });

      // It is not sent in parts, so that nothing is a part of it.
      const part = await due({ partOf: id, content: { ...draft.content, title: 'Better' } });
      await tick(ctx);
      expect(await stateOf(part)).toEqual({ status: 'paused', statusReason: WAITS });
    });

    test('who asks for the start is no second person; of a row of SQL anybody else is', async () => {
      const ctx = makeFunction(REQUIRED);
      const id = await due();
      await driver.run(sql`DELETE FROM push_audit`);
      const start = { announcementId: id, source: null, action: 'start requested', why: null } as const;
      await store.recordAudit({ ...start, actor: 'api:carl' });
      expect(await runHop(ctx, firstJob(id))).toMatchObject({ end: 'idle' });
      await expect(approveAnnouncement({ store, actor: 'api:carl' }, id)).rejects.toMatchObject({
        code: 'FORBIDDEN',
        message: expect.stringContaining('got api:carl, who asked for its start'),
      });
      await approveAnnouncement({ store, actor: 'api:ben' }, id);
      await tick(ctx);
      expect(await stateOf(id)).toMatchObject({ status: 'done' });
    });

    test('an approval that was copied with the row, without what was approved, is none', async () => {
      const id = await due();
      await driver.run(sql`UPDATE push_announcement SET approved_by = 'api:ben'`);
      expect(await store.fetchAnnouncement(id)).toMatchObject({ approvedBy: null });
      await tick(makeFunction(REQUIRED));
      expect(await stateOf(id)).toEqual({ status: 'paused', statusReason: WAITS });
    });

    test('a dry run needs none, and never becomes a push', async () => {
      const ctx = makeFunction(REQUIRED);
      const id = await due({ dryRun: true });
      await store.startAnnouncement(firstJob(id), 1000);
      await store.moveAnnouncement(id, ['running'], 'failed', 'FCM refused it');
      await driver.run(sql`UPDATE push_announcement SET dry_run = 0`);
      await expect(resumeAnnouncement(ctx, id, EDITS)).rejects.toThrow('got edits that nobody has approved');
      await resumeAnnouncement(ctx, id, NONE);
      expect(await store.fetchAnnouncement(id)).toMatchObject({
        ...{ status: 'running', dryRun: true, edited: ['dry_run'] },
      });
      await expect(approveAnnouncement({ store, actor: 'cli:ben' }, id)).rejects.toMatchObject({
        code: 'WRONG_STATUS',
      });
    });

    test('edits after the start count only once they are approved', async () => {
      const ctx = makeFunction(REQUIRED);
      const id = await due();
      await approveAnnouncement({ store, actor: 'cli:ben' }, id);
      await store.startAnnouncement(firstJob(id), 1000);
      await store.moveAnnouncement(id, ['running'], 'failed', 'FCM refused it');
      await rename(id, 'Better');
      await expect(resumeAnnouncement(ctx, id, EDITS)).rejects.toMatchObject({ code: 'WRONG_STATUS' });
      // No phone has shown it, and still the row alone does not count.
      await resumeAnnouncement(ctx, id, NONE);
      expect((await store.fetchAnnouncement(id))?.content?.title).toBe('Hello');
      await store.moveAnnouncement(id, ['running'], 'paused', null);
      const approved = await approveAnnouncement({ store, actor: 'cli:ben' }, id);
      expect(approved).toMatchObject({ status: 'paused', edited: [], content: { title: 'Better' } });
      await resumeAnnouncement(ctx, id, NONE);
      expect(await store.fetchAnnouncement(id)).toMatchObject({ status: 'running', edited: [] });
    });

    test('both reasons are named; the approval does not accept the audience, and the other way round', async () => {
      const ctx = makeFunction(REQUIRED);
      const id = await due({ expectedAudience: 50 });
      await tick(ctx);
      const audience = 'audience: expected about 50, got 5: resume to send it all the same';
      expect(await stateOf(id)).toEqual({ status: 'paused', statusReason: `${audience}; ${WAITS}` });
      await approveAnnouncement({ store, actor: 'cli:ben' }, id);
      await tick(ctx);
      expect(await stateOf(id)).toEqual({ status: 'paused', statusReason: audience });
      await resumeAnnouncement(ctx, id, NONE);
      await tick(ctx);
      expect(await stateOf(id)).toMatchObject({ status: 'done' });
    });

    test('one that runs or has ended is not approved', async () => {
      const id = await due();
      for (const status of ['running', 'done', 'cancelled']) {
        await driver.run(sql`UPDATE push_announcement SET status = ${status}`);
        await expect(approveAnnouncement({ store, actor: 'cli:ben' }, id)).rejects.toThrow(
          `announcementId: expected an announcement that is draft or scheduled or paused or failed, got ${id}, which is ${status}`,
        );
        expect(await store.fetchAnnouncement(id)).toMatchObject({ status, approvedBy: null });
      }
    });

    test('a row that cannot be sent, a mailing, and none at all are not approved', async () => {
      const id = await due();
      await driver.run(sql`UPDATE push_announcement SET data = 'no JSON'`);
      const approve = (announcementId: number) =>
        approveAnnouncement({ store, actor: 'cli:ben' }, announcementId);
      await expect(approve(id)).rejects.toThrow('expected a row that can be sent, got data: expected');
      await driver.run(sql`UPDATE push_announcement SET audience = 'messages'`);
      await expect(approve(id)).rejects.toThrow('got 1, a mailing, which needs no approval');
      await expect(approve(77)).rejects.toMatchObject({ code: 'NO_SUCH_ANNOUNCEMENT' });
    });
  });
});

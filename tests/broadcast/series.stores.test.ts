import type { Store } from '../../src/store.ts';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { announce, announceSchema } from '../../src/broadcast/announce.ts';
import { moveAnnouncement, resumeAnnouncement } from '../../src/broadcast/announcement.ts';
import { approveAnnouncement } from '../../src/broadcast/approve.ts';
import { runHop } from '../../src/broadcast/hop.ts';
import { scan } from '../../src/broadcast/scan.ts';
import { openDriver } from '../../src/db/open.ts';
import { sql } from '../../src/db/sql.ts';
import { firstJob } from '../../src/job.ts';
import type { Announcement } from '../../src/model/announcement.ts';
import { parseWith } from '../../src/parse.ts';
import { makeTestClock, type TestClock } from '../support/clock.ts';
import { draft, madeUpDevices, makeContext, type TestContext } from '../support/context.ts';
import { databaseKinds, makeDatabase, type TestDatabase } from '../support/database.ts';
import { openTimedStore } from '../support/timed-store.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** What the tests write. */
const TABLES = [
  ...['push_announcement', 'push_device', 'push_hop', 'push_audience', 'push_snapshot'],
  ...['push_delivery', 'push_budget', 'push_turn'],
];

const env = { FCM_CREDENTIALS: 'application-default', FCM_PROJECT_ID: 'p' };

describe.each(databaseKinds())('announcements that are sent in parts, on %s', (kind) => {
  let database: TestDatabase;
  let clock: TestClock;
  let store: Store;
  let other: Store;

  beforeAll(async () => {
    database = await makeDatabase(kind);
  });
  afterEach(async () => {
    const driver = openDriver(database.config, clock);
    for (const table of TABLES) await driver.run({ sql: `DELETE FROM ${table}`, values: [] });
    await driver.close();
    await store.close();
    await other.close();
  });
  afterAll(() => database.drop());

  function startAt(time: string): void {
    clock = makeTestClock({ startMs: Date.parse(time), isEager: true });
    store = openTimedStore(database.config, clock);
    other = openTimedStore(database.config, clock);
  }

  const contextOf = (own = store, more: Record<string, string> = {}): TestContext =>
    makeContext(own, { clock, env: { ...env, ...more } });

  /** Announces what a request has, beside a title and a body. */
  const make = async (fields: object, more: Record<string, string> = {}): Promise<number> => {
    const job = parseWith(announceSchema, { title: 't', body: 'b', ...fields }, 'BAD_EVENT');
    const ctx = { ...contextOf(store, more), requestId: crypto.randomUUID() };
    return (await announce(ctx, job)).announcementId;
  };

  const write = async (statement: ReturnType<typeof sql>): Promise<void> => {
    const driver = openDriver(database.config, clock);
    await driver.run(statement);
    await driver.close();
  };

  const addDevicesIn = async (...zones: readonly (string | null)[]): Promise<void> => {
    await store.addDevices(madeUpDevices(zones.length));
    for (const [nth, zone] of zones.entries()) {
      await write(sql`UPDATE push_device SET time_zone = ${zone} WHERE target = ${`target-${nth + 1}`}`);
    }
  };

  const fetchOne = async (announcementId: number): Promise<Announcement> => {
    const announcement = await store.fetchAnnouncement(announcementId);
    if (!announcement) throw new Error('no announcement');
    return announcement;
  };

  /** The times of the parts, the earliest first, as `03-29T01:00`. */
  const timesOfParts = async (announcementId: number): Promise<string[]> => {
    const parts = new Set((await store.fetchParts(announcementId, 1000)).map((part) => part.announcementId));
    const all = (await store.fetchLatest(1000)).filter((each) => parts.has(each.announcementId));
    expect(all.length).toBe(parts.size);
    return all
      .map(({ publishAt }) => new Date(publishAt ?? 0).toISOString().slice(5, 16))
      .toSorted((one, two) => (one < two ? -1 : 1));
  };

  /** Ticks half a minute before each time of the announcement, until a time or its end. */
  const tickUntil = async (announcementId: number, end: string, more = {}): Promise<void> => {
    for (;;) {
      const dueAt = await store.fetchDueTime(announcementId);
      if (dueAt === null || dueAt > Date.parse(end)) return;
      await clock.advance(Math.max(0, dueAt - MINUTE / 2 - clock.now()));
      await scan(contextOf(store, more));
    }
  };

  const tickFor = async (minutes: number, stepMs = MINUTE): Promise<void> => {
    for (let passed = 0; passed < minutes * MINUTE; passed += stepMs) {
      await scan(contextOf());
      await clock.advance(stepMs);
    }
  };

  describe('a repeat', () => {
    test('waits as a whole until a second person approves it: then its parts need no approval', async () => {
      startAt('2026-06-01T08:58:00Z');
      const required = { APPROVAL: 'required' };
      const id = await make({ repeat: { at: '0 * * * *', zone: 'UTC' } }, required);
      await clock.advance(2 * MINUTE);
      await scan(contextOf(store, required));
      expect(await fetchOne(id)).toMatchObject({ status: 'paused', statusReason: 'waits for approval' });
      expect(await store.fetchParts(id, 10)).toEqual([]);

      await approveAnnouncement({ store, actor: 'cli:ben' }, id);
      await clock.advance(MINUTE);
      for (let ticks = 0; ticks < 2; ticks++) await scan(contextOf(store, required));
      const [part] = await store.fetchParts(id, 10);
      expect(await timesOfParts(id)).toEqual(['06-01T09:00']);
      expect(part).toMatchObject({ status: 'running' });
    });

    test('makes each occurrence an announcement of its own, with the content of its row', async () => {
      startAt('2026-06-01T08:58:00Z');
      const filter = { platform: ['ios' as const] };
      const id = await store.createAnnouncement({
        ...draft,
        filter,
        dryRun: true,
        repeat: { at: '0 9 * * *', zone: 'UTC' },
      });
      await write(sql`UPDATE push_announcement SET status = 'scheduled' WHERE announcement_id = ${id}`);
      await tickFor(5);
      const [part] = await store.fetchParts(id, 10);
      expect(await timesOfParts(id)).toEqual(['06-01T09:00']);
      expect(await fetchOne(part?.announcementId ?? 0)).toMatchObject({
        content: draft.content,
        filter,
        dryRun: true,
        partOf: id,
        repeat: null,
      });
      expect(await fetchOne(id)).toMatchObject({
        status: 'scheduled',
        statusReason: `repeats 0 9 * * * UTC, next 2026-06-02 09:00:00 UTC, last part ${part?.announcementId}`,
      });
    });

    test('two ticks at the same time make one occurrence', async () => {
      startAt('2026-06-01T08:59:30Z');
      const id = await make({ repeat: { at: '*/5 * * * *', zone: 'UTC' } });
      await Promise.all([scan(contextOf()), scan(contextOf(other))]);
      await clock.advance(MINUTE);
      await Promise.all([scan(contextOf()), scan(contextOf(other))]);
      expect(await timesOfParts(id)).toEqual(['06-01T09:00']);
    });

    test('a tick that died between the occurrence and the next time is made up for', async () => {
      startAt('2026-06-01T08:59:30Z');
      const id = await make({ repeat: { at: '*/5 * * * *', zone: 'UTC' } });
      const dies = { ...store, moveTime: () => Promise.reject(new Error('killed')) };
      await expect(scan(contextOf(dies))).rejects.toThrow('killed');
      expect(await timesOfParts(id)).toEqual(['06-01T09:00']);
      await clock.advance(MINUTE);
      await scan(contextOf());
      expect(await timesOfParts(id)).toEqual(['06-01T09:00']);
      expect(await store.fetchDueTime(id)).toBe(Date.parse('2026-06-01T09:05:00Z'));
    });

    test('after a gap of the ticks the last hour is sent late, and what is older is skipped and said so', async () => {
      startAt('2026-06-01T00:00:00Z');
      const id = await make({ repeat: { at: '30 * * * *', zone: 'UTC' } });
      await scan(contextOf());
      await clock.advance(5 * HOUR);
      await scan(contextOf());
      expect(await timesOfParts(id)).toEqual(['06-01T04:30']);
      const audit = await store.fetchAudit(id, 100);
      expect(audit.map(({ why }) => why)).toContain('4 parts skipped: late by more than an hour');
    });

    test.each([
      ['forward', '2026-03-28T12:00:00Z', ['03-29T01:00', '03-30T00:30']],
      ['back', '2026-10-24T12:00:00Z', ['10-25T00:30', '10-26T01:30']],
    ])('is once a day where the clocks are set %s', async (_name, start, expected) => {
      startAt(start);
      const id = await make({ repeat: { at: '30 2 * * *', zone: 'Europe/Berlin' } });
      await tickUntil(id, `2026-${expected.at(-1)}Z`);
      expect(await timesOfParts(id)).toEqual(expected);
    });

    test('pause and resume: what was due meanwhile is skipped; after a cancel nothing comes', async () => {
      startAt('2026-06-01T08:58:00Z');
      const id = await make({ repeat: { at: '0 * * * *', zone: 'UTC' } });
      await tickFor(5);
      const ctx = contextOf();
      expect(await moveAnnouncement(ctx, id, 'pause')).toMatchObject({ status: 'paused' });
      await clock.advance(3 * HOUR);
      await tickFor(3);
      expect(await timesOfParts(id)).toEqual(['06-01T09:00']);
      expect(await moveAnnouncement(ctx, id, 'resume').catch(() => fetchOne(id))).toMatchObject({
        status: 'scheduled',
      });
      await tickFor(2);
      expect(await timesOfParts(id)).toEqual(['06-01T09:00', '06-01T12:00']);
      await moveAnnouncement(ctx, id, 'cancel');
      await clock.advance(2 * HOUR);
      await tickFor(2);
      expect(await timesOfParts(id)).toHaveLength(2);
    });

    test('an occurrence that is made already does not start if the repeat is cancelled before its time', async () => {
      startAt('2026-06-01T08:59:00Z');
      const id = await make({ repeat: { at: '0 9 * * *', zone: 'UTC' } });
      await scan(contextOf());
      const [part] = await store.fetchParts(id, 1);
      await moveAnnouncement(contextOf(), id, 'cancel');
      await clock.advance(MINUTE);
      expect(await scan(contextOf())).toMatchObject({ started: 0 });
      expect(await fetchOne(part?.announcementId ?? 0)).toMatchObject({
        status: 'cancelled',
        statusReason: `announcement ${id}, which it is a part of, is cancelled`,
      });
    });

    test('never sends itself, whoever asks for it', async () => {
      startAt('2026-06-01T08:59:00Z');
      await store.addDevices(madeUpDevices(3));
      const id = await make({ repeat: { at: '0 9 * * *', zone: 'UTC' } });
      const ctx = contextOf();
      expect(await runHop(ctx, firstJob(id))).toMatchObject({ end: 'idle', sent: 0 });
      expect(ctx.sent).toEqual([]);
      expect(await fetchOne(id)).toMatchObject({ status: 'scheduled' });
    });

    test('a row that cannot be sent, or whose repeat is not valid, fails with the reason', async () => {
      startAt('2026-06-01T08:59:00Z');
      const rows = [
        { at: 'every day', zone: 'UTC', reason: /^repeat.at: expected five fields of a cron expression/ },
        { at: '0 9 * * *', zone: 'Mars', reason: /^repeat.zone: expected a time zone/ },
        { at: '0 0 30 2 *', zone: 'UTC', reason: /^repeat.at: expected a time that occurs/ },
      ];
      for (const { reason, ...repeat } of rows) {
        const id = await store.createAnnouncement({ ...draft, repeat });
        await write(sql`UPDATE push_announcement SET status = 'scheduled' WHERE announcement_id = ${id}`);
        await scan(contextOf());
        expect(await fetchOne(id)).toMatchObject({
          status: 'failed',
          statusReason: expect.stringMatching(reason) as string,
        });
      }
    });

    test('a mailing that says so has no parts: they would go to every device', async () => {
      startAt('2026-06-01T08:59:00Z');
      const id = await store.createAnnouncement({ ...draft, repeat: { at: '0 9 * * *', zone: 'UTC' } });
      await write(
        sql`UPDATE push_announcement SET status = 'scheduled', audience = 'messages' WHERE announcement_id = ${id}`,
      );
      await scan(contextOf());
      expect(await store.fetchParts(id, 1)).toEqual([]);
      expect(await fetchOne(id)).toMatchObject({
        status: 'failed',
        statusReason: 'audience: expected devices, got messages',
      });
    });

    test('fails if the key of its part is that of another announcement, which is no part of it', async () => {
      startAt('2026-06-01T08:59:00Z');
      const id = await make({ repeat: { at: '0 9 * * *', zone: 'UTC' } });
      const key = `part:${id}:${Date.parse('2026-06-01T09:00:00Z')}`;
      await expect(make({ idempotencyKey: key })).rejects.toThrow(/^idempotencyKey: expected 1 to 100/);
      const { announcementId } = await store.createAnnouncementOnce(draft, key, clock.now() + HOUR);
      const ctx = contextOf();
      await scan(ctx);
      expect(await fetchOne(id)).toMatchObject({
        status: 'failed',
        statusReason: `idempotency_key: expected no announcement but a part with ${key}, got ${announcementId}`,
      });
      expect(ctx.logged).toContain('parts not made');
    });

    test('an occurrence that a tick made before it died stays as it was, though the row was edited since', async () => {
      startAt('2026-06-01T08:59:30Z');
      const id = await make({ repeat: { at: '0 9 * * *', zone: 'UTC' } });
      const dies = { ...store, moveTime: () => Promise.reject(new Error('killed')) };
      await expect(scan(contextOf(dies))).rejects.toThrow('killed');
      await write(sql`UPDATE push_announcement SET title = 'other' WHERE announcement_id = ${id}`);
      await scan(contextOf());
      expect(await fetchOne(id)).toMatchObject({ status: 'scheduled' });
      expect(await timesOfParts(id)).toEqual(['06-01T09:00']);
    });

    test('one that is not valid, or never occurs, is refused when it is announced', async () => {
      startAt('2026-06-01T08:59:00Z');
      await expect(make({ repeat: { at: '0 0 30 2 *', zone: 'UTC' } })).rejects.toThrow(
        'repeat.at: expected a time that occurs, got one that never does',
      );
      await expect(make({ repeat: { at: 'hourly', zone: 'UTC' } })).rejects.toThrow(/^repeat.at: /);
      await expect(
        make({ repeat: { at: '0 9 * * *', zone: 'UTC' }, localTime: '2026-12-24T18:00' }),
      ).rejects.toThrow(/one of publishAt, localTime and repeat/);
      expect(await store.fetchLatest(1)).toEqual([]);
    });
  });

  describe('a local time', () => {
    test('every device gets one push, in the part of its zone, and the announcement is done after the last', async () => {
      startAt('2026-12-24T08:00:00Z');
      const zones = ['Europe/Berlin', 'europe/berlin', 'Asia/Tokyo', 'America/New_York', null, '', 'Nowhere'];
      await addDevicesIn(...zones, 'Asia/Kathmandu');
      const newYork = { TIME_ZONE: 'America/New_York' };
      const id = await make({ localTime: '2026-12-24T18:00' }, newYork);
      await tickUntil(id, '2026-12-26T00:00Z', newYork);
      expect(await timesOfParts(id)).toEqual(['12-24T09:00', '12-24T12:15', '12-24T17:00', '12-24T23:00']);
      const parts = (await store.fetchParts(id, 10)).map(({ announcementId }) => announcementId).toReversed();
      const sent: string[][] = [];
      for (const part of parts) {
        const ctx = contextOf();
        await runHop(ctx, firstJob(part));
        sent.push(ctx.sent.toSorted((one, two) => one.localeCompare(two)));
      }
      expect(sent).toEqual([
        ['target-3'],
        ['target-8'],
        ['target-1', 'target-2'],
        ['target-4', 'target-5', 'target-6', 'target-7'],
      ]);
      expect(await fetchOne(id)).toMatchObject({
        status: 'done',
        statusReason: `sent in 4 parts: ${parts.join(', ')}`,
      });
    });

    test.each([
      ['forward', '2026-03-29T00:00:00Z', '2026-03-29T02:30', ['03-29T01:00', '03-29T02:30']],
      ['back', '2026-10-24T23:30:00Z', '2026-10-25T02:30', ['10-25T00:30', '10-25T02:30']],
    ])('where the clocks are set %s each device gets it once', async (_name, start, localTime, expected) => {
      startAt(start);
      await addDevicesIn('Europe/Berlin', null);
      const id = await make({ localTime });
      await tickUntil(id, `2026-${expected.at(-1)}Z`);
      expect(await timesOfParts(id)).toEqual(expected);
    });

    test('a zone whose first device registers after the announcement was made gets it too', async () => {
      startAt('2026-12-24T13:30:00Z');
      await addDevicesIn('Europe/Berlin', 'Europe/Berlin');
      const id = await make({ localTime: '2026-12-24T18:00' });
      await clock.advance(2 * HOUR);
      await write(sql`UPDATE push_device SET time_zone = 'America/New_York' WHERE target = 'target-2'`);
      await tickUntil(id, '2026-12-24T23:00Z');
      expect(await timesOfParts(id)).toEqual(['12-24T17:00', '12-24T23:00']);
    });

    test('its own filter of zones is kept', async () => {
      startAt('2026-12-24T16:00:00Z');
      await addDevicesIn('Europe/Berlin', 'Europe/Paris', 'America/New_York');
      const id = await store.createAnnouncement({
        ...draft,
        filter: { timeZone: ['Europe/Paris'], platform: ['web'] },
        localTime: '2026-12-24T18:00',
      });
      await write(sql`UPDATE push_announcement SET status = 'scheduled' WHERE announcement_id = ${id}`);
      await scan(contextOf());
      await tickUntil(id, '2026-12-24T23:00Z');
      const parts = await store.fetchParts(id, 10);
      expect(parts).toHaveLength(1);
      expect(await fetchOne(parts[0]?.announcementId ?? 0)).toMatchObject({
        filter: { timeZone: ['Europe/Paris'], platform: ['web'] },
      });
    });

    /** Sends the parts to their end; resolves to the targets, sorted. */
    const sendParts = async (announcementId: number): Promise<string[]> => {
      const ctx = contextOf(store, { PAGE_SIZE: '3000' });
      const parts = await store.fetchParts(announcementId, 100);
      for (const part of parts) await runHop(ctx, firstJob(part.announcementId));
      return ctx.sent.toSorted((one, two) => one.localeCompare(two));
    };

    test('another name with the same instant that appears after the part gets a part of its own', async () => {
      startAt('2026-12-24T16:59:30Z');
      await addDevicesIn('Europe/Berlin', 'America/New_York');
      const id = await make({ localTime: '2026-12-24T18:00' });
      await scan(contextOf());
      await clock.advance(5 * MINUTE);
      await store.addDevices([{ target: 'target-3', targetKind: 'token' }]);
      await write(sql`UPDATE push_device SET time_zone = 'Europe/Paris' WHERE target = 'target-3'`);
      await tickUntil(id, '2026-12-24T18:20Z');
      expect(await timesOfParts(id)).toEqual(['12-24T17:00', '12-24T17:00']);
      expect(await sendParts(id)).toEqual(['target-1', 'target-3']);
    });

    test('names that come before those of a part do not push any of these twice', async () => {
      startAt('2026-12-24T17:59:30Z');
      const zones = Array.from({ length: 901 }, (_, nth) => `zone-${nth + 1000}`);
      await store.addDevices(madeUpDevices(zones.length));
      await write(sql`UPDATE push_device SET time_zone = ${'zone-1000'}`);
      const id = await make({ localTime: '2026-12-24T18:00' });
      const many = { ...store, fetchTimeZones: async () => zones };
      await scan(contextOf(many));
      const before = { ...store, fetchTimeZones: async () => ['a zone', 'zone-0', ...zones.toReversed()] };
      await clock.advance(16 * MINUTE);
      await scan(contextOf(before));
      const parts = await Promise.all(
        (await store.fetchParts(id, 10)).map((part) => fetchOne(part.announcementId)),
      );
      const names = parts.flatMap(({ filter }) => filter?.timeZone ?? []);
      expect(parts.map(({ filter }) => filter?.timeZone?.length)).toEqual([2, 1, 900]);
      expect(new Set(names).size).toBe(names.length);
    });

    test('two ticks that overlap and see other names give each name one part', async () => {
      startAt('2026-12-24T17:59:30Z');
      await addDevicesIn('UTC');
      const id = await make({ localTime: '2026-12-24T18:00' });
      const seesTwo = {
        ...other,
        async fetchTimeZones() {
          await scan(contextOf());
          return ['Etc/UTC', 'UTC'];
        },
      };
      await scan(contextOf(seesTwo));
      const parts = await Promise.all(
        (await store.fetchParts(id, 10)).map((part) => fetchOne(part.announcementId)),
      );
      const names = parts.flatMap(({ filter }) => filter?.timeZone ?? []);
      expect(names.toSorted((one, two) => (String(one) < String(two) ? -1 : 1))).toEqual(['Etc/UTC', 'UTC']);
    });

    test('a name that is longer than a filter takes does not keep the others from it', async () => {
      startAt('2026-12-24T17:59:30Z');
      await addDevicesIn(null, 'Nowhere');
      const id = await make({ localTime: '2026-12-24T18:00' });
      const withJunk = { ...store, fetchTimeZones: async () => [null, 'x'.repeat(256), 'Nowhere'] };
      const ctx = contextOf(withJunk);
      await scan(ctx);
      await clock.advance(MINUTE);
      expect(await sendParts(id)).toEqual(['target-1', 'target-2']);
      expect(ctx.logged).toContain('names of time zones left out');
    });

    test('the audience of all zones together is compared with the expected number before the first part', async () => {
      startAt('2026-12-24T16:59:30Z');
      await addDevicesIn('Europe/Berlin', 'Europe/Berlin', 'America/New_York');
      const id = await make({ localTime: '2026-12-24T18:00', expectedAudience: 1 });
      await scan(contextOf());
      expect(await fetchOne(id)).toMatchObject({
        status: 'paused',
        statusReason: 'audience: expected about 1, got 3: resume to send it all the same',
      });
      expect(await store.fetchParts(id, 1)).toEqual([]);
      const accepts = { acceptEdits: false, acceptUnregistered: false };
      await resumeAnnouncement(contextOf(), id, accepts);
      await tickUntil(id, '2026-12-24T23:00Z');
      expect(await timesOfParts(id)).toEqual(['12-24T17:00', '12-24T23:00']);
    });

    test('a second request with its key is the same announcement, also when its time has passed', async () => {
      startAt('2026-12-24T17:59:30Z');
      await addDevicesIn('UTC');
      const request = { localTime: '2026-12-24T18:00', idempotencyKey: 'christmas' };
      const id = await make(request);
      await tickUntil(id, '2026-12-26T00:00Z');
      await clock.advance(3 * HOUR);
      expect(await make(request)).toBe(id);
      await expect(make({ ...request, title: 'other' })).rejects.toThrow(/^idempotencyKey: /);
      await expect(make({ ...request, idempotencyKey: 'other' })).rejects.toThrow(/^localTime: /);
    });

    test('zones where it is more than an hour ago are skipped; where it is past for all, it is refused', async () => {
      startAt('2026-12-24T17:30:00Z');
      await addDevicesIn('Asia/Tokyo', 'Europe/Berlin', 'America/New_York');
      const id = await make({ localTime: '2026-12-24T18:00' });
      await tickUntil(id, '2026-12-24T23:00Z');
      expect(await timesOfParts(id)).toEqual(['12-24T17:00', '12-24T23:00']);
      await clock.advance(2 * HOUR);
      await expect(make({ localTime: '2026-12-24T18:00' })).rejects.toThrow(
        'localTime: expected a time that is still to come where a device is, got "2026-12-24T18:00"',
      );
    });
  });
});

import { expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { openDriver, openStore } from '../../src/db/open.ts';
import { sql } from '../../src/db/sql.ts';
import { makeDatabase } from '../support/database.ts';
import { describeStores, draft, LEASE_MS } from './contract.ts';

await describeStores('announcements', ({ kind, store, other, startHop, passTime }) => {
  test('an announcement is read back as it was written', async () => {
    const id = await store.createAnnouncement(draft);
    expect(await store.fetchAnnouncement(id)).toEqual({
      ...draft,
      announcementId: id,
      audience: 'devices',
      status: 'draft',
      statusReason: null,
      acceptUnregistered: false,
      problem: null,
      edited: [],
      ...{ filter: null, locales: null, template: null, expectedAudience: null, approvedBy: null },
      ...{ localTime: null, repeat: null, partOf: null },
    });
    const aimed = {
      ...draft,
      filter: { platform: ['ios'], tags: { plan: ['pro', 'team'] }, sample: '0-10%' },
      locales: { de: { title: 'Hallo', body: 'Welt' } },
      ...{ template: 'liquid' as const, expectedAudience: 12, localTime: '2026-12-24T18:00', partOf: id },
      repeat: { at: '0 9 * * 1', zone: 'Europe/Berlin' },
    } as const;
    expect(await store.fetchAnnouncement(await store.createAnnouncement(aimed))).toMatchObject(aimed);
    const picture = {
      ...draft,
      dryRun: true,
      guarantee: 'at-most-once',
      content: { ...draft.content, image: 'https://e.x/i.png' },
    } as const;
    expect(await store.fetchAnnouncement(await store.createAnnouncement(picture))).toMatchObject(picture);
    expect(await store.fetchAnnouncement(999_999)).toBeNull();
  });

  test('a status changes only from one of the expected statuses, and once', async () => {
    const id = await store.createAnnouncement(draft);
    expect(await store.moveAnnouncement(id, ['running', 'paused'], 'done', null)).toBe(false);
    expect(await store.moveAnnouncement(id, ['draft'], 'failed', 'for a reason')).toBe(true);
    expect(await store.moveAnnouncement(id, ['draft'], 'failed', 'for another')).toBe(false);
    expect(await store.fetchAnnouncement(id)).toMatchObject({
      status: 'failed',
      statusReason: 'for a reason',
    });
  });

  test('an announcement that two callers start at the same time starts once', async () => {
    const announcementId = await store.createAnnouncement(draft);
    const key = { announcementId, round: 0, fromId: 0 };
    const isStarted = await Promise.all([
      store.startAnnouncement(key, LEASE_MS),
      other.startAnnouncement(key, LEASE_MS),
    ]);
    expect(isStarted.filter(Boolean)).toHaveLength(1);
    expect(await store.countHops(announcementId)).toEqual({ open: 1, closed: 0 });
  });

  test('a second start plants nothing', async () => {
    const { announcementId } = await startHop();
    const elsewhere = { announcementId, round: 0, fromId: 5000 };
    expect(await store.startAnnouncement(elsewhere, LEASE_MS)).toBe(false);
    expect(await store.claimHop(elsewhere, 'a', LEASE_MS)).toEqual({ kind: 'absent' });
  });

  test('ticks are one row, and the database measures its age', async () => {
    expect(await store.fetchTickAgeMs()).toBe(null);
    await store.recordTick();
    await passTime(60_000);
    expect(await store.fetchTickAgeMs()).toBeGreaterThanOrEqual(60_000);
    await store.recordTick();
    const ageMs = await store.fetchTickAgeMs();
    expect(ageMs).toBeGreaterThanOrEqual(0);
    expect(ageMs).toBeLessThan(60_000);
  });

  test('the list of announcements has every status, the latest first, page by page', async () => {
    const database = await makeDatabase(kind);
    const listed = await openStore(database.config, systemClock);
    expect(await listed.fetchLatest(10)).toEqual([]);

    const draftId = await listed.createAnnouncement(draft);
    const publishAt = Date.UTC(2027, 1, 3, 4, 5, 6, 789);
    const content = { ...draft.content, title: 'Second' };
    const { announcementId: scheduledId } = await listed.createAnnouncementOnce(
      { ...draft, content, source: 'shop', dryRun: true },
      'key',
      publishAt,
    );
    const failedId = await listed.createAnnouncement(draft);
    await listed.startAnnouncement({ announcementId: failedId, round: 0, fromId: 0 }, LEASE_MS);
    await listed.moveAnnouncement(failedId, ['running'], 'failed', 'for a reason');
    await listed.addMessages(
      [
        {
          ...{ messageKey: 'm', source: 'shop', recipient: { deviceId: 1, memberId: null } },
          ...{ content: draft.content, ttlSeconds: null },
        },
      ],
      0,
    );
    const mailingId = (await listed.makeMailing('shop', 10)) ?? 0;
    const startedAt = Date.UTC(2026, 0, 1, 0, 0, 0, 1);
    const finishedAt = Date.UTC(2026, 0, 1, 1, 2, 3, 456);
    const driver = openDriver(database.config, systemClock);
    const { at } = driver.dialect;
    await driver.run(
      sql`UPDATE push_announcement SET started_at = ${at(startedAt)}, finished_at = ${at(finishedAt)}
          WHERE announcement_id = ${failedId}`,
    );
    await driver.run(
      sql`UPDATE push_announcement SET publish_at = ${at(startedAt)} WHERE announcement_id = ${mailingId}`,
    );
    await driver.close();

    const common = {
      ...{ audience: 'devices', source: 'default', statusReason: null, dryRun: false },
      ...{ title: draft.content.title, publishAt: null, startedAt: null, finishedAt: null },
    };
    const mailing = {
      ...{ ...common, announcementId: mailingId, status: 'scheduled', publishAt: startedAt },
      ...{ audience: 'messages', source: 'shop', title: '' },
    };
    const failed = {
      ...{ ...common, announcementId: failedId, status: 'failed', statusReason: 'for a reason' },
      ...{ startedAt, finishedAt },
    };
    const scheduled = {
      ...{ ...common, announcementId: scheduledId, status: 'scheduled', publishAt },
      ...{ source: 'shop', title: 'Second', dryRun: true },
    };
    const first = { ...common, announcementId: draftId, status: 'draft' };
    expect(await listed.fetchLatest(10)).toEqual([mailing, failed, scheduled, first]);
    expect(await listed.fetchLatest(2)).toEqual([mailing, failed]);
    expect(await listed.fetchLatest(2, failedId)).toEqual([scheduled, first]);
    expect(await listed.fetchLatest(2, draftId)).toEqual([]);
    await listed.close();
    await database.drop();
  });
});

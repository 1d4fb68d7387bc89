import { expect, test } from 'vitest';
import { describeStores, draft, LEASE_MS } from './contract.ts';

await describeStores('the audit', ({ store }) => {
  const changesOf = async (announcementId: number) =>
    (await store.fetchAudit(announcementId, 100)).map(({ actor, action, was, became, why }) => ({
      ...{ actor, action, was, became, why },
    }));

  test('has who changed an announcement, from what, to what and why', async () => {
    const id = await store.createAnnouncement(draft, 'cli:anna');
    const key = { announcementId: id, round: 0, fromId: 0 };
    const dueMs = Date.UTC(2026, 11, 24, 18);
    await store.scheduleAnnouncement(id, dueMs, 'api:shop');
    await store.startAnnouncement(key, LEASE_MS, [], { actor: 'schedule' });
    await store.moveAnnouncement(id, ['running'], 'failed', 'FCM refused', 'baton');
    await store.acceptEdits(id, 'cli:anna');
    await store.acceptUnregistered(id, 'cli:anna');
    await store.moveAnnouncement(id, ['paused', 'failed'], 'running', null, 'cli:anna');
    await store.moveAnnouncement(id, ['running'], 'paused', null, 'api:shop');
    await store.moveAnnouncement(id, ['paused'], 'cancelled', null, 'api:shop');
    const none = { was: null, became: null, why: null };
    expect(await changesOf(id)).toEqual([
      { ...none, actor: 'cli:anna', action: 'created', became: 'draft' },
      {
        actor: 'api:shop',
        action: 'scheduled',
        was: 'draft',
        became: 'scheduled',
        why: 'due 2026-12-24T18:00:00.000Z',
      },
      { ...none, actor: 'schedule', action: 'started', was: 'scheduled', became: 'running' },
      { actor: 'baton', action: 'failed', was: 'running', became: 'failed', why: 'FCM refused' },
      { ...none, actor: 'cli:anna', action: 'edits accepted' },
      { ...none, actor: 'cli:anna', action: 'unregistered accepted' },
      { ...none, actor: 'cli:anna', action: 'resumed', was: 'failed', became: 'running' },
      { ...none, actor: 'api:shop', action: 'paused', was: 'running', became: 'paused' },
      { ...none, actor: 'api:shop', action: 'cancelled', was: 'paused', became: 'cancelled' },
    ]);
  });

  test('has nothing of a change that was refused, and one line for a request that came twice', async () => {
    const key = crypto.randomUUID();
    const { announcementId: id } = await store.createAnnouncementOnce(draft, key, 0, 'api:shop');
    await store.createAnnouncementOnce(draft, key, 0, 'api:shop');
    expect(await store.moveAnnouncement(id, ['running'], 'paused', null, 'api:shop')).toBe(false);
    expect(await store.finishAnnouncement(id, 0)).toBe(false);
    await store.acceptEdits(id, 'api:shop');
    expect(await changesOf(id)).toMatchObject([
      { actor: 'api:shop', action: 'created', became: 'scheduled' },
    ]);
  });

  test('of two callers that pause at the same time has the one that did', async () => {
    const id = await store.createAnnouncement(draft);
    await store.startAnnouncement({ announcementId: id, round: 0, fromId: 0 }, LEASE_MS);
    const callers = ['api:a', 'api:b', 'api:c'] as const;
    const moved = await Promise.all(
      callers.map((actor) => store.moveAnnouncement(id, ['running'], 'paused', null, actor)),
    );
    expect(moved.filter((isMoved) => isMoved)).toHaveLength(1);
    const paused = (await changesOf(id)).filter(({ action }) => action === 'paused');
    expect(paused.map(({ actor }) => actor)).toEqual(callers.filter((_, nth) => moved[nth]));
  });

  test('has the brakes and outages of a source, by time', async () => {
    const source = crypto.randomUUID();
    const brake = { pauseMs: 60_000, rampAgeMs: 0, reason: 'throttled', outages: 0 };
    const version = async (): Promise<number> => (await store.fetchBudget(source, null)).version;
    expect(await store.brakeBudget(source, await version(), brake)).toBe(true);
    expect(await store.brakeBudget(source, 4711, brake)).toBe(false);
    const outage = { ...brake, pauseMs: 10_000, reason: 'FCM is down', outages: 1 };
    await store.brakeBudget(source, await version(), outage);
    await store.endOutage(source);
    await store.endOutage(source);
    const hour = 3_600_000;
    const [from, to] = [Date.now() - hour, Date.now() + hour];
    const entries = await store.fetchSourceAudit(source, from, to, 10);
    expect(entries).toMatchObject([
      { source, announcementId: null, actor: 'baton', action: 'throttled', why: 'throttled for 60 s' },
      { action: 'outage', why: 'FCM is down for 10 s' },
      { action: 'outage over', why: null },
    ]);
    expect(await store.fetchSourceAudit(source, to, to, 10)).toEqual([]);
  });
});

import { expect, test } from 'vitest';
import { describeStores, draft } from './contract.ts';

await describeStores('overviews', ({ store, startHop }) => {
  const titled = (title: string) => ({ ...draft, content: { ...draft.content, title } });

  test('current announcements are those that run or are paused, the latest first', async () => {
    const { announcementId: one } = await startHop(titled('one'));
    const { announcementId: two } = await startHop(titled('two'));
    const { announcementId: three } = await startHop(titled('three'));
    await store.createAnnouncement(draft);
    await store.moveAnnouncement(two, ['running'], 'paused', null);
    await store.moveAnnouncement(three, ['running'], 'cancelled', null);
    expect(await store.fetchCurrent(10)).toMatchObject([
      { announcementId: two, title: 'two', status: 'paused' },
      { announcementId: one, title: 'one', status: 'running' },
    ]);
    expect((await store.fetchCurrent(1)).map(({ announcementId }) => announcementId)).toEqual([two]);
    for (const id of [one, two]) await store.moveAnnouncement(id, ['running', 'paused'], 'cancelled', null);
  });

  test('the schedule begins with what is due next', async () => {
    const [later, sooner] = [await store.createAnnouncement(draft), await store.createAnnouncement(draft)];
    await store.scheduleAnnouncement(later, 2_000_000_000_000);
    await store.scheduleAnnouncement(sooner, 1_900_000_000_000);
    expect(await store.fetchSchedule(10)).toMatchObject([
      { announcementId: sooner, publishAt: 1_900_000_000_000 },
      { announcementId: later },
    ]);
    expect(await store.fetchSchedule(1)).toHaveLength(1);
  });

  test('the budgets of all sources are read at once, and none is made by reading', async () => {
    expect(await store.fetchSourceBudgets()).toEqual([]);
    const { version } = await store.fetchBudget('shop', null);
    const brake = { pauseMs: 60_000, rampAgeMs: 0, reason: 'FCM throttles', outages: 0 };
    expect(await store.brakeBudget('shop', version, brake)).toBe(true);
    const [budget, ...others] = await store.fetchSourceBudgets();
    expect(others).toEqual([]);
    expect(budget).toMatchObject({ source: 'shop', brakeReason: 'FCM throttles', outages: 0, answerMs: 0 });
    expect(budget!.brakeMs).toBeGreaterThan(0);
    expect(budget!.brakeMs).toBeLessThanOrEqual(60_000);
    expect(budget!.freeInMs).toBe(budget!.brakeMs);
  });

  test('devices are counted by their state', async () => {
    expect(await store.countDevicesByState()).toEqual({ active: 0, unregistered: 0 });
    await store.addDevices([1, 2, 3].map((nth) => ({ target: `device-${nth}`, targetKind: 'token' })));
    expect(await store.countDevicesByState()).toEqual({ active: 3, unregistered: 0 });
  });
});

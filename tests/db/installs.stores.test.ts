import { expect, test } from 'vitest';
import type { DeviceInTable } from '../../src/model/device.ts';
import { MAX_TAGS } from '../../src/model/tags.ts';
import { draft } from '../support/context.ts';
import { describeStores } from './contract.ts';

let phones = 0;

/** A phone that no other test has: its FID, and the token that begins with it. */
function makePhone(): { fid: string; token: string } {
  const fid = `fid-${phones++}`.padEnd(22, 'x');
  return { fid, token: `${fid}:APA91b`.padEnd(142, 'x') };
}

await describeStores('tokens and FIDs', ({ store, other }) => {
  const all = () => store.fetchDevices(0, 10_000);
  const find = async (target: string): Promise<DeviceInTable | undefined> =>
    (await all()).find((device) => device.target === target);
  const tagsOf = async (deviceId: number) =>
    (await store.findDevices({ kind: 'id', deviceId }, 1))[0]?.tags ?? null;

  test('a registration that names the target that it replaces keeps the row, its member and its tags', async () => {
    const { fid, token } = makePhone();
    const deviceId = await store.registerDevice({ target: token, memberId: '4711', tags: { plan: 'pro' } });
    // A target of another form: the name decides, and no hint.
    const target = `other-${fid}`;
    expect(await store.registerDevice({ target, targetKind: 'fid', replaces: token })).toBe(deviceId);
    expect(await find(token)).toBeUndefined();
    expect(await find(target)).toMatchObject({ deviceId, targetKind: 'fid' });
    expect(await tagsOf(deviceId)).toEqual({ plan: 'pro' });
    // The app does so at every start.
    expect(await store.registerDevice({ target, targetKind: 'fid', replaces: token })).toBe(deviceId);
  });

  test('of two rows the one that is replaced stays, with what it lacks of the other one', async () => {
    const { fid, token } = makePhone();
    const oldId = await store.registerDevice({ target: token, tags: { plan: 'pro' } });
    const target = `other-${fid}`;
    const newId = await store.registerDevice({
      target,
      targetKind: 'fid',
      memberId: '4712',
      tags: { plan: 'free', beta: '1' },
    });
    expect(newId).not.toBe(oldId);
    expect(await store.registerDevice({ target, targetKind: 'fid', replaces: token })).toBe(oldId);
    expect((await all()).filter(({ deviceId }) => [oldId, newId].includes(deviceId))).toMatchObject([
      { deviceId: oldId, target, targetKind: 'fid' },
    ]);
    expect(await tagsOf(oldId)).toEqual({ plan: 'pro', beta: '1' });
    expect(await store.findDevices({ kind: 'id', deviceId: oldId }, 1)).toMatchObject([{ memberId: '4712' }]);
  });

  test('two phones that replace the same row at the same time: one gets it, and the other a row of its own', async () => {
    const { token } = makePhone();
    const [one, two] = [makePhone(), makePhone()];
    const deviceId = await store.registerDevice({ target: token });
    const ids = await Promise.all(
      [one, two].map(({ fid }, nth) =>
        (nth === 0 ? store : other).registerDevice({ target: fid, targetKind: 'fid', replaces: token }),
      ),
    );
    expect(ids).toContain(deviceId);
    expect(new Set(ids).size).toBe(2);
  });

  test('without a name, a FID replaces the token of its install, and a token gets a row of its own', async () => {
    const { fid, token } = makePhone();
    const deviceId = await store.registerDevice({ target: token, memberId: '4713' });
    expect(await store.registerDevice({ target: fid, targetKind: 'fid', memberId: '4713' })).toBe(deviceId);
    const tokenId = await store.registerDevice({ target: token, targetKind: 'token' });
    expect(tokenId).not.toBe(deviceId);
    expect(await find(fid)).toMatchObject({ deviceId, targetKind: 'fid' });
    // The way back is by name.
    expect(await store.registerDevice({ target: token, targetKind: 'token', replaces: fid })).toBe(deviceId);
    expect(await find(token)).toMatchObject({ deviceId, targetKind: 'token' });
    expect(await find(fid)).toBeUndefined();
  });

  test('an import of old tokens leaves the FIDs as they are', async () => {
    const moved = Array.from({ length: 3 }, makePhone);
    await store.addDevices(moved.map(({ fid }) => ({ target: fid, targetKind: 'fid' })));
    const before = await Promise.all(moved.map(({ fid }) => find(fid)));
    expect(await store.addDevices(moved.map(({ token }) => ({ target: token, targetKind: 'token' })))).toBe(
      3,
    );
    expect(await Promise.all(moved.map(({ fid }) => find(fid)))).toEqual(before);
  });

  test('two rows that become one keep what either of them knows, of the later one first', async () => {
    const { fid, token } = makePhone();
    const target = `other-${fid}`;
    const old = { platform: 'android', locale: 'de', appVersion: '1.0', memberId: 'ada' } as const;
    await store.registerDevice({ ...old, target: token, lastSeenAt: 1_700_000_000_000, isTest: true });
    const newer = { locale: 'fr', timeZone: 'Europe/Paris', memberId: 'bob', isCanary: true } as const;
    await store.registerDevice({ ...newer, target, targetKind: 'fid', lastSeenAt: 1_800_000_000_000 });
    await store.addDevices([{ target, targetKind: 'fid', replaces: token }]);
    const deviceId = (await find(target))?.deviceId ?? 0;
    expect(await store.findDevices({ kind: 'id', deviceId }, 1)).toMatchObject([
      {
        ...{
          memberId: 'bob',
          platform: 'android',
          locale: 'fr',
          timeZone: 'Europe/Paris',
          appVersion: '1.0',
        },
        ...{ isTest: true, isCanary: true, lastSeenAt: 1_800_000_000_000 },
      },
    ]);
  });

  test('two rows that become one have no more tags than a device may have; those of the registration come first', async () => {
    const { fid, token } = makePhone();
    const target = `other-${fid}`;
    const tagsNamed = (prefix: string, count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, nth) => [`${prefix}${nth}`, 'x']));
    await store.registerDevice({ target: token, tags: tagsNamed('row', MAX_TAGS - 3) });
    await store.registerDevice({ target, targetKind: 'fid', tags: tagsNamed('a-twin', MAX_TAGS) });
    const deviceId = await store.registerDevice({
      ...{ target, targetKind: 'fid', replaces: token, tags: { own: '1', more: '2' } },
    });
    const tags = Object.keys((await tagsOf(deviceId)) ?? {});
    expect(tags).toHaveLength(MAX_TAGS);
    expect(tags).toEqual(expect.arrayContaining(['own', 'more', 'row0', 'a-twin0']));
  });

  test.each(['running', 'paused'] as const)(
    'while an announcement is %s, two rows stay two, and a later registration merges them',
    async (status) => {
      const [both, one] = [makePhone(), makePhone()];
      const target = `other-${both.fid}`;
      const oldId = await store.registerDevice({ target: both.token });
      const newId = await store.registerDevice({ target, targetKind: 'fid' });
      const oneId = await store.registerDevice({ target: one.token });
      const announcementId = await store.createAnnouncement(draft);
      const key = { announcementId, round: 0, fromId: 0 };
      await store.startAnnouncement(key, 60_000);
      if (status === 'paused') await store.moveAnnouncement(announcementId, ['running'], 'paused', 'why');
      const registration = { target, targetKind: 'fid', replaces: both.token } as const;
      expect(await store.registerDevice(registration)).toBe(newId);
      expect(await find(both.token)).toMatchObject({ deviceId: oldId });
      // The row of a phone that has one only keeps its place.
      const replaced = { target: one.fid, targetKind: 'fid', replaces: one.token } as const;
      expect(await store.registerDevice(replaced)).toBe(oneId);
      await store.moveAnnouncement(announcementId, [status], 'cancelled', 'why');
      expect(await store.registerDevice(registration)).toBe(oldId);
      expect(await find(both.token)).toBeUndefined();
    },
  );

  test('a hint takes no row of another member, and deletes none', async () => {
    const { fid, token } = makePhone();
    const deviceId = await store.registerDevice({ target: token, memberId: 'ada' });
    const secondId = await store.registerDevice({ target: fid, targetKind: 'fid', memberId: 'bob' });
    expect(secondId).not.toBe(deviceId);
    // The same member by now, and both rows are there: neither is deleted.
    expect(await store.registerDevice({ target: fid, targetKind: 'fid', memberId: 'ada' })).toBe(secondId);
    expect(await find(token)).toMatchObject({ deviceId });
  });

  test('an import replaces targets in the same way', async () => {
    const [hinted, named, fresh, strange] = [makePhone(), makePhone(), makePhone(), makePhone()];
    expect(
      await store.addDevices(
        [hinted, named, strange].map(({ token }) => ({
          target: token,
          targetKind: 'token' as const,
          memberId: 'old',
        })),
      ),
    ).toBe(3);
    const before = await Promise.all([hinted, named].map(({ token }) => find(token)));
    const target = `other-${named.fid}`;
    expect(
      await store.addDevices([
        { target: hinted.fid, targetKind: 'fid', tags: { plan: 'pro' } },
        { target, targetKind: 'fid', replaces: named.token },
        { target: fresh.fid, targetKind: 'fid', replaces: fresh.token },
        { target: strange.fid, targetKind: 'fid', memberId: 'new' },
      ]),
    ).toBe(2);
    expect((await find(hinted.fid))?.deviceId).toBe(before[0]?.deviceId);
    expect((await find(target))?.deviceId).toBe(before[1]?.deviceId);
    expect(await find(fresh.fid)).toMatchObject({ targetKind: 'fid' });
    expect(await find(strange.token)).toMatchObject({ targetKind: 'token' });
  });

  test('what has become of a device: replaced, superseded by another row, or nothing', async () => {
    const [moved, both, back, gone] = [makePhone(), makePhone(), makePhone(), makePhone()];
    for (const { token } of [moved, both, back, gone]) {
      await store.addDevices([{ target: token, targetKind: 'token', memberId: 'a' }]);
    }
    for (const { fid } of [both, back]) {
      await store.addDevices([{ target: fid, targetKind: 'fid', memberId: 'b' }]);
    }
    const devices = await all();
    const of = (target: string): DeviceInTable => devices.find((device) => device.target === target)!;
    await store.registerDevice({ target: moved.fid, targetKind: 'fid', replaces: moved.token });
    const asked = [of(moved.token), of(both.token), of(back.fid), of(gone.token)];
    expect([...(await store.fetchSuccessions(asked))]).toEqual([
      [of(moved.token).deviceId, 'replaced'],
      [of(both.token).deviceId, 'superseded'],
      [of(back.fid).deviceId, 'superseded'],
    ]);
    const reading = { hop: { announcementId: 0, toId: null }, page: [], nextId: 0, isRepeat: false };
    expect(await store.fetchTwins(asked, reading)).toEqual(new Set([of(both.token).deviceId]));
  });
});

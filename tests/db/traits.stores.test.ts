import type { Device, NewDevice } from '../../src/model/device.ts';
import { expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { openDriver, openStore } from '../../src/db/open.ts';
import { describeStores, LEASE_MS, retryable } from './contract.ts';

/** Before now, whenever the tests run; twice as long since the epoch is to come. */
const SOME_TIME = Date.UTC(2024, 10, 1);

const unknown = { platform: null, locale: null, timeZone: null, appVersion: null, lastSeenAt: null };
const known = {
  platform: 'ios',
  locale: 'zh-Hant-TW',
  timeZone: 'Asia/Taipei',
  appVersion: '4.12.0',
  lastSeenAt: SOME_TIME,
} as const;

await describeStores('traits', ({ kind, store, database, startHop, claim, passTime }) => {
  let nth = 0;
  const make = (fields: Partial<NewDevice> = {}): NewDevice => ({
    target: `traits-${kind}-${++nth}`,
    targetKind: 'token',
    ...fields,
  });
  const fetch = async (deviceId: number): Promise<Device> => {
    const [device] = await store.fetchPage(deviceId, deviceId, 1, { withTraits: true });
    return device!;
  };
  const record = async (deviceId: number) => (await store.findDevices({ kind: 'id', deviceId }, 1))[0]!;
  const change = async (text: string): Promise<void> => {
    const driver = openDriver(database.config, systemClock);
    await driver.run({ sql: text, values: [] });
    await driver.close();
  };

  test('a registration sets what it gives, keeps what it does not name, and null takes a value away', async () => {
    const device = make({ memberId: '4711', ...known });
    const { target, targetKind } = device;
    const deviceId = await store.registerDevice(device);
    expect(await fetch(deviceId)).toEqual({ deviceId, target, targetKind, memberId: '4711', ...known });
    expect(await store.fetchPage(deviceId, deviceId, 1)).toEqual([{ deviceId, target, targetKind }]);

    const renewed = { target, targetKind, locale: 'de', platform: null, lastSeenAt: null };
    expect(await store.registerDevice(renewed)).toBe(deviceId);
    const { timeZone, appVersion } = known;
    expect(await fetch(deviceId)).toMatchObject({ ...unknown, locale: 'de', timeZone, appVersion });
    expect(await fetch(deviceId)).toMatchObject({ memberId: '4711' });
  });

  test('a device that registers was seen now; a time that is given sets it, but never back to an earlier one', async () => {
    const device = make();
    const deviceId = await store.registerDevice(device);
    const { lastSeenAt } = await fetch(deviceId);
    expect(lastSeenAt).toBeGreaterThan(SOME_TIME);
    await store.registerDevice({ ...device, lastSeenAt: SOME_TIME });
    await store.addDevices([{ ...device, lastSeenAt: SOME_TIME }]);
    expect(await fetch(deviceId)).toMatchObject({ lastSeenAt });
    await store.addDevices([{ ...device, lastSeenAt: SOME_TIME * 2 }]);
    expect(await fetch(deviceId)).toMatchObject({ lastSeenAt: SOME_TIME * 2 });
    await store.registerDevice(device);
    const now = (await fetch(deviceId)).lastSeenAt!;
    expect(now).toBeLessThan(SOME_TIME * 2);
    await passTime(1000);
    expect(await fetch(deviceId)).toMatchObject({ lastSeenAt: now - 1000 });
  });

  test('an import sets traits of new devices and of those that are there already, which keep what it does not name', async () => {
    const old = make({ memberId: 'old' });
    const deviceId = await store.registerDevice({ ...old, ...known });
    const [first, second, third] = [make(known), make({ isTest: true }), make()];
    const again = { ...old, memberId: 'new', locale: 'fr' };
    expect(await store.addDevices([first, again, second, third, { ...first, locale: 'fr' }])).toBe(3);
    expect(await fetch(deviceId)).toMatchObject({ ...known, locale: 'fr', memberId: 'old' });
    const added = await store.fetchPage(deviceId + 1, null, 3, { withTraits: true });
    const none = { memberId: null, ...unknown };
    expect(added).toMatchObject([
      { ...first, memberId: null, locale: 'fr' },
      { target: second.target, targetKind: 'token', ...none },
      { target: third.target, targetKind: 'token', ...none },
    ]);
    const tests = (await store.findDevices({ kind: 'target', target: second.target }, 1))[0]!;
    expect(tests.isTest).toBe(true);
    expect(await store.addDevices([second, third])).toBe(0);
    expect((await record(tests.deviceId)).isTest).toBe(true);
    await store.addDevices([{ ...second, isTest: false }]);
    expect((await record(tests.deviceId)).isTest).toBe(false);
  });

  test('tags are set, kept and taken away by their names, by a registration and by an import', async () => {
    const device = make({ tags: { plan: 'pro', 'Ö"\\\'?': 'Grüße 🎉', gone: null } });
    const deviceId = await store.registerDevice(device);
    expect((await record(deviceId)).tags).toEqual({ plan: 'pro', 'Ö"\\\'?': 'Grüße 🎉' });
    await store.registerDevice({ ...device, tags: { plan: 'free', 'Ö"\\\'?': null, Plan: 'x' } });
    expect((await record(deviceId)).tags).toEqual({ plan: 'free', Plan: 'x' });
    await store.registerDevice({ ...device, tags: {} });
    // MySQL would take a name that ends with a blank for the same name, and SQLite for another one.
    await store.registerDevice({ ...device, tags: { 'plan ': 'free', ' b': '0' } });
    expect((await record(deviceId)).tags).toEqual({ plan: 'free', Plan: 'x', b: '0' });
    const others = [make({ tags: { plan: 'pro' } }), make({ tags: { constructor: '1' } }), make()];
    await store.addDevices([{ ...device, tags: { Plan: null, b: '1' } }, ...others]);
    expect((await record(deviceId)).tags).toEqual({ plan: 'free', b: '1' });
    const found = await Promise.all(
      others.map(async ({ target }) => (await store.findDevices({ kind: 'target', target }, 1))[0]!.tags),
    );
    expect(found.map((each) => Object.entries(each))).toEqual([
      [['plan', 'pro']],
      [['constructor', '1']],
      [],
    ]);
  });

  test('many devices get many tags', async () => {
    const tags = Object.fromEntries(Array.from({ length: 20 }, (_, tag) => [`tag-${tag}`, `value-${tag}`]));
    const devices = Array.from({ length: 300 }, () => make({ tags }));
    expect(await store.addDevices(devices)).toBe(300);
    const last = (await store.findDevices({ kind: 'target', target: devices.at(-1)!.target }, 1))[0]!;
    expect(last.tags).toEqual(tags);
    expect(await store.addDevices(devices)).toBe(0);
  });

  test('a device has at most 20 tags; a name or a value that does not fit is refused before anything is written', async () => {
    const tags = Object.fromEntries(Array.from({ length: 20 }, (_, tag) => [`tag-${tag}`, 'v']));
    const device = make({ tags });
    const deviceId = await store.registerDevice(device);
    const more = { ...device, tags: { more: 'v' } };
    await expect(store.registerDevice(more)).rejects.toThrow(
      'tags: expected at most 20 tags of a device, got 21',
    );
    await expect(store.registerDevice({ ...more, memberId: 'other', locale: 'de' })).rejects.toThrow(
      'got 21',
    );
    expect(await record(deviceId)).toMatchObject({ locale: null, tags });
    expect((await record(deviceId)).memberId).not.toBe('other');
    await store.registerDevice({ ...device, tags: { more: 'v', 'tag-0': null } });
    expect(Object.keys((await record(deviceId)).tags)).toHaveLength(20);

    for (const [odd, words] of [
      [{ '': 'v' }, 'tag_name: expected 1 to 64 characters, got none'],
      [{ ' ': 'v' }, 'tag_name: expected 1 to 64 characters, got none'],
      [{ ['n'.repeat(65)]: 'v' }, 'tag_name: expected at most 64 characters, got 65'],
      [{ n: 'v'.repeat(129) }, 'tag_value: expected at most 128 characters, got 129'],
      [{ n: '\ud800' }, 'tag_value: expected Unicode text'],
    ] as const) {
      const refused = make({ tags: odd });
      await expect(store.registerDevice(refused)).rejects.toThrow(words);
      await expect(store.addDevices([make(), refused])).rejects.toThrow(words);
      expect(await store.findDevices({ kind: 'target', target: refused.target }, 1)).toEqual([]);
    }
    const tooLong = make({ locale: 'x'.repeat(36) });
    await expect(store.registerDevice(tooLong)).rejects.toThrow('locale: expected at most 35 characters');
    const noTime = make({ lastSeenAt: -1 });
    await expect(store.addDevices([noTime])).rejects.toThrow('last_seen_at: expected a time from 1970');
  });

  test('a device that is deleted takes its tags with it', async () => {
    const device = make({ tags: { plan: 'pro' } });
    const deviceId = await store.registerDevice(device);
    expect(await store.removeDevice(device.target)).toBe(true);
    const driver = openDriver(database.config, systemClock);
    const left = await driver.all({ sql: 'SELECT * FROM push_tag WHERE device_id = ?', values: [deviceId] });
    await driver.close();
    expect(left).toEqual([]);
  });

  test('values that another hand wrote are read if they mean something, and else are not known; the device stays sendable', async () => {
    const device = make({ memberId: 'm' });
    const deviceId = await store.registerDevice(device);
    const set = (platform: string, locale: string, zone: string, version: string) =>
      change(
        `UPDATE push_device SET platform = '${platform}', locale = '${locale}', time_zone = '${zone}',
           app_version = '${version}', last_seen_at = NULL WHERE device_id = ${deviceId}`,
      );
    await set('amiga', 'not a locale', 'Mars/Base', 'four');
    expect(await fetch(deviceId)).toEqual({ deviceId, ...device, memberId: 'm', ...unknown });
    await set('web', 'de_AT', 'europe/berlin', 'v4.2-beta');
    expect(await fetch(deviceId)).toMatchObject({
      ...{ platform: 'web', locale: 'de-AT', timeZone: 'Europe/Berlin', appVersion: '4.2' },
    });
  });

  test('pages that are read again and retries have the traits too, if they are asked for', async () => {
    const deviceId = await store.registerDevice(make({ memberId: 'm', ...known }));
    const key = await startHop();
    const hop = await claim(key, 'a');
    const [again] = await store.fetchPageAgain({ ...key, fromId: deviceId }, deviceId, { withTraits: true });
    expect(again).toMatchObject({ deviceId, memberId: 'm', ...known });
    await store.turnPage(hop, { lastId: deviceId, nextId: null }, LEASE_MS);
    await store.recordDeliveries(hop, [{ deviceId, ...retryable }]);
    const round = { ...key, round: 1 };
    const [retry] = await store.fetchRetryPage(round, null, 1, { withTraits: true });
    expect(retry).toMatchObject({ deviceId, was: 'retryable', memberId: 'm', ...known });
    expect(Object.keys((await store.fetchRetryPage(round, null, 1))[0]!)).not.toContain('locale');
  });

  test('devices are counted by what they say about themselves', async () => {
    await change('DELETE FROM push_device');
    expect(await store.countTraits(2)).toEqual({
      ...{ byPlatform: [], byLocale: [], locales: 0, withTimeZone: 0, test: 0, canaries: 0 },
    });
    const locales = ['de', 'de', 'de', 'fr', 'fr', 'pl'];
    await store.addDevices([
      ...locales.map((locale) => make({ locale, platform: 'android', timeZone: 'Europe/Berlin' })),
      make({ platform: 'ios', isTest: true }),
      make({ isCanary: true }),
    ]);
    const gone = make({ locale: 'it' });
    await store.registerDevice(gone);
    await change(`UPDATE push_device SET unregistered_at = created_at WHERE target = '${gone.target}'`);
    expect(await store.countTraits(2)).toEqual({
      byPlatform: [
        { platform: 'android', devices: 6 },
        { platform: 'ios', devices: 1 },
        { platform: null, devices: 1 },
      ],
      byLocale: [
        { locale: 'de', devices: 3 },
        { locale: null, devices: 2 },
      ],
      ...{ locales: 3, withTimeZone: 6, test: 1, canaries: 1 },
    });
  });

  // Last: the table loses its columns.
  test('a table of a team without these columns takes devices without traits, and says which column a trait needs', async () => {
    const lost = ['platform', 'locale', 'time_zone', 'app_version', 'last_seen_at', 'is_test', 'is_canary'];
    for (const index of ['zone', 'locale', 'version', 'test', 'canary']) {
      await change(`DROP INDEX push_device_${index}${kind === 'mysql' ? ' ON push_device' : ''}`);
    }
    for (const column of lost) await change(`ALTER TABLE push_device DROP COLUMN ${column}`);
    const old = await openStore(database.config, systemClock);
    const device = make({ memberId: 'm', tags: { plan: 'pro' } });
    const deviceId = await old.registerDevice({ ...device, locale: null, isTest: false, isCanary: false });
    expect(await old.addDevices([make(), device])).toBe(1);
    const { tags, ...rest } = device;
    const read = { ...rest, deviceId, ...unknown };
    expect(await old.fetchPage(deviceId, deviceId, 1, { withTraits: true })).toEqual([read]);
    expect(await old.findDevices({ kind: 'id', deviceId }, 1)).toMatchObject([
      { isTest: false, isCanary: false, tags },
    ]);
    expect(await old.fetchCanaries(10)).toEqual([]);
    await old.answerCanaries([{ round: 'canary-2026-11-26', target: device.target }]);
    expect(await old.countTraits(2)).toMatchObject({ locales: 0, withTimeZone: 0, test: 0, canaries: 0 });
    const words = 'push_device.locale: expected a column, got a view without it';
    await expect(old.registerDevice({ ...make(), locale: 'de' })).rejects.toThrow(words);
    const before = await old.countDevices();
    await expect(old.addDevices([make(), make({ locale: 'de' })])).rejects.toThrow(words);
    expect(await old.countDevices()).toBe(before);
    await expect(old.addDevices([make({ isTest: true })])).rejects.toThrow('push_device.is_test: expected');
    const canary = old.registerDevice(make({ isCanary: true }));
    await expect(canary).rejects.toThrow('push_device.is_canary: expected a column, got a view without it');
    await old.close();
  });
});

import type { Hop } from '../../src/model/hop.ts';
import { describe, expect, test } from 'vitest';
import { delivered, describeStores, draft, type Entry, LEASE_MS, retryable } from './contract.ts';

await describeStores('devices', ({ kind, store, startHop, claim, passTime }) => {
  test('devices keep their ids, and targets that differ in case are two devices', async () => {
    const before = await store.countDevices();
    const target = `Case-${kind}`;
    expect(await store.addDevices([{ target, targetKind: 'token' }])).toBe(1);
    expect(
      await store.addDevices([
        { target, targetKind: 'token' },
        { target: target.toLowerCase(), targetKind: 'fid' },
      ]),
    ).toBe(1);
    expect(await store.countDevices()).toBe(before + 2);
    const devices = await store.fetchPage(0, null, 100);
    expect(devices.filter((device) => device.target.toLowerCase() === target.toLowerCase())).toMatchObject([
      { target, targetKind: 'token' },
      { target: target.toLowerCase(), targetKind: 'fid' },
    ]);
  });

  test('a target longer than its column is refused, not cut short', async () => {
    const adding = store.addDevices([{ target: 'x'.repeat(513), targetKind: 'token' }]);
    await expect(adding).rejects.toThrow('target: expected at most 512 characters, got 513');
  });

  test('a device that registers again keeps its id and gets the new kind; a removed device is gone', async () => {
    const target = `registered-${kind}`;
    const deviceId = await store.registerDevice({ target, targetKind: 'token' });
    expect(await store.fetchPage(deviceId, deviceId, 1)).toEqual([{ deviceId, target, targetKind: 'token' }]);
    expect(await store.registerDevice({ target, targetKind: 'fid' })).toBe(deviceId);
    expect(await store.fetchPage(deviceId, deviceId, 1)).toEqual([{ deviceId, target, targetKind: 'fid' }]);
    expect(await store.removeDevice(target.toUpperCase())).toBe(false);
    expect(await store.removeDevice(target)).toBe(true);
    expect(await store.removeDevice(target)).toBe(false);
  });

  test('a page has the devices from the cursor on, in order, both ends included', async () => {
    await store.addDevices(
      Array.from({ length: 50 }, (_, nth) => ({ target: `page-${nth}`, targetKind: 'token' as const })),
    );
    const all = (await store.fetchPage(0, null, 10_000)).map(({ deviceId }) => deviceId);
    expect(all).toEqual(all.toSorted((a, b) => a - b));
    const page = async (from: number, to: number | null, limit: number) =>
      (await store.fetchPage(from, to, limit)).map(({ deviceId }) => deviceId);
    expect(await page(all[5]!, null, 10)).toEqual(all.slice(5, 15));
    expect(await page(all[5]!, all[7]!, 10)).toEqual(all.slice(5, 8));
    expect(await page(all.at(-1)! + 1, null, 10)).toEqual([]);
  });

  describe('an unregistered device', () => {
    const gone: Entry = { ...delivered, verdict: 'unregistered', reason: 'UNREGISTERED', messageName: null };

    /** Adds new devices; resolves to their ids. */
    async function addSome(count: number): Promise<number[]> {
      const targets = Array.from({ length: count }, (): string => crypto.randomUUID());
      await store.addDevices(targets.map((target) => ({ target, targetKind: 'token' })));
      const all = await store.fetchDevices(0, 100_000);
      return all.filter(({ target }) => targets.includes(target)).map(({ deviceId }) => deviceId);
    }
    const page = async (from: number) =>
      (await store.fetchPage(from, null, 100)).map(({ deviceId }) => deviceId);

    test('is left out of pages once it is recorded, by whichever invocation, and is back when it registers again', async () => {
      const [a, b, c] = await addSome(3);
      const key = await startHop();
      const hop = await claim(key, 'a');
      const before = await store.countDevices();
      await store.recordDeliveries(hop, [
        { deviceId: a!, ...gone },
        { deviceId: c!, ...delivered },
      ]);
      expect(await page(a!)).toEqual([b, c]);
      await passTime(LEASE_MS + 1);
      await claim(key, 'b');
      // This invocation has lost the hop; what FCM said is true all the same.
      await store.recordDeliveries(hop, [{ deviceId: b!, ...gone }]);
      expect(await page(a!)).toEqual([c]);
      expect(await store.countDevices()).toBe(before - 2);
      const { announcementId } = key;
      expect(await store.countUnregistered()).toContainEqual({ announcementId, devices: 2 });
      const all = await store.fetchDevices(a!, 3);
      expect(all.map(({ unregisteredBy }) => unregisteredBy)).toEqual([announcementId, announcementId, null]);

      const { target, targetKind } = all[0]!;
      expect(await store.addDevices([{ target, targetKind }])).toBe(0);
      expect(await page(a!)).toEqual([a, c]);
      expect(await store.registerDevice(all[1]!)).toBe(b);
      expect(await page(a!)).toEqual([a, b, c]);
    });

    test('is restored for one announcement, and stays left out for another', async () => {
      const [a, b] = await addSome(2);
      for (const deviceId of [a!, b!]) {
        await store.recordDeliveries(await claim(await startHop(), 'a'), [{ deviceId, ...gone }]);
      }
      const [, second] = await store.fetchDevices(a!, 2);
      expect(await store.restoreDevices(second!.unregisteredBy!)).toBe(1);
      expect(await store.restoreDevices(second!.unregisteredBy!)).toBe(0);
      expect(await page(a!)).toEqual([b]);
    });

    test('is recorded but not left out by a dry run; with any other verdict, a device is not left out', async () => {
      const [a, b] = await addSome(2);
      const key = await startHop({ ...draft, dryRun: true });
      await store.recordDeliveries(await claim(key, 'a'), [{ deviceId: a!, ...gone }]);
      const hop = await claim(await startHop(), 'a');
      for (const verdict of ['rejected', 'misconfigured', 'unknown'] as const) {
        await store.recordDeliveries(hop, [{ deviceId: b!, ...retryable, verdict }]);
      }
      expect(await page(a!)).toEqual([a, b]);
    });

    test('still belongs to a page that was planted before, so that a repeat of the page has the same devices', async () => {
      const [a, b, c] = await addSome(3);
      const before = await claim(await startHop(), 'a');
      await passTime(1000);
      await store.recordDeliveries(await claim(await startHop(), 'a'), [{ deviceId: b!, ...gone }]);
      await passTime(1000);
      const after = await claim(await startHop(), 'a');
      const again = async (hop: Hop) =>
        (await store.fetchPageAgain({ ...hop, fromId: 0 }, c!))
          .map(({ deviceId }) => deviceId)
          .filter((deviceId) => deviceId >= a!);
      expect(await again(before)).toEqual([a, b, c]);
      expect(await again(after)).toEqual([a, c]);
    });
  });
});

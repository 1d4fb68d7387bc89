import { expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { openDriver } from '../../src/db/open.ts';
import { sql } from '../../src/db/sql.ts';
import type { DeliveryKey, ExportedDelivery, ExportOptions } from '../../src/exports.ts';
import { fetchExportPage } from '../../src/report/export.ts';
import { devicesOf } from '../support/context.ts';
import { delivered, describeStores, retryable } from './contract.ts';

const ALL: ExportOptions = { verdicts: [], after: { messageId: 0, deviceId: -1 }, withTargets: false };

await describeStores('an export', ({ store, database, startHop, claim }) => {
  /** All deliveries, read in pages of so many. */
  const readAll = async (
    announcement: Parameters<typeof store.fetchExportPage>[0],
    options: Partial<ExportOptions>,
    limit: number,
  ): Promise<ExportedDelivery[]> => {
    const all: ExportedDelivery[] = [];
    for (let after: DeliveryKey | null = ALL.after; after !== null;) {
      const page = await fetchExportPage({ store }, announcement, { ...ALL, ...options, after }, limit);
      expect(page.deliveries.length).toBeLessThanOrEqual(limit);
      all.push(...page.deliveries);
      after = page.next;
    }
    return all;
  };

  test('has each delivery once, whatever the size of its pages, with the member and without the target', async () => {
    await store.addDevices(devicesOf('a', null, 'c', 'd', 'e', 'f', 'g'));
    const devices = await store.fetchPage(0, null, 10);
    const key = await startHop();
    const hop = await claim(key, 'me');
    const entries = devices.map(({ deviceId }, nth) => ({
      ...(nth % 3 === 2 ? retryable : delivered),
      deviceId,
    }));
    await store.recordDeliveries(hop, entries);
    await store.removeDevice(devices[6]!.target);

    const announcement = { announcementId: key.announcementId, audience: 'devices' } as const;
    const whole = await readAll(announcement, {}, 100);
    expect(
      whole.map(({ deviceId, memberId, verdict, reason, messageId }) => [
        deviceId,
        memberId,
        verdict,
        reason,
        messageId,
      ]),
    ).toEqual(
      entries.map(({ deviceId, verdict, reason }, nth) => [
        ...[deviceId, ['a', null, 'c', 'd', 'e', 'f', null][nth], verdict, reason, 0],
      ]),
    );
    expect(whole[0]).toMatchObject({ attempts: 1, messageName: delivered.messageName, target: null });
    expect(Math.abs(Date.now() - whole[0]!.recordedAt)).toBeLessThan(600_000);
    for (const limit of [1, 2, 3, 7]) expect(await readAll(announcement, {}, limit)).toEqual(whole);

    const some = await readAll(announcement, { verdicts: ['retryable', 'unknown'], withTargets: true }, 1);
    expect(some.map(({ deviceId, target }) => [deviceId, target])).toEqual(
      [devices[2], devices[5]].map((device) => [device?.deviceId, device?.target]),
    );
  });

  test('of a mailing has the messages in order, also those that reached no device, with their member', async () => {
    const driver = openDriver(database.config, systemClock);
    const now = driver.dialect.now;
    await store.addMessages(
      ['c', 'nobody', 'd'].map((memberId, nth) => ({
        messageKey: `key-${nth}`,
        source: 'default',
        recipient: { deviceId: null, memberId },
        ttlSeconds: null,
        content: { title: 't', body: 'b', image: null, data: {}, options: {} },
      })),
      Date.now() - 1000,
    );
    const announcementId = (await store.makeMailing('default', 10))!;
    const messageIds = await store.fetchMessageIds({ announcementId, round: 0, fromId: 0 }, null, 10);
    const [one = 0, two = 0, three = 0] = messageIds;
    const [device] = await store.fetchPage(0, null, 1);
    for (const [messageId, deviceId] of [
      [one, device!.deviceId],
      [one, device!.deviceId + 1],
      [two, 0],
      [three, device!.deviceId],
    ]) {
      await driver.run(
        sql`INSERT INTO push_delivery (announcement_id, message_id, device_id, verdict, round, recorded_at)
            VALUES (${announcementId}, ${messageId!}, ${deviceId!}, 'delivered', 0, ${now})`,
      );
    }
    await driver.close();
    const announcement = { announcementId, audience: 'messages' } as const;
    const whole = await readAll(announcement, {}, 100);
    expect(whole.map(({ messageId, deviceId }) => [messageId, deviceId])).toEqual([
      [one, device!.deviceId],
      [one, device!.deviceId + 1],
      [two, 0],
      [three, device!.deviceId],
    ]);
    expect(whole[2]).toMatchObject({ memberId: 'nobody' });
    for (const limit of [1, 2, 3]) expect(await readAll(announcement, {}, limit)).toEqual(whole);
  });

  test('of an announcement without deliveries is empty', async () => {
    const { announcementId } = await startHop();
    expect(await readAll({ announcementId, audience: 'devices' }, {}, 10)).toEqual([]);
  });
});

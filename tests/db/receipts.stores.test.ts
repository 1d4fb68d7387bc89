import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { openDriver, openStore } from '../../src/db/open.ts';
import { sql } from '../../src/db/sql.ts';
import type { Verdict } from '../../src/model/delivery.ts';
import type { Receipt, ReceiptEvent } from '../../src/model/receipt.ts';
import { madeUpDevices } from '../support/context.ts';
import { databaseKinds, makeDatabase, type TestDatabase } from '../support/database.ts';
import { sendToAll } from '../support/receipts.ts';
import { delivered, describeStores, draft, LEASE_MS } from './contract.ts';
import { explain } from './plan.ts';

await describeStores('receipts', ({ store, other, startHop, claim, passTime }) => {
  /** Devices with targets of their own, by id. */
  const addDevices = async (
    prefix: string,
    count: number,
  ): Promise<{ deviceId: number; target: string }[]> => {
    await store.addDevices(
      madeUpDevices(count).map((each) => ({ ...each, target: `${prefix}-${each.target}` })),
    );
    const devices = await store.fetchDevices(1, 100_000);
    return devices.filter(({ target }) => target.startsWith(`${prefix}-`));
  };
  /** An announcement that was sent to some devices and has ended. */
  const sendTo = async (
    deviceIds: readonly number[],
    { dryRun = false, verdict = delivered.verdict }: { dryRun?: boolean; verdict?: Verdict } = {},
  ): Promise<number> => {
    const hop = await claim(await startHop({ ...draft, dryRun }), 'a');
    await store.recordDeliveries(
      hop,
      deviceIds.map((deviceId) => ({ deviceId, ...delivered, verdict })),
    );
    await store.moveAnnouncement(hop.announcementId, ['running'], 'cancelled', 'a test');
    return hop.announcementId;
  };
  const receiptOf = (
    announcementId: number,
    target: string,
    event: ReceiptEvent = 'delivered',
    messageId = 0,
  ): Receipt => ({ announcementId, messageId, target, event });
  const countsOf = async (announcementId: number) =>
    (await store.fetchReceiptCounts([announcementId])).get(announcementId);

  test('a receipt counts once, though it is sent ten times, in one call and in several', async () => {
    const [one, two] = await addDevices('once', 2);
    const id = await sendTo([one!.deviceId, two!.deviceId]);
    const receipts = [
      receiptOf(id, one!.target),
      receiptOf(id, two!.target),
      receiptOf(id, one!.target, 'opened'),
    ];
    const ten = Array.from({ length: 10 }, () => receipts).flat();
    expect(await store.recordReceipts(ten)).toEqual([
      ...['counted', 'counted', 'counted'],
      ...Array.from({ length: 27 }, () => 'repeated'),
    ]);
    expect(await store.recordReceipts(receipts)).toEqual(['repeated', 'repeated', 'repeated']);
    expect(await countsOf(id)).toEqual({ delivered: 2, opened: 1 });
  });

  test('two processes that take the same receipts at once count each of them once', async () => {
    const devices = await addDevices('both', 300);
    const id = await sendTo(devices.map(({ deviceId }) => deviceId));
    const receipts = devices.map(({ target }) => receiptOf(id, target));
    const halves = [receipts.slice(0, 200), receipts.slice(100), receipts.toReversed(), receipts];
    const fates = await Promise.all(
      halves.map((some, nth) => (nth % 2 ? other : store).recordReceipts(some)),
    );
    expect(fates.flat().filter((fate) => fate === 'counted')).toHaveLength(300);
    expect(fates.flat().filter((fate) => fate === 'unknown')).toHaveLength(0);
    expect(await countsOf(id)).toEqual({ delivered: 300, opened: 0 });
  });

  test('what no device got does not count: unknown targets and pushes, and devices that were not in the audience', async () => {
    const [got, not] = await addDevices('got', 2);
    const id = await sendTo([got!.deviceId]);
    const fates = await store.recordReceipts([
      receiptOf(id, got!.target),
      receiptOf(id, not!.target),
      receiptOf(id, got!.target.toUpperCase()),
      receiptOf(id, 'é'),
      receiptOf(id + 1000, got!.target),
      receiptOf(id, got!.target, 'delivered', 7),
      receiptOf(0, got!.target, 'delivered', 999_999),
    ]);
    expect(fates).toEqual(['counted', ...Array.from({ length: 6 }, () => 'unknown')]);
    expect(await countsOf(id)).toEqual({ delivered: 1, opened: 0 });
  });

  test('a push that FCM has refused or only checked has reached no phone', async () => {
    const [phone] = await addDevices('refused', 1);
    const fateOf = async (options: { dryRun?: boolean; verdict?: Verdict }) =>
      (await store.recordReceipts([receiptOf(await sendTo([phone!.deviceId], options), phone!.target)]))[0];
    expect(await fateOf({ dryRun: true })).toBe('unknown');
    expect(await fateOf({ verdict: 'rejected' })).toBe('unknown');
    expect(await fateOf({ verdict: 'unsent' })).toBe('unknown');
    expect(await fateOf({ verdict: 'unknown' })).toBe('counted');
  });

  test('a phone may be faster than the ledger: while the announcement runs its receipt counts', async () => {
    const [fast] = await addDevices('fast', 1);
    const { announcementId } = await startHop();
    const receipt = receiptOf(announcementId, fast!.target);
    expect(await store.recordReceipts([receipt])).toEqual(['counted']);
    await store.moveAnnouncement(announcementId, ['running'], 'cancelled', 'a test');
    expect(await store.recordReceipts([receipt, { ...receipt, event: 'opened' }])).toEqual([
      'unknown',
      'unknown',
    ]);
    const dry = await startHop({ ...draft, dryRun: true });
    expect(await store.recordReceipts([receiptOf(dry.announcementId, fast!.target)])).toEqual(['unknown']);
  });

  test('a message counts for its own device and for each device of its member; a test counts nowhere', async () => {
    await store.addDevices(
      madeUpDevices(3).map((each, nth) => ({
        ...each,
        target: `message-${each.target}`,
        memberId: nth < 2 ? 'anna' : 'ben',
      })),
    );
    const [a1, a2, ben] = ['message-target-1', 'message-target-2', 'message-target-3'] as const;
    const all = await store.fetchDevices(1, 100_000);
    const benId = all.find(({ target }) => target === ben)!.deviceId;
    const make = (messageKey: string) => ({
      ...{ messageKey, source: 'default', content: draft.content, ttlSeconds: 60 },
      recipient: { deviceId: null, memberId: 'anna' },
    });
    const [toAnna, toBen, asTest] = await store.claimMessages(
      [
        make('receipt-1'),
        { ...make('receipt-2'), recipient: { deviceId: benId, memberId: null } },
        { ...make('receipt-3'), testOf: 0 },
      ],
      'me',
      LEASE_MS,
    );
    // In the ledger a test is as any other message.
    const deliveries = asTest!.devices.map(({ deviceId }) => ({
      ...{ messageId: asTest!.messageId, deviceId, verdict: 'delivered' as const },
      ...{ reason: null, messageName: null, retryInMs: null },
    }));
    await store.recordMessages(deliveries, []);
    const before = (await countsOf(0))?.delivered ?? 0;
    const of = (message: { messageId: number } | undefined, target: string) =>
      receiptOf(0, target, 'delivered', message!.messageId);
    expect(
      await store.recordReceipts([
        ...[of(toAnna, a1), of(toAnna, a2), of(toAnna, ben)],
        ...[of(toBen, ben), of(toBen, a1), of(asTest, a1)],
      ]),
    ).toEqual(['counted', 'counted', 'unknown', 'counted', 'unknown', 'unknown']);
    expect((await countsOf(0))?.delivered).toBe(before + 3);

    await store.addMessages([make('receipt-mailing')], 0);
    const mailing = (await store.makeMailing('default', 10)) ?? 0;
    const [messageId = 0] = await store.fetchMessageIds(
      { announcementId: mailing, round: 0, fromId: 0 },
      null,
      10,
    );
    expect(
      await store.recordReceipts([
        receiptOf(mailing, a1, 'opened', messageId),
        receiptOf(0, a1, 'opened', messageId),
      ]),
    ).toEqual(['counted', 'unknown']);
    expect(await countsOf(mailing)).toEqual({ delivered: 0, opened: 1 });
  });

  test('receipts are deleted with the ledger, and their counts stay', async () => {
    const devices = await addDevices('old', 5);
    const id = await sendTo(devices.map(({ deviceId }) => deviceId));
    const receipts = devices.flatMap(({ target }) => [
      receiptOf(id, target),
      receiptOf(id, target, 'opened'),
    ]);
    await store.recordReceipts(receipts);
    await passTime(LEASE_MS);
    for (let batches = 0; (await store.pruneBatch(id, 3)) !== null; batches++)
      expect(batches).toBeLessThan(20);
    expect(await store.recordReceipts(receipts)).toEqual(receipts.map(() => 'unknown'));
    expect(await countsOf(id)).toEqual({ delivered: 5, opened: 5 });
  });
});

describe.each(databaseKinds())('the lookups of receipts, on %s', (kind) => {
  let database: TestDatabase;
  let announcementId: number;
  let targets: string[];

  beforeAll(async () => {
    database = await makeDatabase(kind);
    const store = await openStore(database.config, systemClock);
    ({ announcementId, targets } = await sendToAll(store, 3000));
    await store.recordReceipts(targets.slice(0, 1500).map((target) => receipt(target)));
    await store.close();
    // So many rows that none of the tables is read from end to end because it is small.
    const driver = openDriver(database.config, systemClock);
    const more = sql`push_device AS one CROSS JOIN (SELECT device_id AS nth FROM push_device ORDER BY device_id LIMIT 9) AS two`;
    const deviceId = sql`10000 * two.nth + one.device_id`;
    await driver.run(
      sql`INSERT INTO push_device (device_id, target, created_at)
          SELECT ${deviceId}, CONCAT('more-', ${deviceId}), ${driver.dialect.now} FROM ${more}`,
    );
    await driver.run(
      sql`INSERT INTO push_delivery (announcement_id, message_id, device_id, verdict, round, recorded_at)
          SELECT ${announcementId}, 0, device_id, 'delivered', 0, ${driver.dialect.now} FROM push_device WHERE device_id > 3000`,
    );
    if (kind === 'mysql') await driver.all(sql`ANALYZE TABLE push_device, push_delivery, push_receipt`);
    await driver.close();
  });
  afterAll(() => database.drop());

  const receipt = (target: string, messageId = 0): Receipt => ({
    ...{ announcementId, messageId, target, event: 'delivered' },
  });

  test.each([
    ['one receipt', 1],
    ['a request of ten', 10],
    ['as many as go together', 500],
  ])('%s: each table is searched by its key, and never read from end to end', async (_what, count) => {
    // Half of them are new, as of a phone that sends again what it has sent; some are of messages.
    const some = [
      ...targets.slice(1500 - count / 2, 1500 + count / 2).map((target) => receipt(target)),
      ...targets.slice(0, count / 10).map((target, nth) => receipt(target, nth + 1)),
    ];
    const plan = await explain(database.config, async (store) => {
      await store.recordReceipts(some);
      await store.fetchReceiptCounts([announcementId]);
    });
    expect(plan.length).toBeGreaterThan(3);
    for (const step of plan) {
      const words = JSON.stringify(step);
      if (kind === 'sqlite') {
        expect(step['detail'], words).toMatch(
          /^(SEARCH|COMPOUND QUERY|LEFT-MOST SUBQUERY|UNION ALL|LIST SUBQUERY|SCAN (json_each|\d+ CONSTANT)|MULTI-INDEX OR|INDEX )/,
        );
        if (/push_(delivery|receipt) /.test(String(step['detail']))) {
          expect(step['detail'], words).toMatch(/announcement_id=\? AND message_id=\? AND device_id=\?/);
        }
      } else if (
        step['table'] !== null &&
        !['INSERT', 'UNION RESULT'].includes(String(step['select_type']))
      ) {
        // The table of messages is empty.
        if (step['table'] !== 'push_message') {
          expect(['const', 'eq_ref', 'ref', 'range'], words).toContain(step['type']);
        }
        expect(Number(step['rows']), words).toBeLessThanOrEqual(2 * some.length + 2);
      }
    }
  });
});

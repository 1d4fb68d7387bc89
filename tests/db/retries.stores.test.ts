import type { Driver } from '../../src/db/driver.ts';
import type { Delivery, Verdict } from '../../src/model/delivery.ts';
import type { Store } from '../../src/store.ts';
import type { Hop, HopKey } from '../../src/model/hop.ts';
import { describe, expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { openDriver } from '../../src/db/open.ts';
import { sql } from '../../src/db/sql.ts';
import { madeUpDevices } from '../support/context.ts';
import { delivered, describeStores, LEASE_MS, retryable } from './contract.ts';
import { explain } from './plan.ts';

await describeStores('what is left to retry', ({ kind, database, store, startHop, claim, passTime }) => {
  const due = { ...retryable, retryInMs: 0 };

  const openOwn = (): Driver => {
    const driver = openDriver(database.config, systemClock);
    onTestFinished(() => driver.close());
    return driver;
  };
  const addDevices = async (count: number): Promise<number[]> => {
    const targets = madeUpDevices(count).map((device) => ({ ...device, target: crypto.randomUUID() }));
    const ids = await Promise.all(targets.map((device) => store.registerDevice(device)));
    return ids.toSorted((one, other) => one - other);
  };
  const idsOf = async (key: HopKey, round = 1): Promise<number[]> =>
    (await store.fetchRetryPage({ ...key, round }, null, 100)).map(({ deviceId }) => deviceId);
  const countKept = async ({ announcementId }: HopKey): Promise<number> => {
    const rows = await openOwn().all(
      sql`SELECT device_id FROM push_retry WHERE announcement_id = ${announcementId}`,
    );
    return rows.length;
  };

  test('only what is to be sent again is kept; a late final answer takes it out of the round', async () => {
    const [a = 0, b = 0, c = 0] = await addDevices(3);
    const key = await startHop();
    const hop = await claim(key, 'first');
    await store.recordDeliveries(hop, [
      { deviceId: a, ...delivered },
      { deviceId: b, ...due, verdict: 'unknown' },
      { deviceId: c, ...due },
    ]);
    expect(await countKept(key)).toBe(2);
    expect(await store.closeHop(hop)).toBe(true);
    expect(await idsOf(key)).toEqual([b, c]);
    // The answer arrives after its hop has ended.
    await store.recordDeliveries(hop, [{ deviceId: b, ...delivered }]);
    expect(await idsOf(key)).toEqual([c]);
    await store.recordDeliveries(hop, [{ deviceId: c, ...delivered }]);
    expect(await store.plantRound(key.announcementId, 1)).toBe(false);
    await store.settleRetries(key.announcementId, 0);
    expect(await countKept(key)).toBe(0);
    expect(await store.countDeliveries(key.announcementId)).toMatchObject({ delivered: 3 });
  });

  test('what an invocation that has lost its hop leaves is its successor’s to leave', async () => {
    const [a = 0, b = 0] = await addDevices(2);
    const key = await startHop();
    const lost = await claim(key, 'first');
    await passTime(LEASE_MS + 1);
    const holder = await claim(key, 'second');
    await store.recordDeliveries(lost, [{ deviceId: a, ...due }]);
    expect(await countKept(key)).toBe(0);
    await store.recordDeliveries(holder, [{ deviceId: a, ...due }]);
    await store.recordDeliveries(holder, [{ deviceId: b, ...due }]);
    await store.recordDeliveries(holder, [{ deviceId: b, ...due }]);
    expect(await idsOf(key)).toEqual([a, b]);
  });

  test('what proves that the ledger can be written leaves nothing', async () => {
    const key = await startHop();
    expect(await store.proveRecording(await claim(key, 'a'))).toBe(true);
    expect(await countKept({ ...key, announcementId: Number.MAX_SAFE_INTEGER })).toBe(0);
  });

  test('at most once: what is in flight is not left to retry', async () => {
    const [a = 0] = await addDevices(1);
    const key = await startHop();
    const hop = await claim(key, 'a');
    await store.holdHop(hop, LEASE_MS, [{ deviceId: a, target: 'a', targetKind: 'token' }]);
    expect(await countKept(key)).toBe(0);
    await store.recordDeliveries(hop, [{ deviceId: a, ...due, verdict: 'unsent', retryInMs: null }]);
    expect(await countKept(key)).toBe(1);
  });

  test('a repeat of a retry hop finds what it left unsent, and what waits for the next round stays', async () => {
    const [a = 0, b = 0] = await addDevices(2);
    const key = await startHop();
    const hop = await claim(key, 'a');
    await store.recordDeliveries(hop, [
      { deviceId: a, ...due },
      { deviceId: b, ...due },
    ]);
    await store.closeHop(hop);
    await store.plantRound(key.announcementId, 1);
    const second = await claim({ ...key, round: 1 }, 'b');
    await store.turnPage(second, { lastId: b, nextId: null }, LEASE_MS);
    await store.recordDeliveries(second, [
      { deviceId: a, ...due, verdict: 'unsent', retryInMs: null },
      { deviceId: b, ...due },
    ]);
    expect(await idsOf(key, 1)).toEqual([a]);
    expect(await idsOf(key, 2)).toEqual([b]);
    await store.settleRetries(key.announcementId, 1);
    expect(await countKept(key)).toBe(2);
  });

  describe('by an earlier release that still runs after the upgrade', () => {
    /** Records as a release does that does not know push_retry. */
    const recordOld = async ({ announcementId, round }: HopKey, deliveries: readonly Delivery[]) => {
      const driver = openOwn();
      for (const { messageId = 0, deviceId, verdict, retryInMs } of deliveries) {
        await driver.run(
          sql`INSERT INTO push_delivery
                (announcement_id, message_id, device_id, verdict, round, retry_at, recorded_at)
              VALUES (${announcementId}, ${messageId}, ${deviceId}, ${verdict satisfies Verdict}, ${round},
                ${driver.dialect.nowPlus(retryInMs)}, ${driver.dialect.now})`,
        );
      }
    };
    const closeOld = async ({ announcementId, owner }: Hop): Promise<void> => {
      const driver = openOwn();
      await driver.run(
        sql`UPDATE push_hop SET owner = NULL, closed_at = ${driver.dialect.now}
            WHERE announcement_id = ${announcementId} AND owner = ${owner}`,
      );
    };

    test('is found by the retry round, whoever plants it', async () => {
      const [a = 0, b = 0, c = 0] = await addDevices(3);
      const key = await startHop();
      const hop = await claim(key, 'old');
      await store.turnPage(hop, { lastId: b, nextId: c }, LEASE_MS);
      await recordOld(hop, [
        { deviceId: a, ...due },
        { deviceId: b, ...delivered },
      ]);
      await closeOld(hop);
      const next = await claim({ ...key, fromId: c }, 'new');
      await store.turnPage(next, { lastId: c, nextId: null }, LEASE_MS);
      await store.recordDeliveries(next, [{ deviceId: c, ...due }]);
      await store.closeHop(next);
      expect(await idsOf(key)).toEqual([c]);

      await store.keepRetries(key.announcementId);
      expect(await idsOf(key)).toEqual([a, c]);
      await store.keepRetries(key.announcementId);
      expect(await store.hasOpenHop(key.announcementId)).toBe(false);
      expect(await store.plantRound(key.announcementId, 1)).toBe(true);
      expect(await store.hasOpenHop(key.announcementId)).toBe(true);
    });

    test('is found after a takeover, when the hop is closed', async () => {
      const [a = 0, b = 0] = await addDevices(2);
      const key = await startHop();
      const hop = await claim(key, 'old');
      await store.turnPage(hop, { lastId: b, nextId: null }, LEASE_MS);
      await recordOld(hop, [{ deviceId: a, ...due }]);
      await passTime(LEASE_MS + 1);
      const repeat = await claim(key, 'new');
      await store.recordDeliveries(repeat, [{ deviceId: b, ...due }]);
      expect(await store.closeHop(repeat)).toBe(true);
      expect(await store.closeHop(repeat)).toBe(false);
      expect(await idsOf(key)).toEqual([a, b]);
    });

    test('is found in a mailing by its message', async () => {
      const [a = 0] = await addDevices(1);
      const key = await startHop();
      const hop = await claim(key, 'old');
      await store.turnPage(hop, { lastId: 9, nextId: null }, LEASE_MS);
      await recordOld(hop, [
        { messageId: 7, deviceId: a, ...due },
        { messageId: 8, deviceId: a, ...delivered },
      ]);
      await closeOld(hop);
      await store.keepRetries(key.announcementId);
      expect(await store.fetchMessageIds({ ...key, round: 1 }, null, 10)).toEqual([7]);
      await store.settleRetries(key.announcementId, 0);
      expect(await store.countDeliveries(key.announcementId)).toMatchObject({ rejected: 1, delivered: 1 });
    });
  });

  test('the end of a broadcast, a retry round, a repeat and a tick read neither the ledger nor all hops', async () => {
    const driver = openOwn();
    const [a = 0] = await addDevices(30);
    const key = await startHop();
    const hop = await claim(key, 'a');
    await store.turnPage(hop, { lastId: 10, nextId: null }, LEASE_MS);
    await store.recordDeliveries(hop, [{ deviceId: a, ...due }]);
    await store.closeHop(hop);
    // As many deliveries and hops as make an index worth its while.
    const { announcementId } = key;
    const pairs = sql`push_device AS one CROSS JOIN push_device AS two`;
    await driver.run(
      sql`INSERT INTO push_delivery (announcement_id, message_id, device_id, verdict, round, recorded_at)
          SELECT ${announcementId}, 0, 1000 * one.device_id + two.device_id, 'delivered', 0, ${driver.dialect.now}
          FROM ${pairs}`,
    );
    await driver.run(
      sql`INSERT INTO push_hop (announcement_id, round, from_id, last_id, retries_kept, lease_until, planted_at, closed_at)
          SELECT ${announcementId}, 0, 1000 * one.device_id + two.device_id, 1000 * one.device_id + two.device_id, 1,
            ${driver.dialect.now}, ${driver.dialect.now}, ${driver.dialect.now}
          FROM ${pairs}`,
    );
    if (kind === 'mysql') await driver.runScript('ANALYZE TABLE push_announcement, push_delivery, push_hop');
    const repeated = await claim(await startHop(), 'first');
    await store.turnPage(repeated, { lastId: 10, nextId: null }, LEASE_MS);
    await store.releaseHop(repeated);
    const repeat = await claim(repeated, 'second');

    const retry = { ...key, round: 1 };
    const calls: Readonly<Record<string, (own: Store) => Promise<unknown>>> = {
      hasOpenHop: (own) => own.hasOpenHop(announcementId),
      keepRetries: (own) => own.keepRetries(announcementId),
      closeHop: (own) => own.closeHop(repeat),
      fetchStalled: (own) => own.fetchStalled(100),
      fetchFinished: (own) => own.fetchFinished(100),
      fetchDue: (own) => own.fetchDue(100),
      fetchRetryPage: (own) => own.fetchRetryPage(retry, null, 3001),
      fetchMessageIds: (own) => own.fetchMessageIds(retry, null, 3001),
      settleRetries: (own) => own.settleRetries(announcementId, 0),
      plantRound: (own) => own.plantRound(announcementId, 1),
      finishAnnouncement: (own) => own.finishAnnouncement(announcementId, 1),
    };
    for (const [name, call] of Object.entries(calls)) {
      const plan = await explain(database.config, call);
      expect(plan.length, name).toBeGreaterThan(0);
      for (const step of plan) {
        const words = `${name}: ${JSON.stringify(step)}`;
        if (kind === 'sqlite') expect(step['detail'], words).toMatch(/^SEARCH|SUBQUERY/);
        else if (step['select_type'] !== 'INSERT') {
          expect(['const', 'eq_ref', 'ref', 'range', 'index_subquery', null], words).toContain(step['type']);
        }
        if (/ (push_hop|open_hop|first) /.test(String(step['detail'])) && name !== 'fetchFinished') {
          // The first hop of the last round is one row in the order of the key.
          const isFirst = name === 'settleRetries' && String(step['detail']).endsWith(' round=?)');
          if (!isFirst) expect(step['detail'], words).toMatch(/retries_kept=\?|from_id=\?/);
        }
        if (['open_hop', 'first'].includes(String(step['table']))) {
          expect(step['key'], words).toBe('push_hop_open');
        }
        if (/push_delivery|recorded|earlier/.test(String(step['detail']))) {
          expect(step['detail'], words).toMatch(/device_id=\?|device_id<\?|message_id<\?/);
        }
      }
      if (kind === 'mysql') {
        const ledger = plan.filter((step) =>
          ['push_delivery', 'recorded', 'earlier'].includes(String(step['table'])),
        );
        for (const { rows } of ledger) expect(Number(rows), name).toBeLessThan(50);
      }
    }
  });
});

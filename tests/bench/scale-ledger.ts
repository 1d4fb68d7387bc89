import type { Delivery } from '../../src/model/delivery.ts';
import type { Hop, HopKey } from '../../src/model/hop.ts';
import type { Store } from '../../src/store.ts';
import type { Driver } from '../../src/db/driver.ts';
import { makeStore } from '../../src/db/store.ts';

const PAGE_SIZE = 3000;
const LEASE_MS = 3_600_000;
const MAX_MESSAGES = 100_000;
const CHUNK = 500;

/** A broadcast (announcement 1) and a mailing (announcement 2) whose hops are all closed. */
export interface Ledger {
  readonly driver: Driver;
  readonly store: Store;
  readonly key: HopKey;
}

/**
 * Fills a database with a broadcast of `size` deliveries, and a mailing of as many, up to the most that a mailing may have.
 * All have even ids; `leaveToRetry` uses the odd ones.
 */
export async function fillLedger(driver: Driver, size: number): Promise<Ledger> {
  const store = makeStore(driver);
  const content = { title: 't', body: 'b', image: null, data: {}, options: {} };
  for (let announcements = 0; announcements < 2; announcements++) {
    const announcementId = await store.createAnnouncement({
      ...{
        source: 'default',
        guarantee: 'at-least-once',
        ttlSeconds: null,
        dryRun: false,
        lanes: 1,
        content,
      },
    });
    await store.startAnnouncement({ announcementId, round: 0, fromId: 0 }, LEASE_MS);
  }
  const messages = Math.min(size, MAX_MESSAGES);
  await insertDelivered(driver, size, '1, 0, 2 * seq');
  await insertDelivered(driver, messages, '2, 2 * seq, 1');
  await driver.runScript(
    `INSERT INTO push_device (device_id, target, created_at)
     SELECT device_id - 1, CONCAT('target-', device_id), ${driver.dialect.now.sql}
     FROM push_delivery WHERE announcement_id = 1`,
  );
  if (driver.dialect.name === 'mysql') await driver.runScript('ANALYZE TABLE push_delivery, push_device');
  for (const announcementId of [1, 2]) {
    const lastId = 2 * (announcementId === 1 ? size : messages);
    for (let fromId = 0; fromId <= lastId; fromId += 2 * PAGE_SIZE) {
      const nextId = fromId + 2 * PAGE_SIZE;
      const hop = await claim(store, { announcementId, round: 0, fromId });
      const isLast = nextId > lastId;
      await store.turnPage(
        hop,
        { lastId: isLast ? lastId : nextId - 1, nextId: isLast ? null : nextId },
        LEASE_MS,
      );
      await store.markHandedOver(hop);
      await store.closeHop(hop);
    }
  }
  return { driver, store, key: { announcementId: 1, round: 0, fromId: 0 } };
}

/** Leaves so many deliveries of each announcement to a retry round, evenly over the ids. */
export async function leaveToRetry(driver: Driver, amount: number): Promise<void> {
  if (amount === 0) return;
  const store = makeStore(driver);
  // Settled ones are final; a recording could not replace them.
  await driver.runScript(`UPDATE push_delivery SET verdict = 'unsent' WHERE message_name IS NULL`);
  for (const announcementId of [1, 2]) {
    const [row] = await driver.all({
      sql: `SELECT MAX(next_id) AS last FROM push_hop WHERE announcement_id = ?`,
      values: [announcementId],
    });
    const step = Math.max(1, Math.floor(Number(row?.['last'] ?? 0) / 2 / amount));
    const ids = Array.from({ length: amount }, (_, nth) => 2 * nth * step + 1);
    // Only the owner of a hop may leave something to retry, and the broadcast's own hops are closed.
    const key = { announcementId, round: 0, fromId: Number.MAX_SAFE_INTEGER };
    await driver.run({
      sql: `DELETE FROM push_hop WHERE announcement_id = ? AND from_id = ?`,
      values: [announcementId, key.fromId],
    });
    await driver.run({
      sql: `INSERT INTO push_hop (announcement_id, round, from_id, lease_until, planted_at)
            VALUES (?, 0, ?, ${driver.dialect.now.sql}, ${driver.dialect.now.sql})`,
      values: [announcementId, key.fromId],
    });
    const hop = await claim(store, key);
    for (let from = 0; from < amount; from += CHUNK) {
      const deliveries = ids.slice(from, from + CHUNK).map((id): Delivery => ({
        ...(announcementId === 1 ? { deviceId: id } : { messageId: id, deviceId: 1 }),
        ...{ verdict: 'retryable', reason: 'UNAVAILABLE', messageName: null, retryInMs: 1000 },
      }));
      await store.recordDeliveries(hop, deliveries);
    }
    await store.turnPage(hop, { lastId: key.fromId - 1, nextId: null }, LEASE_MS);
    await store.closeHop(hop);
  }
}

async function claim(store: Store, key: HopKey): Promise<Hop> {
  const answer = await store.claimHop(key, 'bench', LEASE_MS);
  if (answer.kind === 'claimed') return answer.hop;
  throw new Error(`expected a claimed hop, got ${answer.kind}`);
}

/** `ids` are the three ids of a row, made of `seq`, a number from 1 to `size`. */
async function insertDelivered(driver: Driver, size: number, ids: string): Promise<void> {
  const numbers =
    driver.dialect.name === 'mysql'
      ? `seq_1_to_${size}`
      : `(WITH RECURSIVE numbers (seq) AS (
            SELECT 1 UNION ALL SELECT seq + 1 FROM numbers WHERE seq < ${size}) SELECT seq FROM numbers)`;
  await driver.runScript(
    `INSERT INTO push_delivery
       (announcement_id, message_id, device_id, verdict, message_name, round, recorded_at)
     SELECT ${ids}, 'delivered', 'projects/a-project/messages/0:1763957000000%abcdef', 0, ${driver.dialect.now.sql}
     FROM ${numbers}`,
  );
}

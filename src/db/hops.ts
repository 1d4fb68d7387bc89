import type { Hop, HopKey } from '../model/hop.ts';
import type { Hops } from '../store.ts';
import { type Dialect, type Driver, hasEffect, type Row } from './driver.ts';
import { insertIfNew } from './insert.ts';
import { cut } from './columns.ts';
import { isHeld, isHop } from './hop-key.ts';
import { asInFlight, upsertDeliveries } from './ledger.ts';
import { findOpenHop, joinRetries, keepRetriesOfPage } from './retries.ts';
import { readFlag, readOptionalText, readOptionalWhole, readOr, readWhole } from './rows.ts';
import { atStart } from './snapshot.ts';
import { parseWork } from './summaries.ts';
import { recountPage, withShift } from './tally.ts';
import { sql, type Statement } from './sql.ts';

/** What the owner's name ends with if the claimant before did not give the hop, or the message, back. */
export const TAKEN_OVER = '/taken-over';

/** The statements of push_hop. */
export function makeHops(driver: Driver): Hops {
  const { dialect } = driver;
  const { now, nowPlus, plusSeconds, joinInOrder } = dialect;

  return {
    async claimHop(key, owner, leaseMs) {
      // A hop that was planted or given back has no owner; one that the tick took from its claimant has an empty one.
      const isClaimed = await hasEffect(
        driver,
        sql`UPDATE push_hop SET taken_over = taken_over + CASE WHEN owner IS NULL THEN 0 ELSE 1 END,
              owner = CASE WHEN owner IS NULL THEN ${owner} ELSE ${owner + TAKEN_OVER} END,
              claimed_at = COALESCE(claimed_at, ${now}), lease_until = ${nowPlus(leaseMs)}, claims = claims + 1
            WHERE ${isHop(key)} AND closed_at IS NULL AND (owner IS NULL OR owner = '' OR lease_until < ${now})`,
      );
      const [row] = await driver.all(sql`SELECT * FROM push_hop WHERE ${isHop(key)}`);
      if (!row) return { kind: 'absent' };
      // The row decides, not the update alone: if its connection was lost and it ran twice, the second matched no row.
      const holder = readOptionalText(row, 'owner');
      const isOwner = holder === owner || holder === owner + TAKEN_OVER;
      if (isClaimed || isOwner) return { kind: 'claimed', hop: parseHop(row, isOwner ? holder : owner) };
      return { kind: row['closed_at'] === null ? 'leased' : 'closed' };
    },

    turnPage(hop, { lastId, nextId }, wakeWithinMs, pushes = 0) {
      const keepBounds = sql`
        UPDATE push_hop SET last_id = ${lastId}, next_id = ${nextId}, devices = ${pushes}, opened_at = ${now}
        WHERE ${isHeld(hop)}`;
      if (nextId === null) return driver.runTogether(keepBounds);
      const next = { ...hop, fromId: nextId };
      const { toId } = hop;
      return driver.runTogether(keepBounds, plantHop(dialect, next, { toId, isCanary: false, wakeWithinMs }));
    },

    async markHandedOver(hop) {
      await driver.run(sql`UPDATE push_hop SET handed_over = 1, canary = 0 WHERE ${isHop(hop)}`);
    },

    async fetchSleepingLanes({ announcementId, round }) {
      const rows = await driver.all(
        sql`SELECT from_id FROM push_hop
            WHERE announcement_id = ${announcementId} AND round = ${round} AND claims = 0 AND EXISTS (
              SELECT 1 FROM push_hop AS other
              WHERE other.announcement_id = push_hop.announcement_id AND other.round = push_hop.round
                AND other.to_id + 1 = push_hop.from_id)
            ORDER BY from_id`,
      );
      return rows.map((row) => readWhole(row, 'from_id'));
    },

    holdHop(hop, leaseMs, inFlight = []) {
      const hold = sql`
        UPDATE push_hop SET lease_until = ${nowPlus(leaseMs)}
        WHERE ${isHeld(hop)} AND EXISTS (
          SELECT 1 FROM push_announcement
          WHERE push_announcement.announcement_id = push_hop.announcement_id AND status = 'running')`;
      if (inFlight.length === 0) return hasEffect(driver, hold);
      const record = upsertDeliveries(dialect, hop, inFlight.map(asInFlight));
      // In round 0 they are counted with their answers, or after a crash when a repeat closes the hop.
      if (hop.round === 0) return driver.runTogether(hold, ...record);
      return driver.runTogether(hold, ...withShift(hop, inFlight, record));
    },

    extendLease(hop, leaseMs) {
      return hasEffect(
        driver,
        sql`UPDATE push_hop SET lease_until = ${nowPlus(leaseMs)} WHERE ${isHeld(hop)}`,
      );
    },

    async releaseHop(hop, why) {
      const explain =
        why === undefined
          ? sql``
          : sql`, given_back = given_back + 1, back_reason = ${cut('back_reason', why)}`;
      await driver.run(
        sql`UPDATE push_hop SET owner = NULL, lease_until = ${now} ${explain} WHERE ${isHeld(hop)}`,
      );
    },

    async postponeHop(hop, wakeInMs) {
      // Not down to 0: that is a lane that no invocation has begun.
      await driver.run(
        sql`UPDATE push_hop SET owner = NULL, lease_until = ${nowPlus(wakeInMs)},
              claims = CASE WHEN claims > 1 THEN claims - 1 ELSE claims END
            WHERE ${isHeld(hop)}`,
      );
    },

    closeHop(hop, work) {
      const keepWork = work ? sql`work = ${JSON.stringify(work)},` : sql``;
      const close = sql`
        UPDATE push_hop SET owner = NULL, ${keepWork} closed_at = ${now}, retries_kept = 1 WHERE ${isHeld(hop)}`;
      // On a repeat, an earlier claimant may have left something to retry.
      const isKept = hop.page === null || hop.round > 0;
      if (isKept) return hasEffect(driver, close);
      return driver.runTogether(close, ...keepRetriesOfPage(dialect, hop), recountPage(hop));
    },

    plantRound(announcementId, round) {
      const ttl = atStart('ttl_seconds');
      return insertIfNew(
        driver,
        sql`INSERT INTO push_hop (announcement_id, round, from_id, lease_until, planted_at)
            SELECT push_retry.announcement_id, ${round}, 0, MAX(retry_at), ${now}
            FROM ${joinRetries(dialect)}
              ${joinInOrder} push_announcement ON push_announcement.announcement_id = push_retry.announcement_id
              LEFT JOIN push_snapshot ON push_snapshot.announcement_id = push_retry.announcement_id
            WHERE push_retry.announcement_id = ${announcementId} AND retry_at IS NOT NULL
              AND (${ttl} IS NULL OR retry_at < ${plusSeconds(sql`started_at`, ttl)})
            GROUP BY push_retry.announcement_id`,
      );
    },

    async fetchStalled(limit) {
      // The index finds the few open hops of an announcement, which are read then.
      const rows = await driver.all(
        sql`SELECT push_hop.announcement_id, push_hop.round, push_hop.from_id
            FROM push_announcement
              ${joinInOrder} push_hop AS open_hop ON open_hop.announcement_id = push_announcement.announcement_id
              ${joinInOrder} push_hop ON push_hop.announcement_id = open_hop.announcement_id
                AND push_hop.round = open_hop.round AND push_hop.from_id = open_hop.from_id
              LEFT JOIN push_hop AS first ON first.announcement_id = push_announcement.announcement_id
                AND first.canary = 1 AND first.retries_kept = 0 AND first.closed_at IS NULL
            WHERE status = 'running' AND open_hop.retries_kept = 0 AND open_hop.closed_at IS NULL
              AND push_hop.lease_until < ${now} AND (push_hop.canary = 1 OR first.canary IS NULL)
            LIMIT ${limit}`,
      );
      return rows.flatMap((row) => readOr([], () => [parseKey(row)], []));
    },

    reviveHop(key, wakeWithinMs) {
      return hasEffect(
        driver,
        sql`UPDATE push_hop SET owner = CASE WHEN owner IS NULL THEN NULL ELSE '' END,
              lease_until = ${nowPlus(wakeWithinMs)}, woken = woken + 1
            WHERE ${isHop(key)} AND closed_at IS NULL AND lease_until < ${now}`,
      );
    },

    async countBusyHops() {
      const [row = {}] = await driver.all(
        sql`SELECT COUNT(*) AS hops
            FROM push_announcement
              JOIN push_hop ON push_hop.announcement_id = push_announcement.announcement_id
            WHERE status = 'running' AND retries_kept = 0 AND closed_at IS NULL AND owner > '' AND lease_until >= ${now}`,
      );
      return readWhole(row, 'hops');
    },

    async hasOpenHop(announcementId) {
      const rows = await driver.all(sql`${findOpenHop(announcementId)} LIMIT 1`);
      return rows.length > 0;
    },

    async countHops(announcementId) {
      const [row = {}] = await driver.all(
        sql`SELECT COUNT(*) AS hops, COUNT(closed_at) AS closed FROM push_hop
            WHERE announcement_id = ${announcementId}`,
      );
      const closed = readWhole(row, 'closed');
      return { open: readWhole(row, 'hops') - closed, closed };
    },
  };
}

/** `plantHop` adds an open hop that no invocation holds; the tick wakes it after `wakeWithinMs`. An existing hop stays. */
export function plantHop(
  { now, nowPlus, keepExisting }: Dialect,
  { announcementId, round, fromId }: HopKey,
  { toId, isCanary, wakeWithinMs }: Pick<Hop, 'toId' | 'isCanary'> & { readonly wakeWithinMs: number },
): Statement {
  return sql`
    INSERT INTO push_hop (announcement_id, round, from_id, to_id, canary, lease_until, planted_at)
    VALUES (${announcementId}, ${round}, ${fromId}, ${toId}, ${isCanary ? 1 : 0}, ${nowPlus(wakeWithinMs)}, ${now})
    ${keepExisting(sql`announcement_id`)}`;
}

function parseKey(row: Row): HopKey {
  return {
    announcementId: readWhole(row, 'announcement_id'),
    round: readWhole(row, 'round'),
    fromId: readWhole(row, 'from_id'),
  };
}

function parseHop(row: Row, owner: string): Hop {
  const lastId = readOptionalWhole(row, 'last_id');
  const work = parseWork(row['work']);
  return {
    ...parseKey(row),
    owner,
    claims: readWhole(row, 'claims'),
    isTakenOver: owner.endsWith(TAKEN_OVER),
    toId: readOptionalWhole(row, 'to_id'),
    page: lastId === null ? null : { lastId, nextId: readOptionalWhole(row, 'next_id') },
    handedOver: readFlag(row, 'handed_over'),
    isCanary: readFlag(row, 'canary'),
    ...(work ? { work } : {}),
    batches: readWhole(row, 'batches'),
  };
}

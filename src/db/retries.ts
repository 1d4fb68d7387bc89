import { type Delivery, OPEN_VERDICTS } from '../model/delivery.ts';
import type { HopKey } from '../model/hop.ts';
import type { Dialect } from './driver.ts';
import { chunksOf, type Fragment, sql, type Statement } from './sql.ts';

/*
 * push_retry has the ids of what a retry round may have to send again: an index of the few such rows among the millions of
 * push_delivery. An index of the database would cost every delivery that is recorded a sixth more (MariaDB, measured).
 *
 * It may have more ids than that, never fewer: push_delivery decides, and what was delivered in the meantime stays in
 * push_retry until the retries end. So only a recording that leaves something to be sent adds to it. Retry rounds send
 * nothing but what is in it, so that it is complete once the hops of round 0 are closed:
 * - A hop adds what it leaves in the transaction that records it.
 * - A repeat of a hop adds, when it closes the hop, what earlier claimants have left of the page. They may have been of a
 *   release that does not know push_retry.
 * - A hop that such a release has closed has retries_kept = 0, and is read once, after round 0.
 */

/** Never less than the bytes that three ids take in a statement. */
const ROW_BYTES = 60;

/** `keepRetries` adds those of a hop's deliveries that are to be sent again; nothing, mostly. */
export function keepRetries(
  dialect: Dialect,
  announcementId: number,
  deliveries: readonly Delivery[],
): Statement[] {
  const left = deliveries.filter(
    ({ verdict, retryInMs }) => retryInMs !== null || OPEN_VERDICTS.includes(verdict),
  );
  return chunksOf(left, () => ROW_BYTES, dialect.maxBytes(), dialect.maxRows).map((chunk) => {
    const rows = chunk.map(
      ({ messageId = 0, deviceId }) => sql`(${announcementId}, ${messageId}, ${deviceId})`,
    );
    return sql`INSERT INTO push_retry (announcement_id, message_id, device_id) VALUES ${rows}
      ${dialect.keepExisting(sql`announcement_id`)}`;
  });
}

/** `keepRetriesOfPage` adds what the ledger has of a hop's page and is to be sent again. */
export function keepRetriesOfPage({ keepExisting, joinInOrder }: Dialect, hop: HopKey): Statement[] {
  const { announcementId, round, fromId } = hop;
  const keep = (isInPage: Fragment): Statement => sql`
    INSERT INTO push_retry (announcement_id, message_id, device_id)
    SELECT recorded.announcement_id, recorded.message_id, recorded.device_id
    FROM push_hop ${joinInOrder} push_delivery AS recorded
      ON recorded.announcement_id = push_hop.announcement_id AND ${isInPage}
    WHERE push_hop.announcement_id = ${announcementId} AND push_hop.round = ${round} AND from_id = ${fromId}
      AND (recorded.retry_at IS NOT NULL OR recorded.verdict IN (${OPEN_VERDICTS}))
    ${keepExisting(sql`push_retry.announcement_id`)}`;
  // A page is one of devices or, in a mailing, of messages; the other statement finds no row. Message ids begin at 1.
  return [
    keep(sql`recorded.message_id = 0 AND recorded.device_id BETWEEN ${fromId} AND last_id`),
    keep(sql`recorded.message_id BETWEEN ${Math.max(1, fromId)} AND last_id`),
  ];
}

/** The tables that a retry is read from, push_retry first: whatever the statistics say, the ledger is never read through. */
export function joinRetries({ joinInOrder }: Dialect): Fragment {
  return sql`push_retry ${joinInOrder} push_delivery
    ON push_delivery.announcement_id = push_retry.announcement_id
      AND push_delivery.message_id = push_retry.message_id
      AND push_delivery.device_id = push_retry.device_id`;
}

/** The condition that a delivery is sent in a retry round: its retry was left to that round, or a hop of the round left it over. */
export function isToSend(round: number): Fragment {
  return sql`(retry_at IS NOT NULL AND push_delivery.round < ${round}
    OR verdict IN (${OPEN_VERDICTS}) AND push_delivery.round = ${round})`;
}

/** The condition that `round` was the announcement's last and all of its hops are closed. */
export function isOver(announcementId: number, round: number): Fragment {
  return sql`NOT EXISTS (${findOpenHop(announcementId)}) AND NOT EXISTS (
    SELECT 1 FROM push_hop AS later WHERE later.announcement_id = ${announcementId} AND later.round > ${round})`;
}

/** A row if a hop of the announcement is open. An open hop has retries_kept = 0, so that the index finds it. */
export function findOpenHop(announcementId: number | Fragment): Statement {
  return sql`SELECT 1 FROM push_hop AS open_hop
    WHERE open_hop.announcement_id = ${announcementId} AND open_hop.retries_kept = 0
      AND open_hop.closed_at IS NULL`;
}

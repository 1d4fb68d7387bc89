import { type PushId, type Verdict, VERDICTS } from '../model/delivery.ts';
import type { HopKey } from '../model/hop.ts';
import type { CountedBatch } from '../store.ts';
import { isHop } from './hop-key.ts';
import { type Fragment, sql, type Statement } from './sql.ts';

/*
 * The numbers in push_hop follow the ledger: whatever changes rows of push_delivery changes them in the same transaction.
 * - The claimant of a hop knows what its batch changes, and adds that. A transaction may run twice, if its connection is lost
 *   in the commit: a batch has a number, and counts once.
 * - Whoever does not know what the ledger has (an answer that arrives late, a claimant that has lost the hop) takes off the
 *   rows that it is about to write, writes them, and adds them as they are then.
 * - A repeat of a hop counts its page anew when it closes it.
 */

/** `addBatch` are the assignments that count a batch in the hop's row; `batches` is last, as MySQL assigns from left to right. */
export function addBatch({ number, work, counts }: CountedBatch): Fragment {
  const changed = VERDICTS.filter((verdict) => counts[verdict] !== 0);
  const isNew = sql`batches < ${number}`;
  const additions = changed.map((verdict) => {
    const column = columnOf(verdict);
    return sql`${column} = ${column} + CASE WHEN ${isNew} THEN ${counts[verdict]} ELSE 0 END`;
  });
  return sql`${[
    ...additions,
    sql`work = ${JSON.stringify(work)}`,
    sql`batches = CASE WHEN ${isNew} THEN ${number} ELSE batches END`,
  ]}`;
}

/** `withShift` makes the statements that write rows of the ledger into ones that also count what they change. */
export function withShift(
  key: HopKey,
  pushes: readonly PushId[],
  statements: readonly Statement[],
): [Statement, ...Statement[]] {
  const isWritten = sql`(${joinByOr(
    [...Map.groupBy(pushes, ({ messageId = 0 }) => messageId)].map(
      ([messageId, group]) =>
        sql`message_id = ${messageId} AND device_id IN (${group.map(({ deviceId }) => deviceId)})`,
    ),
  )})`;
  const shift = (sign: Fragment): Statement => {
    const assignments = VERDICTS.map((verdict) => {
      const column = columnOf(verdict);
      return sql`${column} = ${column} ${sign} ${countRows(key, sql`${isWritten} AND verdict = ${verdict}`)}`;
    });
    return sql`UPDATE push_hop SET ${assignments} WHERE ${isHop(key)}`;
  };
  return [shift(sql`-`), ...statements, shift(sql`+`)];
}

/** `recountPage` counts the rows of a page of round 0 anew. A device that was deleted since the page was read has no row. */
export function recountPage(hop: HopKey): Statement {
  const { fromId } = hop;
  const isOfDevices = sql`message_id = 0 AND device_id BETWEEN ${fromId} AND push_hop.last_id`;
  const isOfMessages = sql`message_id BETWEEN ${Math.max(1, fromId)} AND push_hop.last_id`;
  const countAll = (where: Fragment): Fragment =>
    sql`${countRows(hop, sql`${isOfDevices} ${where}`)} + ${countRows(hop, sql`${isOfMessages} ${where}`)}`;
  const assignments = VERDICTS.map(
    (verdict) => sql`${columnOf(verdict)} = ${countAll(sql`AND verdict = ${verdict}`)}`,
  );
  return sql`UPDATE push_hop SET devices = ${countAll(sql``)}, ${assignments} WHERE ${isHop(hop)}`;
}

function countRows({ announcementId }: HopKey, isCounted: Fragment): Fragment {
  return sql`(SELECT COUNT(*) FROM push_delivery
    WHERE push_delivery.announcement_id = ${announcementId} AND ${isCounted})`;
}

/** A verdict's column has its name. */
function columnOf(verdict: Verdict): Fragment {
  return { sql: verdict, values: [] };
}

function joinByOr(conditions: readonly Fragment[]): Fragment {
  return {
    sql: conditions.map((condition) => condition.sql).join(' OR '),
    values: conditions.flatMap(({ values }) => values),
  };
}

import { type PushId, type Verdict, VERDICTS } from '../model/delivery.ts';
import type { HopKey } from '../model/hop.ts';
import type { CountedBatch } from '../store/summaries.ts';
import type { Dialect } from './driver.ts';
import { isHop } from './hop-key.ts';
import { joinRetries } from './retries.ts';
import { type Fragment, sql, type Statement } from './sql.ts';

/*
 * The numbers in push_hop follow the ledger: whatever changes rows of push_delivery changes them in the same transaction.
 * - The claimant of a hop knows what its batch changes, and adds that. A transaction may run twice, if its connection is lost
 *   in the commit: a batch has a number, and counts once.
 * - A writer that does not know what the ledger has (of an answer that arrives late, or after the hop was lost) takes off the
 *   rows that it is about to write, writes them, and adds them as they are then. Its reasons go into `late_reasons`, because
 *   the next batch of a claimant overwrites `work`.
 * - A repeat of a hop counts its page anew when it closes it.
 * - The end of the retries makes `retryable` rows `rejected`: a closed hop of the announcement counts them.
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
  const isWritten = isAmong(pushes);
  const shift = (sign: Fragment): Statement => {
    const assignments = VERDICTS.map((verdict) => {
      const column = columnOf(verdict);
      return sql`${column} = ${column} ${sign} ${countRows(key, verdict, isWritten)}`;
    });
    return sql`UPDATE push_hop SET ${assignments} WHERE ${isHop(key)}`;
  };
  return [shift(sql`-`), ...statements, shift(sql`+`)];
}

/** The condition that a row of the ledger is that of one of these pushes. Messages that go to the same devices are one term. */
export function isAmong(pushes: readonly PushId[]): Fragment {
  const byMessage = Map.groupBy(pushes, ({ messageId = 0 }) => messageId);
  const messages = [...byMessage].map(([messageId, group]) => ({
    messageId,
    deviceIds: group.map(({ deviceId }) => deviceId),
  }));
  const byDevices = Map.groupBy(messages, ({ deviceIds }) => deviceIds.join());
  return joinByOr(
    [...byDevices.values()].map((group) => {
      const messageIds = group.map(({ messageId }) => messageId);
      return sql`message_id IN (${messageIds}) AND device_id IN (${group[0]?.deviceIds ?? []})`;
    }),
  );
}

/** `withRetriesShift` makes the statements that end an announcement's retries into ones that also count that in the hop's row. */
export function withRetriesShift(
  dialect: Dialect,
  key: HopKey,
  statements: readonly Statement[],
): [Statement, ...Statement[]] {
  const count = (verdict: Verdict): Fragment => sql`(SELECT COUNT(*) FROM ${joinRetries(dialect)}
    WHERE push_retry.announcement_id = ${key.announcementId} AND verdict = ${verdict})`;
  const shift = (sign: Fragment): Statement =>
    sql`UPDATE push_hop SET retryable = retryable ${sign} ${count('retryable')},
          rejected = rejected ${sign} ${count('rejected')}
        WHERE ${isHop(key)}`;
  // The row is locked before anything is counted: of two invocations that end the retries, one waits, and finds nothing.
  const lock = sql`UPDATE push_hop SET retries_kept = retries_kept WHERE ${isHop(key)}`;
  return [lock, shift(sql`-`), ...statements, shift(sql`+`)];
}

/**
 * `recountPage` counts the rows of a page of round 0 anew. Every push of the page has one by then: what has none is of a device
 * that was gone when the page was read again.
 */
export function recountPage(hop: HopKey): Statement {
  const { fromId } = hop;
  const isOfDevices = sql`message_id = 0 AND device_id BETWEEN ${fromId} AND push_hop.last_id`;
  const isOfMessages = sql`message_id BETWEEN ${Math.max(1, fromId)} AND push_hop.last_id`;
  const count = (verdict: Verdict | null): Fragment =>
    sql`${countRows(hop, verdict, isOfDevices)} + ${countRows(hop, verdict, isOfMessages)}`;
  const assignments = VERDICTS.map((verdict) => sql`${columnOf(verdict)} = ${count(verdict)}`);
  return sql`UPDATE push_hop SET ${assignments}, devices = ${count(null)} WHERE ${isHop(hop)}`;
}

/** The number of rows of one verdict; null: of any. */
function countRows({ announcementId }: HopKey, verdict: Verdict | null, isCounted: Fragment): Fragment {
  const isVerdict = verdict === null ? sql`` : sql`AND verdict = ${verdict}`;
  return sql`(SELECT COUNT(*) FROM push_delivery
    WHERE push_delivery.announcement_id = ${announcementId} AND ${isCounted} ${isVerdict})`;
}

/** A verdict's column has its name. */
function columnOf(verdict: Verdict): Fragment {
  return { sql: verdict, values: [] };
}

/** Joined in halves: SQLite takes an expression of at most 1000 levels, and `a OR b OR c` has one more with each term. */
export function joinByOr(conditions: readonly Fragment[]): Fragment {
  const [first = sql`1 = 0`] = conditions;
  if (conditions.length < 2) return sql`(${first})`;
  const half = Math.ceil(conditions.length / 2);
  return sql`(${joinByOr(conditions.slice(0, half))} OR ${joinByOr(conditions.slice(half))})`;
}

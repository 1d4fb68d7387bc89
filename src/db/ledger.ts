import { type Delivery, FINAL_VERDICTS, type PushId } from '../model/delivery.ts';
import type { HopKey } from '../model/hop.ts';
import { COLUMNS, cut } from './columns.ts';
import type { Dialect } from './driver.ts';
import { keepRetries } from './retries.ts';
import { chunksOf, type Fragment, sql, type Statement, type Value } from './sql.ts';

/** Three bytes of UTF-8, two hexadecimal digits each. */
const MAX_BYTES_PER_CHARACTER = 6;

/** A wait of FCM's that no time column could hold is cut to this: after four weeks FCM itself drops a push. */
const MAX_RETRY_MS = 28 * 86_400_000;

/** `upsertDeliveries` records deliveries; a row that has a final verdict stays as it is. */
export function upsertDeliveries(
  dialect: Dialect,
  { announcementId, round }: Pick<HopKey, 'announcementId' | 'round'>,
  deliveries: readonly Delivery[],
): Statement[] {
  const { now, nowPlus, onConflict, incoming, maxBytes, maxRows } = dialect;
  const replace = (column: Fragment): Fragment => unlessFinal(column, incoming(column));
  const assignments = [
    replace(sql`reason`),
    replace(sql`message_name`),
    replace(sql`round`),
    replace(sql`retry_at`),
    unlessFinal(sql`attempts`, sql`push_delivery.attempts + 1`),
    replace(sql`recorded_at`),
    // Last: MySQL assigns from left to right, and the other columns depend on the verdict before this update.
    replace(sql`verdict`),
  ];
  const { sql: row } = sql`(${[null, null, null, null, null, null, null]}, ${nowPlus(null)}, ${now})`;
  const end = sql`${onConflict(sql`announcement_id, message_id, device_id`)} ${assignments}`;
  const makeText = (rows: number): string => `
      INSERT INTO push_delivery
        (announcement_id, message_id, device_id, verdict, reason, message_name, round, retry_at, recorded_at)
      VALUES ${Array.from({ length: rows }, () => row).join(', ')}
      ${end.sql}`;
  // All statements with as many rows have the same text. To make each row by `sql` would take 1 µs of CPU time a device.
  const texts = new Map<number, string>();
  return chunksOf(deliveries, bytesOf, maxBytes(), maxRows).map((chunk) => {
    const text = texts.get(chunk.length) ?? makeText(chunk.length);
    texts.set(chunk.length, text);
    const values: Value[] = [];
    for (const delivery of chunk) {
      const { messageId = 0, deviceId, verdict, reason, messageName } = delivery;
      values.push(announcementId, messageId, deviceId, verdict);
      values.push(cut('reason', reason), cut('message_name', messageName), round, retryInMsOf(delivery));
    }
    values.push(...end.values);
    return { sql: text, values };
  });
}

/** The statements that write a delivery with the longest texts and undo it; they run in a transaction. */
export function proveUpsert(dialect: Dialect, { announcementId, round, fromId }: HopKey): Statement[] {
  const id = { messageId: announcementId, deviceId: fromId };
  return [
    sql`SAVEPOINT proof`,
    ...upsertProof(dialect, id, round),
    ...keepRetries(dialect, Number.MAX_SAFE_INTEGER, [makeProof(id)]),
    sql`ROLLBACK TO SAVEPOINT proof`,
  ];
}

/**
 * The statement that writes a delivery with the longest texts. Its announcement is none, and each prover has other ids, so
 * that nobody waits for another's lock.
 */
export function upsertProof(dialect: Dialect, id: Required<PushId>, round: number): Statement[] {
  return upsertDeliveries(dialect, { announcementId: Number.MAX_SAFE_INTEGER, round }, [makeProof(id)]);
}

function makeProof(id: Required<PushId>): Delivery {
  return {
    ...id,
    verdict: 'misconfigured',
    reason: 'x'.repeat(COLUMNS.reason.characters),
    messageName: 'x'.repeat(COLUMNS.message_name.characters),
    retryInMs: MAX_RETRY_MS,
  };
}

/** Never less than the bytes that a delivery takes in a statement: to count them exactly would take as long as the text. */
function bytesOf({ reason, messageName }: Delivery): number {
  return 250 + MAX_BYTES_PER_CHARACTER * ((reason?.length ?? 0) + (messageName?.length ?? 0));
}

function retryInMsOf({ retryInMs }: Delivery): number | null {
  return retryInMs === null ? null : Math.min(retryInMs, MAX_RETRY_MS);
}

/** The delivery of a push that is about to be sent and must not be sent again after a crash. */
export function asInFlight({ messageId = 0, deviceId }: PushId): Delivery {
  return { messageId, deviceId, verdict: 'unknown', reason: 'IN_FLIGHT', messageName: null, retryInMs: null };
}

/** A different verdict that arrives after a final one is from an invocation that had lost the hop. */
function unlessFinal(column: Fragment, value: Fragment): Fragment {
  return sql`${column} = CASE WHEN push_delivery.verdict IN (${FINAL_VERDICTS})
    THEN push_delivery.${column} ELSE ${value} END`;
}

import { type Delivery, FINAL_VERDICTS, keyOf, type PushId } from '../model/delivery.ts';
import type { HopKey } from '../model/hop.ts';
import { addReasons, nameOfReason, type Reasons } from '../model/summary.ts';
import type { Driver } from './driver.ts';
import { isHop } from './hop-key.ts';
import { readVerdict, readWhole } from './rows.ts';
import { parseReasons } from './summaries.ts';
import { type Fragment, sql } from './sql.ts';
import { isAmong } from './tally.ts';

/** Other writers may count at the same time, each once: more tries than there are writers. */
const MAX_TRIES = 50;

/** How the reasons go into the hop's row, if nobody else has counted meanwhile. */
export interface LateCount {
  readonly assignment: Fragment;
  readonly isUnchanged: Fragment;
}

/**
 * `countLateReasons` counts the reasons of deliveries that belong to no batch, in the transaction that `write` makes with them;
 * false if the row is not as `write` expects it. A transaction may run twice, if its connection is lost in the commit: what the
 * ledger has as final is counted already.
 */
export async function countLateReasons(
  driver: Driver,
  hop: HopKey,
  deliveries: readonly Delivery[],
  write: (count: LateCount) => Promise<boolean>,
): Promise<boolean> {
  const withReason = deliveries.filter(({ reason }) => reason !== null);
  if (withReason.length === 0) return write(makeCount(null, null));
  let before = await fetchBefore(driver, hop);
  for (let nth = 0; nth < MAX_TRIES; nth++) {
    const counted = await fetchFinal(driver, hop, withReason);
    const late = withReason.filter((delivery) => !counted.has(keyOf(delivery)));
    const after = JSON.stringify(addAll(parseReasons(before.text), late, before.now));
    if (await write(makeCount(before.text, after))) return true;
    const then = await fetchBefore(driver, hop);
    if (then.text === before.text) return false;
    before = then;
  }
  // An answer is worth more than its count.
  return write(makeCount(null, null));
}

function makeCount(before: string | null, after: string | null): LateCount {
  if (after === null) return { assignment: sql`late_reasons = late_reasons`, isUnchanged: sql`1 = 1` };
  return {
    assignment: sql`late_reasons = ${after}`,
    isUnchanged: sql`COALESCE(late_reasons, '') = ${before ?? ''}`,
  };
}

async function fetchBefore(
  driver: Driver,
  hop: HopKey,
): Promise<{ readonly text: string | null; readonly now: number }> {
  const { epochMs, now } = driver.dialect;
  const [row] = await driver.all(
    sql`SELECT late_reasons, ${epochMs(now)} AS now_ms FROM push_hop WHERE ${isHop(hop)}`,
  );
  const text = row?.['late_reasons'];
  return { text: typeof text === 'string' ? text : null, now: row ? readWhole(row, 'now_ms') : 0 };
}

/** The keys of the pushes that have a final verdict in the ledger, which they keep. */
async function fetchFinal(
  driver: Driver,
  { announcementId }: HopKey,
  pushes: readonly PushId[],
): Promise<ReadonlySet<string>> {
  const rows = await driver.all(
    sql`SELECT message_id, device_id, verdict FROM push_delivery
        WHERE announcement_id = ${announcementId} AND ${isAmong(pushes)}`,
  );
  return new Set(
    rows
      .filter((row) => FINAL_VERDICTS.includes(readVerdict(row)))
      .map((row) =>
        keyOf({ messageId: readWhole(row, 'message_id'), deviceId: readWhole(row, 'device_id') }),
      ),
  );
}

function addAll(before: Reasons, deliveries: readonly Delivery[], now: number): Reasons {
  let sum = before;
  for (const { reason } of deliveries) {
    if (reason === null) continue;
    const name = nameOfReason(reason, sum[reason] === undefined, Object.keys(sum).length);
    sum = addReasons(sum, { [name]: { pushes: 1, firstAt: now, lastAt: now } });
  }
  return sum;
}

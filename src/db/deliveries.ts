import {
  type Delivery,
  FINAL_VERDICTS,
  OPEN_VERDICTS,
  type PushId,
  type Verdict,
} from '../model/delivery.ts';
import type { HopKey } from '../model/hop.ts';
import { ROWS_PER_STATEMENT } from './devices.ts';
import type { Dialect, Statement, Value } from './driver.ts';

/** What a later round has to go over again; its number is the parameter, twice. */
export const IS_LEFT = `(retry_at IS NOT NULL AND round < ? OR verdict IN (${quoted(OPEN_VERDICTS)}) AND round = ?)`;

export function isFinal({ verdict }: { readonly verdict: Verdict }): boolean {
  return FINAL_VERDICTS.includes(verdict);
}

/** Writes deliveries down, over what was there before unless that is final. */
export function upsertDeliveries(
  { now, nowPlusMs, onConflict, incoming }: Dialect,
  { announcementId, round }: Pick<HopKey, 'announcementId' | 'round'>,
  deliveries: readonly Delivery[],
): Statement[] {
  const assignments = [
    unlessFinal('reason', incoming('reason')),
    unlessFinal('message_name', incoming('message_name')),
    unlessFinal('round', incoming('round')),
    unlessFinal('retry_at', incoming('retry_at')),
    unlessFinal('attempts', 'push_delivery.attempts + 1'),
    unlessFinal('recorded_at', incoming('recorded_at')),
    // Last, since MySQL assigns in this order and the others look at the verdict that was there.
    unlessFinal('verdict', incoming('verdict')),
  ];
  const statements: Statement[] = [];
  for (let first = 0; first < deliveries.length; first += ROWS_PER_STATEMENT) {
    const rows = deliveries.slice(first, first + ROWS_PER_STATEMENT);
    statements.push({
      sql: `INSERT INTO push_delivery
              (announcement_id, message_id, device_id, verdict, reason, message_name, round, retry_at, recorded_at)
            VALUES ${rows.map(() => `(?, ?, ?, ?, ?, ?, ?, ${nowPlusMs}, ${now})`).join(', ')}
            ${onConflict('announcement_id, message_id, device_id')} ${assignments.join(', ')}`,
      values: rows.flatMap((delivery) => valuesOf(announcementId, round, delivery)),
    });
  }
  return statements;
}

function valuesOf(announcementId: number, round: number, delivery: Delivery): Value[] {
  const { messageId = 0, deviceId, verdict, reason, messageName, retryInMs } = delivery;
  // A time later by NULL is NULL.
  return [announcementId, messageId, deviceId, verdict, reason, messageName, round, retryInMs];
}

export function asInFlight({ messageId = 0, deviceId }: PushId): Delivery {
  return { messageId, deviceId, verdict: 'unknown', reason: 'IN_FLIGHT', messageName: null, retryInMs: null };
}

/** A final verdict stays: whoever comes later with another one is a run that had lost the hop. */
function unlessFinal(column: string, value: string): string {
  return `${column} = CASE WHEN push_delivery.verdict IN (${quoted(FINAL_VERDICTS)})
    THEN push_delivery.${column} ELSE ${value} END`;
}

function quoted(verdicts: readonly Verdict[]): string {
  return verdicts.map((verdict) => `'${verdict}'`).join(', ');
}

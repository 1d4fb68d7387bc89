import type { Context, LogFields } from '../context.ts';
import { parseRecordText } from '../envelope.ts';
import type { QueueJob, QueueRecord } from '../job.ts';
import { logOutcome, logRefusals, type Parcel, parseParcel, refuseParcel } from './parcel.ts';
import { sendMessages } from './send.ts';

/**
 * What SQS expects as the answer if the event source has ReportBatchItemFailures: it delivers these records again and deletes
 * the others. https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
 */
export interface QueueReply {
  readonly batchItemFailures: readonly { readonly itemIdentifier: string }[];
}

/** One record, parsed. */
interface QueueParcel extends Parcel {
  readonly record: QueueRecord;
}

/**
 * Sends the messages of all records together. Records with a message that is worth sending again go back to the queue, and
 * so do those with a message that can never be sent (unless QUEUE_REFUSED is `drop`): after some deliveries the queue moves
 * them to its dead-letter queue.
 *
 * Of a FIFO queue, the first record of each group goes out, then the second, and so on. After a record that goes back, the
 * rest of its group goes back unsent.
 * https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html#services-sqs-batchfailurereporting
 */
export async function runQueue(ctx: Context, { records }: QueueJob): Promise<QueueReply> {
  const failed = new Set<string>();
  const stoppedGroups = new Set<string>();
  let messages = 0;
  for (const turn of makeTurns(records)) {
    const sendable = turn.filter(({ group, isOrdered }) => !isOrdered || !stoppedGroups.has(group ?? ''));
    const parcels = sendable.map((record) => parseRecord(ctx, record));
    messages += parcels.reduce((sum, parcel) => sum + parcel.messages.length, 0);
    for (const recordId of await sendParcels(ctx, parcels)) failed.add(recordId);
    for (const { recordId, group, isOrdered } of turn) {
      if (!sendable.some((record) => record.recordId === recordId)) failed.add(recordId);
      if (isOrdered && failed.has(recordId)) stoppedGroups.add(group ?? '');
    }
  }
  ctx.log.info('queue batch ended', { records: records.length, messages, failed: failed.size });
  return { batchItemFailures: Array.from(failed, (itemIdentifier) => ({ itemIdentifier })) };
}

/** The records that may go out together: all of them, or of ordered ones the nth of each group. */
function makeTurns(records: readonly QueueRecord[]): QueueRecord[][] {
  const turns: QueueRecord[][] = [];
  const counts = new Map<string, number>();
  for (const record of records) {
    const nth = record.isOrdered ? (counts.get(record.group ?? '') ?? 0) : 0;
    if (record.isOrdered) counts.set(record.group ?? '', nth + 1);
    (turns[nth] ??= []).push(record);
  }
  return turns;
}

/** Sends the messages of some records together; the ids of those that go back. */
async function sendParcels(ctx: Context, parcels: readonly QueueParcel[]): Promise<string[]> {
  const messages = parcels.flatMap((parcel) => parcel.messages.map((message) => ({ parcel, message })));
  const returned = ctx.config.queue.refused === 'return' ? parcels.filter(({ refused }) => refused > 0) : [];
  const failed = new Set(returned.map(({ record }) => record.recordId));
  const reports = await sendMessages(
    ctx,
    messages.map(({ message }) => message),
  );
  for (const [nth, report] of reports.entries()) {
    const record = messages[nth]?.parcel.record;
    if (!record) continue;
    // Without an id, the message is in no ledger: the database has refused it.
    const isRefused = report.messageId === null && report.retryInMs === null;
    if (report.retryInMs !== null || (isRefused && ctx.config.queue.refused === 'return')) {
      failed.add(record.recordId);
    }
    logOutcome(ctx, nameOf(record), report);
  }
  return [...failed];
}

/** Whatever one record has caused must not fail the others. */
function parseRecord(ctx: Context, record: QueueRecord): QueueParcel {
  let parcel: Parcel;
  try {
    const body = parseRecordText(record.body, 'body');
    parcel = parseParcel(ctx.config, body, `sqs:${record.recordId}`);
  } catch (error) {
    parcel = refuseParcel(error);
  }
  logRefusals(ctx, nameOf(record), parcel);
  return { record, ...parcel };
}

function nameOf({ recordId, group }: QueueRecord): LogFields {
  return group === null ? { recordId } : { recordId, group };
}

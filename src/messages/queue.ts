import type { QueueJob, QueueRecord } from '../job.ts';
import type { NewMessage } from '../model/message.ts';
import type { Context, LogFields } from '../context.ts';
import { PushError } from '../errors.ts';
import { parseJson } from '../json.ts';
import { parseMessage } from './parse.ts';
import { sendMessages } from './send.ts';
import { isObject } from '../parse.ts';

/**
 * What SQS expects as the answer if the event source has ReportBatchItemFailures: it delivers these records again and deletes
 * the others. https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
 */
export interface QueueReply {
  readonly batchItemFailures: readonly { readonly itemIdentifier: string }[];
}

/** One record, parsed. */
interface Parcel {
  readonly record: QueueRecord;
  readonly messages: readonly NewMessage[];
  /** True: a message of the record can never be sent as it is. */
  readonly isRefused: boolean;
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
async function sendParcels(ctx: Context, parcels: readonly Parcel[]): Promise<string[]> {
  const messages = parcels.flatMap((parcel) => parcel.messages.map((message) => ({ parcel, message })));
  const returned = ctx.config.queue.refused === 'return' ? parcels.filter(({ isRefused }) => isRefused) : [];
  const failed = new Set(returned.map(({ record }) => record.recordId));
  const reports = await sendMessages(
    ctx,
    messages.map(({ message }) => message),
  );
  for (const [nth, { messageId, verdict, reason, retryInMs }] of reports.entries()) {
    const record = messages[nth]?.parcel.record;
    if (!record) continue;
    // Without an id, the message is in no ledger: the database has refused it.
    const isRefused = messageId === null && retryInMs === null;
    if (retryInMs !== null || (isRefused && ctx.config.queue.refused === 'return'))
      failed.add(record.recordId);
    if (retryInMs === null && verdict !== 'delivered') {
      ctx.log.error('message not delivered', { ...nameOf(record), messageId, verdict, reason });
    }
  }
  return [...failed];
}

/** The messages of one record: one, or several in `messages`. An invalid message is logged; the others are still sent. */
function parseRecord(ctx: Context, record: QueueRecord): Parcel {
  const messages: NewMessage[] = [];
  let isRefused = false;
  const attempt = (work: () => void): void => {
    try {
      work();
    } catch (error) {
      // Whatever the record has caused must not fail the others.
      const { code, message } =
        error instanceof PushError ? error : { code: 'FAILED', message: String(error) };
      ctx.log.error('message refused', { ...nameOf(record), code, message });
      isRefused = true;
    }
  };
  attempt(() => {
    const value = parseBody(record.body);
    const several = isObject(value) ? value['messages'] : undefined;
    for (const [nth, each] of (Array.isArray(several) ? several : [value]).entries()) {
      attempt(() => messages.push(parseMessage(ctx.config, each, `sqs:${record.recordId}:${nth}`)));
    }
  });
  return { record, messages, isRefused };
}

function nameOf({ recordId, group }: QueueRecord): LogFields {
  return group === null ? { recordId } : { recordId, group };
}

/**
 * A record's body as JSON, without the envelope that SNS puts around it (unless raw message delivery is on).
 * https://docs.aws.amazon.com/sns/latest/dg/sns-sqs-as-subscriber.html
 */
function parseBody(body: string): unknown {
  const value = parseJson(body, 'body', 'BAD_EVENT');
  if (!isObject(value) || value['Type'] !== 'Notification' || typeof value['Message'] !== 'string') {
    return value;
  }
  return parseJson(value['Message'], 'body.Message', 'BAD_EVENT');
}

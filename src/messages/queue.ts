import type { QueueJob, QueueRecord } from '../job.ts';
import type { NewMessage } from '../model/message.ts';
import type { Context } from '../context.ts';
import { PushError } from '../errors.ts';
import { parseMessage } from './parse.ts';
import { type MessageReport, sendMessages } from './send.ts';
import { isObject } from '../parse.ts';

/**
 * What SQS takes for an answer if the event source has ReportBatchItemFailures: these records come again, the others are
 * deleted. https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
 */
export interface QueueReply {
  readonly batchItemFailures: readonly { readonly itemIdentifier: string }[];
}

/**
 * Sends the messages of all records together. What is worth sending again goes back to the queue, record by record; what
 * never will be is told in the log, and let go.
 */
export async function runQueue(ctx: Context, { records }: QueueJob): Promise<QueueReply> {
  const messages = records.flatMap((record) =>
    readRecord(ctx, record).map((message) => ({ recordId: record.recordId, message })),
  );
  const reports = await sendMessages(
    ctx,
    messages.map(({ message }) => message),
  );
  const failed = new Set<string>();
  for (const [nth, each] of reports.entries()) {
    const recordId = messages[nth]?.recordId ?? '';
    if (each.retryInMs !== null) failed.add(recordId);
    else if (each.verdict !== 'delivered') logEnd(ctx, recordId, each);
  }
  ctx.log.info('queue batch ended', {
    records: records.length,
    messages: messages.length,
    failed: failed.size,
  });
  return { batchItemFailures: Array.from(failed, (itemIdentifier) => ({ itemIdentifier })) };
}

/** One message, or several in `messages`; SNS may have wrapped it. A bad one does not keep the others from being sent. */
function readRecord(ctx: Context, { recordId, body }: QueueRecord): NewMessage[] {
  const refuse = (error: unknown): [] => {
    if (!(error instanceof PushError)) throw error;
    ctx.log.error('message refused', { recordId, code: error.code, message: error.message });
    return [];
  };
  try {
    const value = parseBody(body);
    const several = isObject(value) ? value['messages'] : undefined;
    return (Array.isArray(several) ? several : [value]).flatMap((each: unknown, nth) => {
      try {
        return [parseMessage(ctx.config, each, `sqs:${recordId}:${nth}`)];
      } catch (error) {
        return refuse(error);
      }
    });
  } catch (error) {
    return refuse(error);
  }
}

/** https://docs.aws.amazon.com/sns/latest/dg/sns-sqs-as-subscriber.html : without raw message delivery. */
function parseBody(body: string): unknown {
  const value = parseJson(body);
  if (!isObject(value) || value['Type'] !== 'Notification' || typeof value['Message'] !== 'string')
    return value;
  return parseJson(value['Message']);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    const got = `${text.length} characters of something else`;
    throw PushError.of('BAD_EVENT', [{ field: 'body', expected: 'JSON', got }]);
  }
}

function logEnd({ log }: Context, recordId: string, { messageId, verdict, reason }: MessageReport): void {
  log.error('message not delivered', { recordId, messageId, verdict, reason });
}

import type { QueueJob, QueueRecord } from '../job.ts';
import type { NewMessage } from '../model/message.ts';
import type { Context } from '../context.ts';
import { PushError } from '../errors.ts';
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

/**
 * Sends the messages of all records together. Records with a message that is worth sending again go back to the queue; a
 * record that can never succeed is logged and dropped.
 */
export async function runQueue(ctx: Context, { records }: QueueJob): Promise<QueueReply> {
  const messages = records.flatMap((record) =>
    parseRecord(ctx, record).map((message) => ({ recordId: record.recordId, message })),
  );
  const reports = await sendMessages(
    ctx,
    messages.map(({ message }) => message),
  );
  const failed = new Set<string>();
  for (const [nth, { messageId, verdict, reason, retryInMs }] of reports.entries()) {
    const recordId = messages[nth]?.recordId ?? '';
    if (retryInMs !== null) failed.add(recordId);
    else if (verdict !== 'delivered') {
      ctx.log.error('message not delivered', { recordId, messageId, verdict, reason });
    }
  }
  ctx.log.info('queue batch ended', {
    records: records.length,
    messages: messages.length,
    failed: failed.size,
  });
  return { batchItemFailures: Array.from(failed, (itemIdentifier) => ({ itemIdentifier })) };
}

/** The messages of one record: one, or several in `messages`. An invalid message is logged; the others are still sent. */
function parseRecord(ctx: Context, { recordId, body }: QueueRecord): NewMessage[] {
  const drop = (error: unknown): [] => {
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
        return drop(error);
      }
    });
  } catch (error) {
    return drop(error);
  }
}

/**
 * A record's body as JSON, without the envelope that SNS puts around it (unless raw message delivery is on).
 * https://docs.aws.amazon.com/sns/latest/dg/sns-sqs-as-subscriber.html
 */
function parseBody(body: string): unknown {
  const value = parseJson(body);
  if (!isObject(value) || value['Type'] !== 'Notification' || typeof value['Message'] !== 'string') {
    return value;
  }
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

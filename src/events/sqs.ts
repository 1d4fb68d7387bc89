import * as z from 'zod';
import type { QueueJob, QueueRecord } from '../job.ts';
import { isObject, parseWith } from '../parse.ts';

const ID = 'the id of a record';

/**
 * One record. A body that is not text is refused with its record alone, where it is read.
 * https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
 */
const record = z.object(
  {
    messageId: z.string({ error: ID }).min(1, { error: ID }),
    body: z.unknown().optional(),
    attributes: z.unknown().optional(),
    eventSourceARN: z.unknown().optional(),
  },
  { error: 'a record of SQS' },
);

const sqsEvent = z.object({ Records: z.array(record) });

/**
 * Parses the records of an SQS event into one job; null for any other event. EventBridge Pipes sends the same records as a
 * list without an envelope, and expects the same answer.
 * https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-batching-concurrency.html
 */
export function parseSqsEvent(event: unknown): QueueJob | null {
  const list = isObject(event) ? event['Records'] : event;
  if (!Array.isArray(list) || !isObject(list[0])) return null;
  if (list[0]['eventSource'] !== 'aws:sqs') return null;
  const { Records } = parseWith(sqsEvent, { Records: list }, 'BAD_EVENT');
  return { kind: 'queue', records: Records.map(makeRecord) };
}

function makeRecord({ messageId, body, attributes, eventSourceARN }: z.output<typeof record>): QueueRecord {
  const group = isObject(attributes) ? attributes['MessageGroupId'] : null;
  return {
    recordId: messageId,
    body: typeof body === 'string' ? body : '',
    group: typeof group === 'string' ? group : null,
    // The name of a FIFO queue always has this end; a fair queue has groups without an order.
    isOrdered: typeof eventSourceARN === 'string' && eventSourceARN.endsWith('.fifo'),
  };
}

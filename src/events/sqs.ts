import * as z from 'zod';
import type { QueueJob } from '../job.ts';
import { isObject, parseWith } from '../parse.ts';

const ID = 'the id of a record';

/** https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html */
const sqsEvent = z.object({
  Records: z.array(
    z.object(
      { messageId: z.string({ error: ID }).min(1, { error: ID }), body: z.string({ error: 'text' }) },
      { error: 'a record of SQS' },
    ),
  ),
});

/** Parses the records of an SQS event into one job; null for any other event. */
export function parseSqsEvent(event: unknown): QueueJob | null {
  const records = isObject(event) ? event['Records'] : null;
  if (!Array.isArray(records) || !isObject(records[0])) return null;
  if (records[0]['eventSource'] !== 'aws:sqs') return null;
  const { Records } = parseWith(sqsEvent, event, 'BAD_EVENT');
  return { kind: 'queue', records: Records.map(({ messageId, body }) => ({ recordId: messageId, body })) };
}

import * as z from 'zod';
import type { PushJob } from '../job.ts';
import { parseJson } from '../json.ts';
import { isObject, parseWith } from '../parse.ts';
import { parseJob } from './direct.ts';

/** One SNS message is an event of its own: an invalid one does not keep the others from being worked on. */
export interface SnsMessage {
  /** SNS's own id, the same at every delivery of the message. */
  readonly id: string;
  readonly text: string;
}

const snsEvent = z.object({
  Records: z.array(
    z.object(
      {
        Sns: z.object(
          {
            MessageId: z.guid({ error: 'the id of a message' }),
            Message: z.string({ error: 'text' }),
          },
          { error: 'a message of SNS' },
        ),
      },
      { error: 'a record of SNS' },
    ),
  ),
});

/**
 * Parses the messages of an SNS event; null for any other event. SNS writes `EventSource`, where SQS writes `eventSource`.
 * https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html
 */
export function parseSnsEvent(event: unknown): SnsMessage[] | null {
  const records = isObject(event) ? event['Records'] : null;
  if (!Array.isArray(records) || !isObject(records[0])) return null;
  if (records[0]['EventSource'] !== 'aws:sns') return null;
  const { Records } = parseWith(snsEvent, event, 'BAD_EVENT');
  return Records.map(({ Sns }) => ({ id: Sns.MessageId, text: Sns.Message }));
}

/** Parses the job in the text of an SNS message: the same JSON as in a direct invoke. PushError('BAD_EVENT'). */
export function parseSnsMessage(text: string): PushJob {
  return parseJob(parseJson(text, 'Sns.Message', 'BAD_EVENT'));
}

import * as z from 'zod';
import { isObject, parseWith } from '../parse.ts';
import type { OutsideRecord } from './record.ts';

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
export function parseSnsEvent(event: unknown): OutsideRecord[] | null {
  const records = isObject(event) ? event['Records'] : null;
  if (!Array.isArray(records) || !isObject(records[0])) return null;
  if (records[0]['EventSource'] !== 'aws:sns') return null;
  const { Records } = parseWith(snsEvent, event, 'BAD_EVENT');
  return Records.map(({ Sns }) => ({ origin: 'sns', id: Sns.MessageId, text: Sns.Message }));
}

import type { BroadcastJob, PushJob } from '../job.ts';
import { MAX_LANES } from '../model/announcement.ts';
import * as z from 'zod';
import { announceSchema } from '../broadcast/announce.ts';
import { PushError } from '../errors.ts';
import { type HttpRequest, parseRequest } from './http.ts';
import { parseQueueEvent } from '../messages/queue.ts';
import { describeShape, isObject, parseWith, wholeNumber } from '../parse.ts';

/** What an event asks for, and how its sender wants to be answered. */
export type ParsedEvent =
  | { readonly entry: 'direct'; readonly job: PushJob }
  | { readonly entry: 'http'; readonly request: HttpRequest }
  | { readonly entry: 'sns'; readonly messages: readonly SnsMessage[] };

/** One SNS message is an event of its own: one that is bad does not take the others with it. */
export interface SnsMessage {
  readonly id: string;
  readonly text: string;
}

const announcementId = wholeNumber(1);
const lanes = wholeNumber(1, MAX_LANES).optional();

/** What a person, a scheduler or an API sends: start at the beginning, unless told otherwise. */
export const startSchema = z
  .object({ announcementId, deviceId: wholeNumber(0).nullish().default(0), lanes })
  .transform((event): BroadcastJob => ({
    kind: 'broadcast',
    announcementId: event.announcementId,
    round: 0,
    fromId: event.deviceId ?? 0,
    lanes: event.lanes,
  }));

/** What names its kind: the function's own next hop, and the tick. */
const jobSchema = z.discriminatedUnion(
  'kind',
  [
    z.object({
      kind: z.literal('broadcast'),
      announcementId,
      round: wholeNumber(0),
      fromId: wholeNumber(0),
      lanes,
    }),
    z.object({ kind: z.literal('scan') }),
    z.object({ kind: z.literal('doctor') }),
  ],
  { error: '"broadcast", "scan" or "doctor"' },
);

const notifications = z.object({
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

const KNOWN_EVENTS = [
  '{"announcementId": 42, "deviceId": 0}',
  '{"title": "…", "body": "…"}',
  '{"kind": "scan"}',
  '{"kind": "doctor"}',
  'an EventBridge rule or Scheduler event',
  'SNS records with one of these as their messages',
  'SQS records with messages',
  'an HTTP request from API Gateway, a function URL or a load balancer',
].join(', ');

/** Unknown event -> job. PushError('BAD_EVENT') names the field, what was expected and what came. */
export function parseEvent(event: unknown): ParsedEvent {
  const request = parseRequest(event);
  if (request) return { entry: 'http', request };
  const queue = parseQueueEvent(event);
  if (queue) return { entry: 'direct', job: queue };
  const messages = parseNotifications(event);
  return messages ? { entry: 'sns', messages } : { entry: 'direct', job: parseJob(event) };
}

/** The job in one SNS message, whose text is JSON as a direct invoke has it. */
export function parseMessage(text: string): PushJob {
  let event: unknown;
  try {
    event = JSON.parse(text);
  } catch {
    throw refuse('Sns.Message', 'JSON', `${text.length} characters of something else`);
  }
  return parseJob(event);
}

function parseJob(event: unknown): PushJob {
  if (isTick(event)) return { kind: 'scan' };
  // What a rule matched on a bus: the detail is the publisher's own.
  const asked = isObject(event) && 'detail-type' in event ? event['detail'] : event;
  const schema = schemaOf(asked);
  if (schema === null) throw refuse('event', KNOWN_EVENTS, describeShape(event));
  return parseWith<PushJob>(schema, asked, 'BAD_EVENT');
}

/** By its kind; or, as people send it, an announcement that is in the table, or the content of one that is not. */
function schemaOf(event: unknown): z.ZodType<PushJob> | null {
  if (!isObject(event)) return null;
  if ('kind' in event) return jobSchema;
  if ('announcementId' in event) return startSchema;
  return 'title' in event || 'body' in event ? announceSchema : null;
}

/**
 * An EventBridge rule's or an EventBridge Scheduler's event, without an input of its own; with one, the event is that
 * input. https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-run-lambda-schedule.html
 */
function isTick(event: unknown): boolean {
  if (!isObject(event)) return false;
  const { source } = event;
  return (
    source === 'aws.scheduler' || (source === 'aws.events' && event['detail-type'] === 'Scheduled Event')
  );
}

/** https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html : `EventSource`, where SQS has `eventSource`. */
function parseNotifications(event: unknown): SnsMessage[] | null {
  const records = isObject(event) ? event['Records'] : null;
  if (!Array.isArray(records) || !isObject(records[0]) || records[0]['EventSource'] !== 'aws:sns')
    return null;
  const { Records } = parseWith(notifications, event, 'BAD_EVENT');
  return Records.map(({ Sns }) => ({ id: Sns.MessageId, text: Sns.Message }));
}

function refuse(field: string, expected: string, got: string): PushError {
  return PushError.of('BAD_EVENT', [{ field, expected, got }]);
}

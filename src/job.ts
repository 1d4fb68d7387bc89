import { z } from 'zod';
import type { BroadcastJob, PushJob } from './context.ts';
import { announceSchema } from './announce.ts';
import { type Problem, PushError } from './errors.ts';
import { isObject, parseWith, show } from './parse.ts';

/** What an event asks for, and how its sender wants to be answered. */
export type ParsedEvent =
  | { readonly entry: 'direct'; readonly job: PushJob }
  | { readonly entry: 'http'; readonly job: BroadcastJob };

/** Ids are whole numbers, or the same as text: JSON from PHP and from query strings comes either way. */
function wholeNumber(min: number) {
  const error = `a whole number from ${min} to ${Number.MAX_SAFE_INTEGER}`;
  const digits = z.string({ error }).regex(/^\d{1,16}$/, { error });
  return z
    .union([z.number({ error }), digits.transform(Number)], { error })
    .pipe(z.int({ error }).min(min, { error }).max(Number.MAX_SAFE_INTEGER, { error }));
}

const announcementId = wholeNumber(1);
const cursor = wholeNumber(0).nullish().default(0);

/** What a person, a scheduler or an API sends: start at the beginning, unless told otherwise. */
const startEvent = z.object({ announcementId, deviceId: cursor }).transform((event): BroadcastJob => ({
  kind: 'broadcast',
  announcementId: event.announcementId,
  round: 0,
  fromId: event.deviceId ?? 0,
}));

/** What names its kind: the function's own next hop, and the tick. */
const jobEvent = z.discriminatedUnion(
  'kind',
  [
    z.object({
      kind: z.literal('broadcast'),
      announcementId,
      round: wholeNumber(0),
      fromId: wholeNumber(0),
    }),
    z.object({ kind: z.literal('scan') }),
    z.object({ kind: z.literal('doctor') }),
  ],
  { error: '"broadcast", "scan" or "doctor"' },
);

const KNOWN_EVENTS =
  '{"announcementId": 42, "deviceId": 0}, {"title": "…", "body": "…"}, {"kind": "scan"}, {"kind": "doctor"}, an EventBridge schedule, or an API Gateway event with the first as its JSON body';

/** Unknown event -> job. PushError('BAD_EVENT') names the field, what was expected and what came. */
export function parseEvent(event: unknown): ParsedEvent {
  const body = parseHttpBody(event);
  if (body) return { entry: 'http', job: parseJob(startEvent, body.value) };
  if (isTick(event)) return { entry: 'direct', job: { kind: 'scan' } };
  return { entry: 'direct', job: parseJob<PushJob>(schemaOf(event), event) };
}

/** By its kind; or, as people send it, an announcement that is in the table, or the content of one that is not. */
function schemaOf(event: unknown): z.ZodType<PushJob> {
  if (!isObject(event)) return startEvent;
  if ('kind' in event) return jobEvent;
  return 'title' in event && !('announcementId' in event) ? announceSchema : startEvent;
}

/** True for an event whose sender waits for an HTTP status, whatever else may be wrong with it. */
export function isHttpEvent(event: unknown): boolean {
  return httpMethod(event) !== null;
}

/**
 * An EventBridge rule's or an EventBridge Scheduler's event, without an input of its own.
 * https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-run-lambda-schedule.html
 */
function isTick(event: unknown): boolean {
  if (!isObject(event)) return false;
  const { source } = event;
  return (
    source === 'aws.scheduler' || (source === 'aws.events' && event['detail-type'] === 'Scheduled Event')
  );
}

/** What is no object has no fields to speak of. */
function parseJob<T>(schema: z.ZodType<T>, value: unknown): T {
  if (!isObject(value)) throw refuse([{ field: 'event', expected: KNOWN_EVENTS, came: show(value) }]);
  return parseWith(schema, value, 'BAD_EVENT');
}

/** REST API (payload 1.0): https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
 *  HTTP API (payload 2.0): https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html */
function httpMethod(event: unknown): string | null {
  if (!isObject(event) || !isObject(event['requestContext'])) return null;
  const http = event['requestContext']['http'];
  const method = event['version'] === '2.0' && isObject(http) ? http['method'] : event['httpMethod'];
  return typeof method === 'string' ? method : null;
}

function parseHttpBody(event: unknown): { value: unknown } | null {
  const method = httpMethod(event);
  if (method === null || !isObject(event)) return null;
  if (method !== 'POST') throw refuse([{ field: 'method', expected: 'POST', came: show(method) }]);
  const expected = 'a JSON object such as {"announcementId": 42}';
  const { body } = event;
  if (typeof body !== 'string' || body === '') throw refuse([{ field: 'body', expected, came: show(body) }]);
  const text = event['isBase64Encoded'] === true ? Buffer.from(body, 'base64').toString() : body;
  try {
    return { value: JSON.parse(text) as unknown };
  } catch {
    throw refuse([{ field: 'body', expected, came: show(text) }]);
  }
}

function refuse(problems: readonly Problem[]): PushError {
  return PushError.of('BAD_EVENT', problems);
}

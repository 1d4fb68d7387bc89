import type { BroadcastJob, PushJob } from '../job.ts';
import { MAX_LANES } from '../model/announcement.ts';
import { CHECKS } from '../model/notice.ts';
import * as z from 'zod';
import { announceSchema } from '../broadcast/announce.ts';
import { isTick } from '../envelope.ts';
import { PushError } from '../errors.ts';
import { describeShape, isObject, parseWith, wholeNumber } from '../parse.ts';

const announcementId = wholeNumber(1);
const lanes = wholeNumber(1, MAX_LANES).optional();

/** The request to push an announcement that is in the table: from the first device, or from `deviceId` on. */
export const startSchema = z
  .object({ announcementId, deviceId: wholeNumber(0).nullish().default(0), lanes })
  .transform((event): BroadcastJob => ({
    kind: 'broadcast',
    announcementId: event.announcementId,
    round: 0,
    fromId: event.deviceId ?? 0,
    lanes: event.lanes,
  }));

/** An event that names its kind: the function's own next hop, a scan, or a check. */
const jobSchema = z.discriminatedUnion(
  'kind',
  [
    z.object({
      kind: z.literal('broadcast'),
      announcementId,
      round: wholeNumber(0),
      fromId: wholeNumber(0),
      lanes,
      startsAt: wholeNumber(0).optional(),
    }),
    z.object({ kind: z.literal('scan') }),
    z.object({ kind: z.enum(CHECKS), announcementId: announcementId.optional() }),
  ],
  { error: '"broadcast", "scan", "doctor", "radar" or "canary"' },
);

const KNOWN_EVENTS = [
  '{"announcementId": 42, "deviceId": 0}',
  '{"title": "…", "body": "…"}',
  '{"kind": "scan"}',
  '{"kind": "doctor"} (or "radar", "canary")',
  'an EventBridge rule or Scheduler event',
  'SNS records with one of these or with messages',
  'SQS records with messages',
  'an HTTP request from API Gateway, a function URL or a load balancer',
].join(', ');

/** Parses a job that is JSON, as a direct invoke or a schedule of EventBridge brings it. PushError('BAD_EVENT'). */
export function parseJob(event: unknown): PushJob {
  if (isTick(event)) return { kind: 'scan' };
  const schema = schemaOf(event);
  if (schema !== null) return parseWith<PushJob>(schema, event, 'BAD_EVENT');
  throw PushError.of('BAD_EVENT', [{ field: 'event', expected: KNOWN_EVENTS, got: describeShape(event) }]);
}

/** Chooses the schema by `kind`; without a kind, by the id of an announcement or by the content of a new one. */
function schemaOf(event: unknown): z.ZodType<PushJob> | null {
  if (!isObject(event)) return null;
  if ('kind' in event) return jobSchema;
  if ('announcementId' in event) return startSchema;
  return ['title', 'body', 'data'].some((field) => field in event) ? announceSchema : null;
}

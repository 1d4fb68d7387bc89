import * as z from 'zod';
import { timeSchema } from '../model/time.ts';
import { wholeNumber } from '../parse.ts';
import { makePlan, planToJson } from '../report/plan/plan.ts';
import { makeRoute } from './route.ts';

const time = z.iso.datetime();
const count = z.int();

const plan = z.object({
  announcementId: count,
  source: z.string(),
  audience: count,
  audienceWords: z.string().nullable().describe('which devices it is for; null: all, or a mailing'),
  hops: count,
  lanes: count,
  pageSize: count,
  startsAt: time,
  endsAt: time.describe('if no push has to be retried'),
  durationMs: z.number(),
  perMinute: count.describe("the source's budget"),
  rampMs: z.number(),
  answerMs: z.number().describe("FCM's mean time to an answer"),
  isMeasured: z.boolean().describe('false: answerMs is assumed, as nothing has been sent yet'),
  peakInFlight: count,
  peakConcurrency: count,
  databaseConnections: count,
  cost: z.object({
    memoryMb: count,
    gbSeconds: z.number(),
    requests: count,
    dollars: z.object({ x86_64: z.number(), arm64: z.number() }),
    prices: z.object({
      region: z.string(),
      asOf: z.string(),
      source: z.string(),
      gbSecond: z.object({ x86_64: z.number(), arm64: z.number() }),
      millionRequests: z.number(),
    }),
  }),
  finishBy: z
    .object({
      at: time,
      isPossible: z.boolean(),
      perMinute: count
        .nullable()
        .describe('the smallest FCM_MESSAGES_PER_MINUTE with which it ends by then; null: none is enough'),
    })
    .nullable(),
  warnings: z.array(z.string()),
  sample: z
    .record(z.string(), z.unknown())
    .nullable()
    .describe('the message as FCM gets it, without its target'),
});

export const planRoute = makeRoute({
  method: 'POST',
  path: '/announcements/{announcementId}/plan',
  summary:
    'What an announcement that has not started will take: time, invocations, cost, and what is likely to go wrong.',
  scope: 'read',
  params: z.object({ announcementId: wholeNumber(1) }),
  body: z.strictObject(
    { finishBy: timeSchema.nullish().describe('whether it ends by this time, and at what budget') },
    { error: 'no such field' },
  ),
  isBodyOptional: true,
  replies: { 200: { description: 'The plan. Nothing is sent or changed.', body: plan } },
  run: async (ctx, { params: { announcementId }, body: { finishBy = null } }) => ({
    status: 200,
    body: planToJson(await makePlan(ctx, announcementId, { finishBy })) satisfies z.infer<typeof plan>,
  }),
});

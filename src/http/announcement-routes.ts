import * as z from 'zod';
import { announce, announceSchema } from '../broadcast/announce.ts';
import {
  findAnnouncement,
  type Move,
  MOVES,
  moveAnnouncement,
  recordStartRequest,
  refuseSeries,
  resumeAnnouncement,
} from '../broadcast/announcement.ts';
import { approveAnnouncement } from '../broadcast/approve.ts';
import { startSchema } from '../events/direct.ts';
import { firstJob } from '../job.ts';
import {
  type Announcement,
  ANNOUNCEMENT_STATUSES,
  AUDIENCES,
  GUARANTEES,
  isSeries,
} from '../model/announcement.ts';
import { type Verdict, VERDICTS } from '../model/delivery.ts';
import { isPast } from '../model/time.ts';
import { wholeNumber } from '../parse.ts';
import { fetchListed, fetchStanding, type Listed, makeKnowledge, type Standing } from '../report/standing.ts';
import { toIso } from '../words.ts';
import { MAX_AUDIENCE_BYTES } from './audience-routes.ts';
import { planRoute } from './plan-route.ts';
import { ANNOUNCEMENT_PARAMS, makeRoute, type Route } from './route.ts';
import { testRoute } from './test-route.ts';

const MAX_LISTED = 100;
const DEFAULT_LISTED = 20;

const announcementId = z.int();

const shared = z.object({
  announcementId,
  status: z.enum(ANNOUNCEMENT_STATUSES),
  reason: z.string().nullable().describe('why the announcement has this status'),
  source: z.string(),
  dryRun: z.boolean(),
});
const standing = shared.extend({
  guarantee: z.enum(GUARANTEES),
  problem: z.string().nullable().describe('why the row of the announcement cannot be sent'),
  edited: z
    .array(z.string())
    .describe('columns that were changed since the approval or the start, without effect'),
  approvedBy: z.string().nullable().describe('who has approved it: the caller of the route approve'),
});
const count = z.int();
const time = z.iso.datetime();
const times = { publishAt: time.nullable(), startedAt: time.nullable(), finishedAt: time.nullable() };
const balance = z
  .object({
    audience: count.describe('pushes that the announcement is for; the other numbers add up to it'),
    excluded: count.describe('devices that were deleted or unregistered before they were read'),
    delivered: count,
    unregistered: count,
    rejected: count,
    unknown: count.describe('no answer arrived'),
    unsent: count.describe('not sent yet, or to be sent again'),
  })
  .nullable()
  .describe('null before the start, and if an earlier release of Baton started the announcement');
const progress = standing.extend({
  ...times,
  counts: z.object(
    Object.fromEntries(VERDICTS.map((verdict) => [verdict, count])) as Record<Verdict, z.ZodInt>,
  ),
  balance,
  hops: z.object({ open: count, held: count.describe('an invocation works on them now'), closed: count }),
  perSecond: z
    .object({ now: z.number().nullable(), average: z.number().nullable() })
    .describe('pushes a second'),
  isHeld: z.boolean().describe('nothing is sent now, because FCM is down or throttles the source'),
  endsInMs: z
    .number()
    .nullable()
    .describe('milliseconds until everything is sent, at the rate now; null while isHeld'),
  answers: z
    .object({ p50Ms: z.number(), p95Ms: z.number() })
    .nullable()
    .describe("FCM's answer times: half of the answers, and 95% of them, took at most so long"),
  errors: z
    .array(z.object({ reason: z.string(), pushes: count, firstAt: time, lastAt: time }))
    .describe('why attempts did not deliver, the most frequent reasons'),
  waitsFor: z.array(z.object({ what: z.string(), until: time.nullable() })),
});
const summary = shared.extend({
  ...times,
  title: z.string(),
  audience: z.enum(AUDIENCES),
  balance,
  tookMs: z.number().nullable().describe('milliseconds from the start to the end, or until now'),
  edited: z
    .array(z.string())
    .describe('columns that were changed since the approval or the start, without effect; [] after the end'),
});

/** API Gateway waits 29 s at most: the work goes on in another invocation, and the reply only confirms that. */
const push = makeRoute({
  method: 'POST',
  path: '/push',
  summary: 'Push an announcement that is in the table, from its first device or from deviceId on.',
  scope: 'send',
  body: startSchema,
  replies: {
    202: { description: 'The push goes on.', body: z.object({ announcementId, deviceId: z.int() }) },
  },
  async run(ctx, { body: job }) {
    const { announcementId: id, fromId } = job;
    const announcement = await findAnnouncement(ctx, id);
    refuseSeries(announcement);
    await recordStartRequest(ctx, id, fromId);
    await ctx.invoker.invoke(ctx.functionName, job);
    return { status: 202, body: { announcementId: id, deviceId: fromId } };
  },
});

const PAST = 'publishAt has passed: the announcement starts now';

const accepted = z.object({
  announcementId,
  publishAt: time,
  note: z.string().optional().describe('says that publishAt has passed'),
});

const create = makeRoute({
  method: 'POST',
  path: '/announcements',
  summary:
    'Announce to every device, or to those of audience: now, at publishAt, at a localTime in the zone of each device, or at every occurrence of a repeat.',
  scope: 'send',
  body: announceSchema,
  maxBodyBytes: MAX_AUDIENCE_BYTES,
  replies: {
    201: { description: 'A new announcement; Location is its path.', body: accepted },
    200: { description: 'The announcement of an earlier request with this idempotencyKey.', body: accepted },
  },
  async run(ctx, { body, request }) {
    const { announcementId: id, isNew, publishAt } = await announce(ctx, body);
    const isInParts = isSeries(body.announcement);
    if (publishAt <= ctx.clock.now() && !isInParts) await ctx.invoker.invoke(ctx.functionName, firstJob(id));
    return {
      status: isNew ? 201 : 200,
      headers: { location: `${request.prefix}/announcements/${id}` },
      body: {
        announcementId: id,
        publishAt: toIso(publishAt),
        ...(isPast(publishAt, ctx.clock.now()) && isNew && !isInParts ? { note: PAST } : {}),
      } satisfies z.infer<typeof accepted>,
    };
  },
});

const list = makeRoute({
  method: 'GET',
  path: '/announcements',
  summary: 'Announcements, latest first.',
  scope: 'read',
  query: z.strictObject(
    {
      limit: wholeNumber(1, MAX_LISTED).default(DEFAULT_LISTED),
      before: wholeNumber(1).optional().describe('only announcements with a smaller id: the next page'),
    },
    { error: 'no such field' },
  ),
  replies: {
    200: { description: 'At most limit announcements.', body: z.object({ announcements: z.array(summary) }) },
  },
  async run({ store, clock }, { query: { limit, before } }) {
    const listed = await fetchListed({ store, clock }, await store.fetchLatest(limit, before));
    return { status: 200, body: { announcements: listed.map(summarize) } };
  },
});

const show = makeRoute({
  method: 'GET',
  path: '/announcements/{announcementId}',
  summary:
    'How far an announcement is: its deliveries by verdict, the balance of its audience, and what it waits for.',
  scope: 'read',
  params: ANNOUNCEMENT_PARAMS,
  replies: { 200: { description: 'The status so far.', body: progress } },
  async run({ store, clock, config }, { params: { announcementId: id } }) {
    const observer = { store, clock, ...makeKnowledge(config) };
    return { status: 200, body: showStanding(await fetchStanding(observer, id)) };
  },
});

const accept = z.boolean({ error: 'true or false' }).default(false);

const resume = makeRoute({
  method: 'POST',
  path: '/announcements/{announcementId}/resume',
  summary:
    'Continue a paused or failed announcement where it stopped, from the next tick on. The audience of one that was paused at its start because of it is accepted.',
  scope: 'send',
  acceptsSession: true,
  params: ANNOUNCEMENT_PARAMS,
  body: z.strictObject(
    {
      acceptEdits: accept.describe('send the rest as the row is now, with what was edited since the start'),
      acceptUnregistered: accept.describe(
        'the devices are really gone: do not fail again if nearly all pushes are unregistered',
      ),
    },
    { error: 'no such field' },
  ),
  isBodyOptional: true,
  replies: {
    200: { description: 'The announcement is running, or scheduled if it has not started.', body: standing },
  },
  run: async (ctx, { params: { announcementId: id }, body }) => ({
    status: 200,
    body: describe(await resumeAnnouncement(ctx, id, body)),
  }),
});

const approve = makeRoute({
  method: 'POST',
  path: '/announcements/{announcementId}/approve',
  summary:
    'Approve an announcement that another caller has made, as its row is now; one that waits for approval starts at the next tick.',
  scope: 'send',
  acceptsSession: true,
  params: ANNOUNCEMENT_PARAMS,
  replies: { 200: { description: 'The announcement is approved.', body: standing } },
  run: async (ctx, { params: { announcementId: id } }) => ({
    status: 200,
    body: describe(await approveAnnouncement(ctx, id)),
  }),
});

function makeMove(move: Move, text: string): Route {
  return makeRoute({
    method: 'POST',
    path: `/announcements/{announcementId}/${move}`,
    summary: text,
    scope: 'send',
    acceptsSession: true,
    params: ANNOUNCEMENT_PARAMS,
    replies: { 200: { description: `The announcement is ${MOVES[move].to}.`, body: standing } },
    run: async (ctx, { params: { announcementId: id } }) => ({
      status: 200,
      body: describe(await moveAnnouncement(ctx, id, move)),
    }),
  });
}

export const ANNOUNCEMENT_ROUTES: readonly Route[] = [
  push,
  create,
  list,
  show,
  planRoute,
  testRoute,
  makeMove(
    'pause',
    'Stop a running announcement, within the pushes that are in flight; or the parts to come of one that is sent in parts.',
  ),
  resume,
  approve,
  makeMove('cancel', 'End an announcement permanently, within the pushes that are in flight.'),
];

function describe(announcement: Announcement): z.infer<typeof standing> {
  const { announcementId: id, statusReason: reason, edited, ...rest } = announcement;
  const { status, source, guarantee, dryRun, problem } = rest;
  const approvedBy = rest.approvedBy ?? null;
  const shown = { status, reason, source, guarantee, dryRun, problem };
  return { announcementId: id, ...shown, edited: [...edited], approvedBy };
}

function showStanding({ announcement, errors, waitsFor, ...rest }: Standing): z.infer<typeof progress> {
  return {
    ...describe(announcement),
    ...rest,
    publishAt: toIso(rest.publishAt),
    startedAt: toIso(rest.startedAt),
    finishedAt: toIso(rest.finishedAt),
    errors: errors.map(({ reason, pushes, firstAt, lastAt }) => ({
      reason,
      pushes,
      firstAt: toIso(firstAt),
      lastAt: toIso(lastAt),
    })),
    waitsFor: waitsFor.map(({ what, until }) => ({ what, until: toIso(until) })),
  };
}

function summarize({ statusReason, ...rest }: Listed): z.infer<typeof summary> {
  return {
    ...rest,
    reason: statusReason,
    edited: [...rest.edited],
    publishAt: toIso(rest.publishAt),
    startedAt: toIso(rest.startedAt),
    finishedAt: toIso(rest.finishedAt),
  };
}

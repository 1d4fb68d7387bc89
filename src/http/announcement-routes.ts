import * as z from 'zod';
import { announce, announceSchema } from '../broadcast/announce.ts';
import {
  findAnnouncement,
  type Move,
  MOVES,
  moveAnnouncement,
  resumeAnnouncement,
} from '../broadcast/announcement.ts';
import { startSchema } from '../events/direct.ts';
import { firstJob } from '../job.ts';
import { type Announcement, ANNOUNCEMENT_STATUSES, AUDIENCES, GUARANTEES } from '../model/announcement.ts';
import { type Verdict, VERDICTS } from '../model/delivery.ts';
import { isPast } from '../model/time.ts';
import { wholeNumber } from '../parse.ts';
import type { AnnouncementSummary } from '../store.ts';
import { makeRoute, type Route } from './route.ts';

const MAX_LISTED = 100;
const DEFAULT_LISTED = 20;

const announcementId = z.int();
const params = z.object({ announcementId: wholeNumber(1) });

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
  edited: z.array(z.string()).describe('columns that were changed since the start, without effect'),
});
const count = z.int();
const progress = standing.extend({
  counts: z.object(
    Object.fromEntries(VERDICTS.map((verdict) => [verdict, count])) as Record<Verdict, z.ZodInt>,
  ),
  hops: z.object({ open: count, closed: count }),
});
const time = z.iso.datetime();
const summary = shared.extend({
  title: z.string(),
  audience: z.enum(AUDIENCES),
  publishAt: time.nullable(),
  startedAt: time.nullable(),
  finishedAt: time.nullable(),
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
    await findAnnouncement(ctx, job.announcementId);
    await ctx.invoker.invoke(ctx.functionName, job);
    return { status: 202, body: { announcementId: job.announcementId, deviceId: job.fromId } };
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
  summary: 'Announce to every device: now, or at publishAt.',
  scope: 'send',
  body: announceSchema,
  replies: {
    201: { description: 'A new announcement; Location is its path.', body: accepted },
    200: { description: 'The announcement of an earlier request with this idempotencyKey.', body: accepted },
  },
  async run(ctx, { body, request }) {
    const { announcementId: id, isNew, publishAt } = await announce(ctx, body);
    if (publishAt <= ctx.clock.now()) await ctx.invoker.invoke(ctx.functionName, firstJob(id));
    return {
      status: isNew ? 201 : 200,
      headers: { location: `${request.prefix}/announcements/${id}` },
      body: {
        announcementId: id,
        publishAt: new Date(publishAt).toISOString(),
        ...(isPast(publishAt, ctx.clock.now()) && isNew ? { note: PAST } : {}),
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
  async run({ store }, { query: { limit, before } }) {
    const latest = await store.fetchLatest(limit, before);
    return { status: 200, body: { announcements: latest.map(summarize) } };
  },
});

const show = makeRoute({
  method: 'GET',
  path: '/announcements/{announcementId}',
  summary: 'The status of an announcement, and its deliveries by verdict.',
  scope: 'read',
  params,
  replies: { 200: { description: 'The status so far.', body: progress } },
  async run({ store }, { params: { announcementId: id } }) {
    const announcement = await findAnnouncement({ store }, id);
    const body: z.infer<typeof progress> = {
      ...describe(announcement),
      counts: await store.countDeliveries(id),
      hops: await store.countHops(id),
    };
    return { status: 200, body };
  },
});

const accept = z.boolean({ error: 'true or false' }).default(false);

const resume = makeRoute({
  method: 'POST',
  path: '/announcements/{announcementId}/resume',
  summary: 'Continue a paused or failed announcement where it stopped, from the next tick on.',
  scope: 'send',
  acceptsSession: true,
  params,
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
  replies: { 200: { description: 'The announcement is running.', body: standing } },
  run: async (ctx, { params: { announcementId: id }, body }) => ({
    status: 200,
    body: describe(await resumeAnnouncement(ctx, id, body)),
  }),
});

function makeMove(move: Move, text: string): Route {
  return makeRoute({
    method: 'POST',
    path: `/announcements/{announcementId}/${move}`,
    summary: text,
    scope: 'send',
    acceptsSession: true,
    params,
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
  makeMove('pause', 'Stop a running announcement, within the pushes that are in flight.'),
  resume,
  makeMove('cancel', 'End an announcement permanently, within the pushes that are in flight.'),
];

function describe(announcement: Announcement): z.infer<typeof standing> {
  const { announcementId: id, statusReason: reason, edited, ...rest } = announcement;
  const { status, source, guarantee, dryRun, problem } = rest;
  return { announcementId: id, status, reason, source, guarantee, dryRun, problem, edited: [...edited] };
}

function summarize({ statusReason, ...rest }: AnnouncementSummary): z.infer<typeof summary> {
  return {
    ...rest,
    reason: statusReason,
    publishAt: describeTime(rest.publishAt),
    startedAt: describeTime(rest.startedAt),
    finishedAt: describeTime(rest.finishedAt),
  };
}

function describeTime(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}

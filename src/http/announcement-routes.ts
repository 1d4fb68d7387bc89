import * as z from 'zod';
import { announce, announceSchema } from '../broadcast/announce.ts';
import { findAnnouncement, recordStartRequest, refuseSeries } from '../broadcast/announcement.ts';
import { startSchema } from '../events/direct.ts';
import { firstJob } from '../job.ts';
import { isSeries } from '../model/announcement.ts';
import { isPast } from '../model/time.ts';
import { wholeNumber } from '../parse.ts';
import { noticesToJson } from '../report/notices.ts';
import { fetchListed, fetchStanding, makeKnowledge } from '../report/standing.ts';
import { toIso } from '../words.ts';
import {
  announcementId,
  notice,
  progress,
  showListed,
  showStanding,
  summary,
  time,
} from './announcement-replies.ts';
import { MAX_AUDIENCE_BYTES } from './audience-routes.ts';
import { MOVE_ROUTES } from './move-routes.ts';
import { planRoute } from './plan-route.ts';
import { ANNOUNCEMENT_PARAMS, makeRoute, type Route } from './route.ts';
import { testRoute } from './test-route.ts';

const MAX_LISTED = 100;
const DEFAULT_LISTED = 20;

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
  summary: 'Announcements, latest first, and what checks have found.',
  scope: 'read',
  query: z.strictObject(
    {
      limit: wholeNumber(1, MAX_LISTED).default(DEFAULT_LISTED),
      before: wholeNumber(1).optional().describe('only announcements with a smaller id: the next page'),
    },
    { error: 'no such field' },
  ),
  replies: {
    200: {
      description: 'At most limit announcements; what checks have found and still stands.',
      body: z.object({ announcements: z.array(summary), notices: z.array(notice) }),
    },
  },
  async run({ store, clock }, { query: { limit, before } }) {
    const listed = await fetchListed({ store, clock }, await store.fetchLatest(limit, before));
    const notices = noticesToJson(await store.fetchNotices());
    return { status: 200, body: { announcements: listed.map(showListed), notices } };
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

export const ANNOUNCEMENT_ROUTES: readonly Route[] = [
  push,
  create,
  list,
  show,
  planRoute,
  testRoute,
  ...MOVE_ROUTES,
];

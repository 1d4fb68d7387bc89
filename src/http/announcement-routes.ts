import { sameJob } from '../job.ts';
import type { Announcement } from '../model/announcement.ts';
import { type Verdict, VERDICTS } from '../model/delivery.ts';
import * as z from 'zod';
import { announce, announceSchema } from '../broadcast/announce.ts';
import { fetchNamed } from '../broadcast/hop.ts';
import { startSchema } from '../events/direct.ts';
import { type Move, MOVES, moveAnnouncement } from '../broadcast/announcement.ts';
import { wholeNumber } from '../parse.ts';
import { makeRoute, type Route } from './route.ts';

const announcementId = z.int();
const params = z.object({ announcementId: wholeNumber(1) });

const count = z.int();
const standing = z.object({
  announcementId,
  status: z.enum(['draft', 'scheduled', 'running', 'paused', 'cancelled', 'failed', 'done']),
  reason: z.string().nullable(),
  source: z.string(),
  guarantee: z.enum(['at-least-once', 'at-most-once']),
  dryRun: z.boolean(),
});
const progress = standing.extend({
  counts: z.object(
    Object.fromEntries(VERDICTS.map((verdict) => [verdict, count])) as Record<Verdict, z.ZodInt>,
  ),
  hops: z.object({ open: count, closed: count }),
});

/** API Gateway waits 29 s and no longer: the work is handed over, and only its acceptance is answered. */
const push = makeRoute({
  method: 'POST',
  path: '/push',
  summary: 'Push an announcement that is in the table, from a device on.',
  body: startSchema,
  replies: { 202: { description: 'Handed over.', body: z.object({ announcementId, deviceId: z.int() }) } },
  async run(ctx, { body: job }) {
    await fetchNamed(ctx, job);
    await ctx.invoker.invoke(ctx.functionName, job);
    return { status: 202, body: { announcementId: job.announcementId, deviceId: job.fromId } };
  },
});

const announced = z.object({ announcementId, publishAt: z.iso.datetime() });

const create = makeRoute({
  method: 'POST',
  path: '/announcements',
  summary: 'Announce to every device: now, or at its publishAt.',
  body: announceSchema,
  replies: {
    201: { description: 'Made; Location is where it stands.', body: announced },
    200: {
      description: 'The one that an earlier request with this idempotencyKey has made.',
      body: announced,
    },
  },
  async run(ctx, { body, request }) {
    const made = await announce(ctx, body);
    const job = sameJob({ announcementId: made.announcementId, round: 0, fromId: 0 });
    if (made.publishAt <= ctx.clock.now()) await ctx.invoker.invoke(ctx.functionName, job);
    return {
      status: made.isNew ? 201 : 200,
      headers: { location: `${request.prefix}/announcements/${made.announcementId}` },
      body: {
        announcementId: made.announcementId,
        publishAt: new Date(made.publishAt).toISOString(),
      } satisfies z.infer<typeof announced>,
    };
  },
});

const show = makeRoute({
  method: 'GET',
  path: '/announcements/{announcementId}',
  summary: 'Where an announcement stands, and whom it has reached.',
  params,
  replies: { 200: { description: 'So far.', body: progress } },
  async run({ store }, { params: { announcementId: id } }) {
    const announcement = await fetchNamed({ store }, { announcementId: id });
    const body: z.infer<typeof progress> = {
      ...describe(announcement),
      counts: await store.countDeliveries(id),
      hops: await store.countHops(id),
    };
    return { status: 200, body };
  },
});

function makeMove(move: Move, summary: string): Route {
  return makeRoute({
    method: 'POST',
    path: `/announcements/{announcementId}/${move}`,
    summary,
    params,
    replies: { 200: { description: `It is ${MOVES[move].to}.`, body: standing } },
    run: async (ctx, { params: { announcementId: id } }) => ({
      status: 200,
      body: describe(await moveAnnouncement(ctx, id, move)),
    }),
  });
}

export const ANNOUNCEMENT_ROUTES: readonly Route[] = [
  push,
  create,
  show,
  makeMove('pause', 'Stop a running announcement within one chunk of each hop.'),
  makeMove('resume', 'Let a paused or failed announcement go on where it stopped, from the next tick on.'),
  makeMove('cancel', 'End an announcement for good, within one chunk of each hop.'),
];

function describe(announcement: Announcement): z.infer<typeof standing> {
  const { announcementId: id, status, statusReason, source, guarantee, dryRun } = announcement;
  return { announcementId: id, status, reason: statusReason, source, guarantee, dryRun };
}

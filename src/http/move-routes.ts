import * as z from 'zod';
import { type Move, MOVES, moveAnnouncement, resumeAnnouncement } from '../broadcast/announcement.ts';
import { approveAnnouncement } from '../broadcast/approve.ts';
import { showAnnouncement, standing } from './announcement-replies.ts';
import { ANNOUNCEMENT_PARAMS, makeRoute, type Route } from './route.ts';

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
    body: showAnnouncement(await resumeAnnouncement(ctx, id, body)),
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
    body: showAnnouncement(await approveAnnouncement(ctx, id)),
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
      body: showAnnouncement(await moveAnnouncement(ctx, id, move)),
    }),
  });
}

/** What a person may do with an announcement. */
export const MOVE_ROUTES: readonly Route[] = [
  makeMove(
    'pause',
    'Stop a running announcement, within the pushes that are in flight; or the parts to come of one that is sent in parts.',
  ),
  resume,
  approve,
  makeMove('cancel', 'End an announcement permanently, within the pushes that are in flight.'),
];

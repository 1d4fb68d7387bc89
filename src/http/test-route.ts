import * as z from 'zod';
import { findAnnouncement } from '../broadcast/announcement.ts';
import { testNamesSchema } from '../messages/test-devices.ts';
import { asTested, sendTests } from '../messages/test-sends.ts';
import { VERDICTS } from '../model/delivery.ts';
import { describeTestSend } from '../report/test-sends.ts';
import { ANNOUNCEMENT_PARAMS, makeRoute } from './route.ts';

const sendResult = z.object({
  deviceId: z.int(),
  messageId: z.int().nullable().describe('null: no phone can have shown it'),
  verdict: z.enum([...VERDICTS, 'in-progress']),
  reason: z.string().nullable(),
  messageName: z.string().nullable().describe("FCM's name of the accepted message"),
  says: z.string().describe('what became of it, in words'),
  remedy: z.string().nullable().describe('what to do; null: nothing'),
});

export const testRoute = makeRoute({
  method: 'POST',
  path: '/announcements/{announcementId}/test',
  summary: 'Send the message of an announcement to a few devices now; no status or report counts it.',
  scope: 'send',
  params: ANNOUNCEMENT_PARAMS,
  body: z.strictObject(
    {
      to: testNamesSchema.describe('a token, device:ID, member:ID, or test for all devices with isTest'),
      dryRun: z
        .boolean({ error: 'true or false' })
        .default(false)
        .describe('FCM checks the messages, and no phone shows one'),
    },
    { error: 'no such field' },
  ),
  replies: {
    200: {
      description: 'What became of the message for each device.',
      body: z.object({ announcementId: z.int(), dryRun: z.boolean(), sends: z.array(sendResult) }),
    },
  },
  async run(ctx, { params: { announcementId }, body: { to, dryRun } }) {
    const tested = asTested(await findAnnouncement(ctx, announcementId), { dryRun });
    const sends = await sendTests(ctx, tested, to);
    return {
      status: 200,
      body: {
        announcementId,
        dryRun: tested.dryRun,
        sends: sends.map((each) => describeTestSend(each, tested)),
      },
    };
  },
});

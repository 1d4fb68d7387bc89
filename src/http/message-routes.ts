import { VERDICTS } from '../model/delivery.ts';
import * as z from 'zod';
import { makeId } from '../id.ts';
import { makeMessage, messageSchema } from '../messages/parse.ts';
import type { MessageReport } from '../messages/report.ts';
import { sendMessages } from '../messages/send.ts';
import type { NewMessage } from '../model/message.ts';
import { TOPIC_NOTE } from '../model/topic.ts';
import { makeRoute, type Route } from './route.ts';

const MAX_MESSAGES = 500;
/** FCM accepts 4096 bytes per message; JSON may write one of them as several characters. */
const MAX_BODY_BYTES = MAX_MESSAGES * 8192;

const MESSAGES = `a list of 1 to ${MAX_MESSAGES} messages`;

const outcome = z.object({
  messageId: z.int().nullable().describe('null: the message was not processed'),
  outcome: z.enum([...VERDICTS, 'in-progress']),
  reason: z.string().nullable(),
  retryAfterSeconds: z
    .int()
    .nullable()
    .describe('when to send the message again, with the same key; null: do not'),
  deliveries: z.array(
    z.object({
      deviceId: z.int().describe('0: a topic, or a recipient that has no device'),
      verdict: z.enum(VERDICTS),
      reason: z.string().nullable(),
      messageName: z.string().nullable().describe("FCM's name of the accepted message"),
    }),
  ),
  note: z.string().optional().describe('what an answer for a topic does not say'),
});

const send = makeRoute({
  method: 'POST',
  path: '/messages',
  summary:
    'Send messages at once, each to a device, to all devices of a member, or to a topic or a condition of FCM.',
  scope: 'send',
  body: z.strictObject(
    {
      messages: z
        .array(messageSchema, { error: MESSAGES })
        .min(1, { error: MESSAGES })
        .max(MAX_MESSAGES, { error: MESSAGES }),
    },
    { error: 'no such field' },
  ),
  maxBodyBytes: MAX_BODY_BYTES,
  replies: {
    200: {
      description: 'The outcome of each message, in order.',
      body: z.object({ outcomes: z.array(outcome) }),
    },
  },
  async run(ctx, { body }) {
    // A caller that names no key cannot ask for the same message again: a random key is enough.
    const requestKey = makeId();
    const messages = body.messages.map((each, nth) => makeMessage(ctx.config, each, `${requestKey}-${nth}`));
    const reports = await sendMessages(ctx, messages);
    return { status: 200, body: { outcomes: reports.map((report, nth) => describe(report, messages[nth])) } };
  },
});

function describe(
  { verdict, retryInMs, ...report }: MessageReport,
  message: NewMessage | undefined,
): z.infer<typeof outcome> {
  return {
    ...report,
    outcome: verdict,
    retryAfterSeconds: retryInMs === null ? null : Math.ceil(retryInMs / 1000),
    deliveries: [...report.deliveries],
    ...(message?.recipient.topic ? { note: TOPIC_NOTE } : {}),
  };
}

export const MESSAGE_ROUTES: readonly Route[] = [send];

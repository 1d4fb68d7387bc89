import type { Config } from '../config/config.ts';
import type { NewMessage } from '../model/message.ts';
import * as z from 'zod';
import { contentFields, makeContent, requestFields, unknownFields } from '../model/content.ts';
import { fitsFcm, TOO_BIG } from '../fcm/size.ts';
import { parseWith, wholeNumber } from '../parse.ts';
import { findSource } from '../config/sources.ts';

/** push_device.member_id is as wide. */
export const MAX_MEMBER_LENGTH = 64;

const MEMBER = `1 to ${MAX_MEMBER_LENGTH} characters`;
const ONE_RECIPIENT = 'a deviceId or a memberId, and not both';

export const memberSchema = z
  .string({ error: MEMBER })
  .min(1, { error: MEMBER })
  .max(MAX_MEMBER_LENGTH, { error: MEMBER });

const messageFields = z.strictObject(
  {
    ...contentFields,
    ...requestFields,
    deviceId: wholeNumber(1).nullish(),
    memberId: memberSchema.nullish(),
  },
  { error: unknownFields('a message') },
);

/** A message as a request or a queue brings it, but for its source and its key, which it may leave open. */
export const messageSchema = messageFields
  .refine(fitsFcm, TOO_BIG)
  .refine(({ deviceId, memberId }) => ((deviceId ?? null) === null) !== ((memberId ?? null) === null), {
    path: ['deviceId'],
    error: ONE_RECIPIENT,
  });

/** PushError('BAD_EVENT'), or 'NO_SUCH_SOURCE' if it names one that is not configured. */
export function parseMessage(config: Config, value: unknown, keyIfNone: string): NewMessage {
  return makeMessage(config, parseWith(messageSchema, value, 'BAD_EVENT'), keyIfNone);
}

export function makeMessage(
  config: Config,
  input: z.output<typeof messageSchema>,
  keyIfNone: string,
): NewMessage {
  const { deviceId, memberId, source: named, idempotencyKey, ...rest } = input;
  const source = named ?? config.source;
  findSource(config, source);
  return {
    messageKey: idempotencyKey ?? keyIfNone,
    source,
    recipient:
      typeof memberId === 'string'
        ? { deviceId: null, memberId }
        : { deviceId: deviceId ?? 0, memberId: null },
    ...makeContent(rest),
  };
}

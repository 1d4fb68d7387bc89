import { isDeepStrictEqual } from 'node:util';
import * as z from 'zod';
import type { Config } from '../config/config.ts';
import { findSource } from '../config/sources.ts';
import { fitsFcm, TOO_BIG } from '../fcm/size.ts';
import { isUnicode, UNICODE } from '../json.ts';
import {
  contentFields,
  makeContent,
  requestFields,
  unknownFields,
  withContentRules,
} from '../model/content.ts';
import { isNullWord } from '../model/device.ts';
import { attributesSchema } from '../model/member.ts';
import { NO_CONTENT, templateNameSchema } from '../model/message-template.ts';
import type { NewMessage, Recipient } from '../model/message.ts';
import { conditionSchema, type TopicName, topicSchema } from '../model/topic.ts';
import { isObject, parseWith, wholeNumber } from '../parse.ts';

/** The width of push_device.member_id and push_message.member_id. */
export const MAX_MEMBER_LENGTH = 64;

const MEMBER = `1 to ${MAX_MEMBER_LENGTH} characters`;

export const memberSchema = z
  .string({ error: MEMBER })
  .min(1, { error: MEMBER })
  .max(MAX_MEMBER_LENGTH, { error: MEMBER })
  .refine(isUnicode, { error: UNICODE })
  .refine((text) => !isNullWord(text), { error: 'a member id, and no word for the absence of one' });

const PLAIN_MEMBER = `${MEMBER}, without blanks around them`;

/**
 * The member id of a device or a member that a caller writes: MySQL's keys ignore blanks at the end of a text. Messages take
 * all ids, because a program that writes to the table may have made others.
 */
export const plainMemberSchema = memberSchema.refine((text) => text === text.trim(), { error: PLAIN_MEMBER });

const messageFields = z.strictObject(
  {
    ...contentFields,
    ...requestFields,
    deviceId: wholeNumber(1).nullish(),
    memberId: memberSchema.nullish(),
    topic: topicSchema.nullish(),
    condition: conditionSchema.nullish(),
    template: templateNameSchema.optional(),
    variables: attributesSchema.optional(),
  },
  { error: unknownFields('a message') },
);

/** A message in a request or a queue's record. Its source and its key may be absent. */
export const messageSchema = withContentRules(messageFields, namesTemplate)
  .refine((request) => namesTemplate(request) || fitsFcm(request), TOO_BIG)
  .refine(
    (request) => !namesTemplate(request) || isDeepStrictEqual(makeContent(request).content, NO_CONTENT),
    {
      path: ['template'],
      error: 'no title, body or other content beside it',
    },
  )
  .refine(({ template, variables }) => template !== undefined || variables === undefined, {
    path: ['variables'],
    error: 'a template beside them',
  })
  .refine(
    ({ deviceId, memberId, topic, condition }) => countGiven(deviceId, memberId, topic, condition) === 1,
    {
      path: ['deviceId'],
      error: 'one of deviceId, memberId, topic and condition',
    },
  );

/** Unknown value -> message. PushError('BAD_EVENT'), or ('NO_SUCH_SOURCE') for a source that is not configured. */
export function parseMessage(config: Config, value: unknown, defaultKey: string): NewMessage {
  return makeMessage(config, parseWith(messageSchema, value, 'BAD_EVENT'), defaultKey);
}

/** Fills in a message's source and key where they are absent. PushError('NO_SUCH_SOURCE'). */
export function makeMessage(
  config: Config,
  {
    deviceId,
    memberId,
    topic,
    condition,
    source = null,
    idempotencyKey,
    template,
    variables = {},
    ...content
  }: z.output<typeof messageSchema>,
  defaultKey: string,
): NewMessage {
  const sourceName = source ?? config.source;
  findSource(config, sourceName);
  return {
    messageKey: idempotencyKey ?? defaultKey,
    source: sourceName,
    recipient: makeRecipient({ deviceId, memberId, topic, condition }),
    ...makeContent(content),
    ...(template === undefined ? {} : { template: { name: template, variables } }),
  };
}

function namesTemplate(request: unknown): boolean {
  return isObject(request) && request['template'] !== undefined;
}

function makeRecipient({
  deviceId,
  memberId,
  topic,
  condition,
}: Pick<z.output<typeof messageSchema>, 'deviceId' | 'memberId' | 'topic' | 'condition'>): Recipient {
  if (typeof memberId === 'string') return { deviceId: null, memberId };
  if (typeof topic === 'string') return toTopic({ kind: 'topic', name: topic });
  if (typeof condition === 'string') return toTopic({ kind: 'condition', name: condition });
  return { deviceId: deviceId ?? 0, memberId: null };
}

function toTopic(topic: TopicName): Recipient {
  return { deviceId: 0, memberId: null, topic };
}

function countGiven(...values: readonly unknown[]): number {
  return values.filter((value) => value !== undefined && value !== null).length;
}

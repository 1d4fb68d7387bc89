import * as z from 'zod';
import { PushError } from '../errors.ts';
import { isUnicode, UNICODE } from '../json.ts';
import { plainMemberSchema } from '../messages/parse.ts';
import { isNullWord, MAX_TARGET_LENGTH, type Registration, TARGET_KINDS } from '../model/device.ts';
import { PLATFORMS } from '../model/filter.ts';
import { MAX_TAG_NAME_LENGTH, MAX_TAG_VALUE_LENGTH, MAX_TAGS } from '../model/tags.ts';
import { timeSchema } from '../model/time.ts';
import {
  APP_VERSION_WORDS,
  LOCALE_WORDS,
  parseAppVersion,
  parseLocale,
  parseTimeZone,
  PLATFORM_WORDS,
  TIME_ZONE_WORDS,
} from '../model/traits.ts';
import { withoutProto } from '../parse.ts';
import { makeRoute, type Route } from './route.ts';

const TARGET = `1 to ${MAX_TARGET_LENGTH} visible ASCII characters`;

const NO_NULL_WORD = 'a target, and no word for the absence of one';

const target = z
  .string({ error: TARGET })
  .max(MAX_TARGET_LENGTH, { error: TARGET })
  .regex(/^[\x21-\x7e]+$/, { error: TARGET });

/** A text that is brought into the form that the table has, or null. */
const trait = (expected: string, parse: (text: string) => string | null) =>
  z
    .string({ error: expected })
    .meta({ description: expected })
    .transform((text, ctx): string => {
      const value = parse(text);
      if (value !== null) return value;
      ctx.issues.push({ code: 'custom', message: expected, input: text });
      return z.NEVER;
    })
    .nullish();

const TAGS = `an object of at most ${MAX_TAGS} tags`;
const TAG_NAME = `a tag: 1 to ${MAX_TAG_NAME_LENGTH} characters, without blanks around them`;
const TAG_VALUE = `1 to ${MAX_TAG_VALUE_LENGTH} characters, or null`;

const tagName = z
  .string({ error: TAG_NAME })
  .min(1, { error: TAG_NAME })
  .max(MAX_TAG_NAME_LENGTH, { error: TAG_NAME })
  .refine((text) => text === text.trim() && text.isWellFormed(), { error: TAG_NAME });
const tagValue = z
  .string({ error: TAG_VALUE })
  .min(1, { error: TAG_VALUE })
  .max(MAX_TAG_VALUE_LENGTH, { error: TAG_VALUE })
  .refine(isUnicode, { error: UNICODE });

const device = z
  .strictObject(
    {
      target: target.refine((text) => !isNullWord(text), { error: NO_NULL_WORD }),
      kind: z.enum(TARGET_KINDS, { error: TARGET_KINDS.join(' or ') }).optional(),
      replaces: target.nullish(),
      memberId: plainMemberSchema.nullish(),
      platform: z.enum(PLATFORMS, { error: PLATFORM_WORDS }).nullish(),
      locale: trait(LOCALE_WORDS, parseLocale),
      timeZone: trait(TIME_ZONE_WORDS, parseTimeZone),
      appVersion: trait(APP_VERSION_WORDS, parseAppVersion),
      lastSeenAt: timeSchema.nullish(),
      isTest: z.boolean({ error: 'true or false' }).optional(),
      isCanary: z.boolean({ error: 'true or false' }).optional(),
      tags: withoutProto(
        z
          .record(tagName, tagValue.nullable(), {
            error: (issue) => (issue.code === 'invalid_key' ? TAG_NAME : TAGS),
          })
          .refine((tags) => Object.keys(tags).length <= MAX_TAGS, { error: TAGS }),
        `${TAG_NAME}, not __proto__`,
      ).optional(),
    },
    { error: 'no such field' },
  )
  .transform(({ kind, replaces, ...fields }): Registration =>
    given({ ...fields, targetKind: kind, replaces: replaces ?? undefined }),
  );

/** The fields that a request has: what is absent stays as it is in the table. */
function given<T extends object>(fields: T): { [Name in keyof T]: Exclude<T[Name], undefined> } {
  const entries = Object.entries(fields as Record<string, unknown>).filter(
    ([, value]) => value !== undefined,
  );
  return Object.fromEntries(entries) as { [Name in keyof T]: Exclude<T[Name], undefined> };
}

const register = makeRoute({
  method: 'POST',
  path: '/devices',
  summary: 'Register a device or renew it; an app may do this at every start.',
  scope: 'devices',
  body: device,
  replies: { 200: { description: 'The device is registered.', body: z.object({ deviceId: z.int() }) } },
  async run({ store, clock }, { body, authorize }) {
    // Test sends are of announcements that nobody else may see yet.
    if (body.isTest !== undefined) authorize('send', 'isTest');
    // A canary that never answers makes an alert each day.
    if (body.isCanary !== undefined) authorize('send', 'isCanary');
    const { lastSeenAt = null } = body;
    // The clock of a phone may be wrong: a time to come would keep the device among those that were seen lately.
    const seen = lastSeenAt === null ? {} : { lastSeenAt: Math.min(lastSeenAt, clock.now()) };
    return { status: 200, body: { deviceId: await store.registerDevice({ ...body, ...seen }) } };
  },
});

const remove = makeRoute({
  method: 'DELETE',
  path: '/devices/{target}',
  summary: 'Delete a device.',
  scope: 'devices',
  params: z.object({ target }),
  replies: { 204: { description: 'The device is deleted.', body: null } },
  async run({ store }, { params }) {
    if (await store.removeDevice(params.target)) return { status: 204, body: null };
    const got = `${params.target.length} characters`;
    throw PushError.of('NO_SUCH_DEVICE', [{ field: 'target', expected: 'the target of a device', got }]);
  },
});

export const DEVICE_ROUTES: readonly Route[] = [register, remove];

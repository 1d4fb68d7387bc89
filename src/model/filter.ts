import * as z from 'zod';
import { withoutProto } from '../parse.ts';
import { localeSchema } from './locales.ts';
import { MAX_TAG_NAME_LENGTH, MAX_TAG_VALUE_LENGTH, MAX_TAGS } from './tags.ts';
import { VERSION } from './version.ts';

/** The platforms of devices. */
export const PLATFORMS = ['android', 'ios', 'web'] as const;
export type Platform = (typeof PLATFORMS)[number];

/** FCM deletes the token of an Android device that has not connected for so long. */
export const MAX_SEEN_DAYS = 270;

export const MAX_FILTER_MEMBERS = 10_000;
const MAX_VALUES = 1000;
/** Longer than every name: what devices say may be no zone at all. */
const MAX_ZONE_LENGTH = 255;

/** How a share, a number of days and a name are written. */
const SAMPLE = /^(\d{1,3}(?:\.\d{1,2})?)-(\d{1,3}(?:\.\d{1,2})?)%$/;
const DAYS = /^(\d{1,5})d$/;
const VIEW = /^[A-Za-z_][A-Za-z0-9_]{0,63}$/;

/**
 * Which devices an announcement is for, as a request and the column `filter` have it: those that every given field holds for.
 * Of a list, one entry has to hold. A device that does not say what a field asks for is left out.
 */
export interface DeviceFilter {
  readonly platform?: readonly Platform[] | undefined;
  /** Language tags: `zh` also takes `zh-TW`. Case does not count. */
  readonly locale?: readonly string[] | undefined;
  /** Versions of the app, numbers between dots: from `from` on, and below `below`. */
  readonly appVersion?:
    { readonly from?: string | undefined; readonly below?: string | undefined } | undefined;
  /** The app was last used within so many days, such as `270d`. */
  readonly seenWithin?: string | undefined;
  /** Values by the name of a tag; each tag has to have one of its values. */
  readonly tags?: Readonly<Record<string, readonly string[]>> | undefined;
  readonly memberIds?: readonly string[] | undefined;
  /** A stable share of the devices, by a hash of their id, such as `0-10%`. */
  readonly sample?: string | undefined;
  /** A table or a view of the team's own, with a column `device_id` or `member_id`. */
  readonly view?: string | undefined;
  /** IANA time zones; null: devices without one. */
  readonly timeZone?: readonly (string | null)[] | undefined;
  readonly isTest?: boolean | undefined;
}

/** What is read of devices beside their targets. */
export interface DeviceSelection {
  /** Only these devices; absent or null: all. */
  readonly filter?: DeviceFilter | null | undefined;
  /** True: with what the device says about itself, which locales and templates need. */
  readonly withTraits?: boolean | undefined;
}

const list = <T extends z.ZodType>(item: T, expected: string, max = MAX_VALUES) =>
  z
    .array(item, { error: expected })
    .min(1, { error: expected })
    .max(max, { error: `${expected}, at most ${max}` });

const shortText = (expected: string, max: number) =>
  z.string({ error: expected }).min(1, { error: expected }).max(max, { error: expected });

const VERSION_WORDS = 'a version such as 4.12 or 4.12.0';
const version = z.string({ error: VERSION_WORDS }).regex(VERSION, { error: VERSION_WORDS });

const RANGE = 'an object with from, below, or both';
const SAMPLE_WORDS = 'a share such as 0-10%, from 0 to 100';
const DAYS_WORDS = 'a number of days, such as 270d';
const VIEW_WORDS = 'the name of a table or view: letters, digits and _, at most 64';
const TAG_WORDS = `a tag, 1 to ${MAX_TAG_NAME_LENGTH} characters`;
const TAG_VALUE_WORDS = `a value, 1 to ${MAX_TAG_VALUE_LENGTH} characters`;
const NO_SUCH = 'no such filter';

const fields = z.strictObject(
  {
    platform: list(
      z.enum(PLATFORMS, { error: `one of ${PLATFORMS.join(', ')}` }),
      'a list of platforms',
    ).optional(),
    locale: list(localeSchema, 'a list of locales').optional(),
    appVersion: withoutProto(
      z
        .strictObject({ from: version.optional(), below: version.optional() }, { error: RANGE })
        .refine(({ from, below }) => from !== undefined || below !== undefined, { error: RANGE }),
      RANGE,
    ).optional(),
    seenWithin: z.string({ error: DAYS_WORDS }).regex(DAYS, { error: DAYS_WORDS }).optional(),
    tags: withoutProto(
      z
        .record(
          shortText(TAG_WORDS, MAX_TAG_NAME_LENGTH),
          list(shortText(TAG_VALUE_WORDS, MAX_TAG_VALUE_LENGTH), 'a list of values'),
          {
            error: (issue) =>
              issue.code === 'invalid_key' ? TAG_WORDS : 'an object: lists of values by tag',
          },
        )
        .refine((tags) => Object.keys(tags).length <= MAX_TAGS, { error: `at most ${MAX_TAGS} tags` })
        .refine((tags) => Object.keys(tags).length > 0, { error: 'at least one tag' })
        .refine((tags) => Object.values(tags).flat().length <= MAX_VALUES, {
          error: `at most ${MAX_VALUES} values of tags`,
        }),
      `${TAG_WORDS}, not __proto__`,
    ).optional(),
    memberIds: list(
      shortText('a member id, 1 to 64 characters', 64),
      'a list of member ids',
      MAX_FILTER_MEMBERS,
    ).optional(),
    sample: z
      .string({ error: SAMPLE_WORDS })
      .refine((share) => sampleOf(share) !== null, { error: SAMPLE_WORDS })
      .optional(),
    view: z.string({ error: VIEW_WORDS }).regex(VIEW, { error: VIEW_WORDS }).optional(),
    timeZone: list(
      shortText('a time zone such as Europe/Berlin, or null', MAX_ZONE_LENGTH).nullable(),
      'a list of time zones',
    ).optional(),
    isTest: z.boolean({ error: 'true or false' }).optional(),
  },
  { error: (issue) => (issue.code === 'unrecognized_keys' ? NO_SUCH : 'an object of filters') },
);

/** A device filter in a request or a row. */
export const filterSchema: z.ZodType<DeviceFilter> = withoutProto(
  // Nothing asked for would be every device: that has to be said by no filter at all.
  fields.refine((filter) => Object.values(filter).some((each) => each !== undefined), {
    error: 'at least one condition',
  }),
  NO_SUCH,
);

/** The share that a text such as `0-10%` names, in hundredths of a percent: from `from` on and below `below`. Null: it names none. */
export function sampleOf(share: string): { from: number; below: number } | null {
  const match = SAMPLE.exec(share);
  if (match === null) return null;
  const [from, below] = [Math.round(Number(match[1]) * 100), Math.round(Number(match[2]) * 100)];
  return from < below && below <= 10_000 ? { from, below } : null;
}

/** The days that a text such as `270d` names. */
export function daysOf(days: string): number {
  return Number(DAYS.exec(days)?.[1] ?? 0);
}

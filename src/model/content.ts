import { collapseKeyOf } from './delivery.ts';
import * as z from 'zod';
import { restMessage } from '../fcm/message.ts';

/** What the phone shows. `data` goes to the app as FCM takes it: strings only. */
export interface Content {
  readonly title: string;
  readonly body: string;
  readonly image: string | null;
  readonly data: Readonly<Record<string, string>>;
  readonly options: ContentOptions;
}

/** Optional parts of a message. The last three are FCM's own fields for each platform, laid over Baton's. */
export interface ContentOptions {
  /** Opened by a click on the web; apps get it as `data.link`. */
  readonly link?: string | undefined;
  /** Android's click_action, and APNs' category. */
  readonly clickAction?: string | undefined;
  readonly sound?: string | undefined;
  readonly badge?: number | undefined;
  readonly priority?: 'normal' | 'high' | undefined;
  readonly analyticsLabel?: string | undefined;
  readonly android?: Readonly<Record<string, unknown>> | undefined;
  readonly apns?: Readonly<Record<string, unknown>> | undefined;
  readonly webpush?: Readonly<Record<string, unknown>> | undefined;
}

/** Content with what FCM needs to hold and replace it. */
export interface Notification {
  readonly content: Content;
  /** How long FCM may hold the push (time to live). Null: FCM's own 4 weeks. */
  readonly ttlSeconds: number | null;
  /** Pushes with the same key replace each other on the phone; at most 64 bytes. See collapseKeyOf. */
  readonly collapseKey: string;
}

/** https://firebase.google.com/docs/cloud-messaging/concept-options : a message, but for its target. */
const MAX_MESSAGE_BYTES = 4096;

/** https://firebase.google.com/docs/cloud-messaging/concept-options#ttl */
const MAX_TTL_SECONDS = 2_419_200;

/** As long as any that Baton gives: it counts towards the message's size before its own is known. */
const LONGEST_COLLAPSE_KEY = collapseKeyOf({ messageId: Number.MAX_SAFE_INTEGER });

/** https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages#Message : keys that `data` may not have. */
const RESERVED_KEY = /^(from|message_type|google|gcm)/;

const text = (expected: string) => z.string({ error: expected }).min(1, { error: expected });
const httpsUrl = z.url({ protocol: /^https$/, error: 'an https address' });
const words = (choices: readonly [string, ...string[]]) => ({ error: `one of ${choices.join(', ')}` });

const DATA = 'an object of texts';
const data = z
  .record(
    z.string().refine((key) => !RESERVED_KEY.test(key)),
    z.string({ error: 'text' }),
    {
      error: (issue) =>
        issue.code === 'invalid_key'
          ? 'no key that begins with from, message_type, google or gcm, which FCM keeps to itself'
          : DATA,
    },
  )
  .default({});

const OVERRIDE = "an object, as FCM's HTTP v1 API has it";
const override = z.record(z.string(), z.unknown(), { error: OVERRIDE }).optional();

/** What a message may have besides its text, under FCM's own limits; every part is optional. */
const optionFields = {
  link: httpsUrl.optional(),
  clickAction: text('the name of an action of the app').optional(),
  sound: text('the name of a sound of the app, or "default"').optional(),
  badge: z.int({ error: 'a whole number' }).min(0, { error: 'a whole number from 0' }).optional(),
  priority: z.enum(['normal', 'high'], words(['normal', 'high'])).optional(),
  /** https://firebase.google.com/docs/cloud-messaging/understand-delivery */
  analyticsLabel: z
    .string({ error: 'text' })
    .regex(/^[a-zA-Z0-9-_.~%]{1,50}$/, { error: '1 to 50 letters, digits or -_.~%' })
    .optional(),
  android: override,
  apns: override,
  webpush: override,
};

export const optionsSchema: z.ZodType<ContentOptions> = z.strictObject(optionFields, {
  error: unknownFields('an object of options'),
});

/** The fields of a message's content, as one object has them beside its other fields. */
export const contentFields = {
  title: text('a title'),
  body: text('a text'),
  image: httpsUrl.nullish(),
  data,
  ttlSeconds: z
    .int({ error: `seconds, from 0 to ${MAX_TTL_SECONDS}` })
    .min(0, { error: `seconds, from 0 to ${MAX_TTL_SECONDS}` })
    .max(MAX_TTL_SECONDS, { error: `seconds, from 0 to ${MAX_TTL_SECONDS}` })
    .nullish(),
  ...optionFields,
};

const IDEMPOTENCY_KEY = '1 to 100 visible ASCII characters';

/** What a request may say besides of where its content goes through, and by what it is known if it comes again. */
export const requestFields = {
  source: z.string({ error: 'the name of a source' }).nullish(),
  /** The columns are 128 wide, and hold the keys too that Baton makes itself. */
  idempotencyKey: z
    .string({ error: IDEMPOTENCY_KEY })
    .regex(/^[\x21-\x7e]{1,100}$/, { error: IDEMPOTENCY_KEY })
    .nullish(),
};

export interface ContentInput extends ContentOptions {
  readonly title: string;
  readonly body: string;
  readonly image?: string | null | undefined;
  readonly data: Readonly<Record<string, string>>;
  readonly ttlSeconds?: number | null | undefined;
}

/** Sorts the flat fields into what the tables keep. */
export function makeContent(input: ContentInput): { content: Content; ttlSeconds: number | null } {
  const { title, body, image = null, data: own, ttlSeconds = null, ...rest } = input;
  const known = Object.keys(optionFields);
  const options: ContentOptions = Object.fromEntries(
    Object.entries(rest).filter(([name, value]) => known.includes(name) && value !== undefined),
  );
  return { content: { title, body, image, data: own, options }, ttlSeconds };
}

/** For an object with these fields: FCM would refuse a longer message once for each device. */
export function fitsFcm(input: ContentInput): boolean {
  return sizeOf(input) <= MAX_MESSAGE_BYTES;
}

export const TOO_BIG = {
  path: ['body'],
  error: (issue: { input?: unknown }): string =>
    `a message of at most ${MAX_MESSAGE_BYTES} bytes in all; this one has ${sizeOf(issue.input as ContentInput)}`,
};

export function unknownFields(otherwise: string) {
  return (issue: { readonly code?: string | undefined }): string =>
    issue.code === 'unrecognized_keys' ? 'no such field' : otherwise;
}

function sizeOf(input: ContentInput): number {
  const message = restMessage({ ...makeContent(input), collapseKey: LONGEST_COLLAPSE_KEY }, Date.now());
  return Buffer.byteLength(JSON.stringify(message));
}

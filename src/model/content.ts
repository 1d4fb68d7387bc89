import { isDeeper, isUnicode, UNICODE } from '../json.ts';
import * as z from 'zod';
import { isObject, withoutProto } from '../parse.ts';

/**
 * What the phone shows. `data` goes to the app; FCM accepts only strings in it. With empty texts it is a background message: the
 * phone shows nothing.
 */
export interface Content {
  readonly title: string;
  readonly body: string;
  readonly image: string | null;
  readonly data: Readonly<Record<string, string>>;
  readonly options: ContentOptions;
}

/** The priorities of a message; APNs calls them 5 and 10. */
const PRIORITIES = ['normal', 'high'] as const;

/** The optional parts of a message. The last three are FCM's own fields for one platform each; they override Baton's. */
export interface ContentOptions {
  /** The address that a click opens on the web; apps get it as `data.link`. */
  readonly link?: string | undefined;
  /** Android's click_action and APNs' category. */
  readonly clickAction?: string | undefined;
  readonly sound?: string | undefined;
  readonly badge?: number | undefined;
  readonly priority?: (typeof PRIORITIES)[number] | undefined;
  readonly analyticsLabel?: string | undefined;
  readonly android?: Readonly<Record<string, unknown>> | undefined;
  readonly apns?: Readonly<Record<string, unknown>> | undefined;
  readonly webpush?: Readonly<Record<string, unknown>> | undefined;
}

/** True for a background message: content of data alone. */
export function isDataOnly({ title, body }: Pick<Content, 'title' | 'body'>): boolean {
  return title === '' && body === '';
}

/** Content with what FCM needs to hold and replace it. */
export interface Notification {
  readonly content: Content;
  /** How long FCM may hold the push (time to live). Null: FCM's own 4 weeks. */
  readonly ttlSeconds: number | null;
  /** Pushes with the same key replace each other on the phone; at most 64 bytes. See collapseKeyOf. */
  readonly collapseKey: string;
  /** What the push carries beside its content, to be followed; absent: nothing. */
  readonly mark?: Mark | undefined;
}

/** What a push carries so that one can follow it: the same for all devices that get it. */
export interface Mark {
  /** The value of the data key `baton_id`, by which a phone names the push in its receipt; absent: none. */
  readonly batonId?: string;
  /** FCM's analytics label, where the content gives none; absent: none. */
  readonly label?: string;
}

/** 4 weeks. https://firebase.google.com/docs/cloud-messaging/concept-options#ttl */
const MAX_TTL_SECONDS = 2_419_200;

/** The keys that `data` may not have. https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages#Message */
const RESERVED_KEY = /^(from$|message_type$|google|gcm)/;

/** `RESERVED` says what a key of `data` may not be, for errors. */
export const RESERVED =
  'no key from or message_type, and none that begins with google or gcm: FCM reserves these';

export function isReservedKey(key: string): boolean {
  return RESERVED_KEY.test(key);
}

const text = (expected: string) =>
  z.string({ error: expected }).min(1, { error: expected }).refine(isUnicode, { error: UNICODE });
const httpsUrl = z
  .url({ protocol: /^https$/, error: 'an https address' })
  .refine(isUnicode, { error: UNICODE });
const seconds = { error: `seconds, from 0 to ${MAX_TTL_SECONDS}` };

const NO_PROTO = 'no key __proto__, which programs in JavaScript lose';

const dataSchema = withoutProto(
  z
    .record(
      z.string().refine((key) => !isReservedKey(key)),
      z.string({ error: 'text' }),
      { error: (issue) => (issue.code === 'invalid_key' ? RESERVED : 'an object whose values are text') },
    )
    .refine(isUnicode, { error: UNICODE }),
  NO_PROTO,
);

/** FCM and MySQL refuse JSON that is nested more than 100 levels deep; FCM's own fields have fewer than ten. */
const MAX_DEPTH = 32;

const OVERRIDE = "an object, as FCM's HTTP v1 API has it";
const override = z
  .record(z.string(), z.unknown(), { error: OVERRIDE })
  // Aborts: whatever walks deeper JSON overflows the stack.
  .refine((value) => !isDeeper(value, MAX_DEPTH), { error: `at most ${MAX_DEPTH} levels`, abort: true })
  .refine(isUnicode, { error: UNICODE })
  .optional();

/** The platforms whose messages have a `data` of their own. */
const overrideWithData = z
  .looseObject({ data: dataSchema.optional() }, { error: OVERRIDE })
  .refine((value) => !isDeeper(value, MAX_DEPTH), { error: `at most ${MAX_DEPTH} levels`, abort: true })
  .refine(isUnicode, { error: UNICODE })
  .optional();

/** The fields of ContentOptions, with FCM's own limits. */
const optionFields = {
  link: httpsUrl.optional(),
  clickAction: text('the name of an action of the app').optional(),
  sound: text('the name of a sound of the app, or "default"').optional(),
  badge: z.int({ error: 'a whole number' }).min(0, { error: 'a whole number from 0' }).optional(),
  priority: z.enum(PRIORITIES, { error: `one of ${PRIORITIES.join(', ')}` }).optional(),
  /** The limit is FCM's. https://firebase.google.com/docs/cloud-messaging/understand-delivery */
  analyticsLabel: z
    .string({ error: 'text' })
    .regex(/^[a-zA-Z0-9-_.~%]{1,50}$/, { error: '1 to 50 letters, digits or -_.~%' })
    .optional(),
  android: overrideWithData,
  apns: override,
  webpush: overrideWithData,
};

/** Parses ContentOptions as the database has them. */
export const optionsSchema: z.ZodType<ContentOptions> = z.strictObject(optionFields, {
  error: unknownFields('an object of options'),
});

/** The texts that a phone shows. */
export const textFields = { title: text('a title'), body: text('a text') };

/** The content's fields in a request, which has them beside its other fields. Both texts are absent in a background message. */
export const contentFields = {
  title: textFields.title.optional(),
  body: textFields.body.optional(),
  image: httpsUrl.nullish(),
  data: dataSchema.default({}),
  ttlSeconds: z.int(seconds).min(0, seconds).max(MAX_TTL_SECONDS, seconds).nullish(),
  ...optionFields,
};

/** Fields of what a phone shows. */
const SHOWN_FIELDS = ['image', 'clickAction', 'sound', 'badge'];

/** Zod would not check a request with a wrong or missing field. */
const always = { when: () => true };

/**
 * Lets a request be without a title and a text only together, where it has `data` alone, or where its content is somewhere else.
 */
export function withContentRules<T extends z.ZodType>(
  schema: T,
  isElsewhere: (request: unknown) => boolean = () => false,
): T {
  const complete = schema
    .refine((request) => isElsewhere(request) || hasField(request, 'title'), {
      path: ['title'],
      error: 'a title',
      ...always,
    })
    .refine((request) => isElsewhere(request) || hasField(request, 'body'), {
      path: ['body'],
      error: 'a text',
      ...always,
    });
  return SHOWN_FIELDS.reduce<T>(
    (each, field) =>
      each.refine((request) => mayHave(request, field), { path: [field], error: NOT_SHOWN, ...always }),
    complete,
  );
}

function hasField(request: unknown, field: string): boolean {
  return !isObject(request) || request[field] !== undefined || hasDataAlone(request);
}

function mayHave(request: unknown, field: string): boolean {
  return !isObject(request) || (request[field] ?? null) === null || !hasDataAlone(request);
}

const NOT_SHOWN = 'a title and a body beside it: no phone shows a message of data alone';

function hasDataAlone({ title, body, data }: Readonly<Record<string, unknown>>): boolean {
  return title === undefined && body === undefined && isObject(data) && Object.keys(data).length > 0;
}

/** `IDEMPOTENCY_KEY` says what the key of a request looks like, for errors. */
export const IDEMPOTENCY_KEY = '1 to 100 visible ASCII characters';

/** A request's source, and the key by which a repeat of the request is recognized. */
export const requestFields = {
  source: z.string({ error: 'the name of a source' }).nullish(),
  /** Shorter than the columns, which are 128 wide: they also hold the keys that Baton generates. */
  idempotencyKey: z
    .string({ error: IDEMPOTENCY_KEY })
    .regex(/^[\x21-\x7e]{1,100}$/, { error: IDEMPOTENCY_KEY })
    .nullish(),
};

/** Content as `contentFields` parses it: all fields in one flat object. */
export interface ContentInput extends ContentOptions {
  readonly title?: string | undefined;
  readonly body?: string | undefined;
  readonly image?: string | null | undefined;
  readonly data: Readonly<Record<string, string>>;
  readonly ttlSeconds?: number | null | undefined;
}

/** Sorts the fields of a request into the parts that the tables store; ignores all other fields. */
export function makeContent(input: ContentInput): { content: Content; ttlSeconds: number | null } {
  const { title = '', body = '', image = null, data, ttlSeconds = null, ...rest } = input;
  const known = Object.keys(optionFields);
  const options: ContentOptions = Object.fromEntries(
    Object.entries(rest).filter(([name, value]) => known.includes(name) && value !== undefined),
  );
  return { content: { title, body, image, data, options }, ttlSeconds };
}

/** The error text of a strict object: one for a field that it does not know, `expected` for anything but an object. */
export function unknownFields(expected: string) {
  return (issue: { readonly code?: string | undefined }): string =>
    issue.code === 'unrecognized_keys' ? 'no such field' : expected;
}

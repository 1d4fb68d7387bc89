import * as z from 'zod';
import { PushError } from '../errors.ts';
import {
  type Content,
  contentFields,
  type ContentInput,
  makeContent,
  unknownFields,
} from '../model/content.ts';
import { fitsFcm, TOO_BIG } from '../fcm/size.ts';
import { parseWith } from '../parse.ts';
import { flagOf, json, pairs, refuse, text, under, type ValuesOf, wholeNumber } from './options.ts';

const MAX_BADGE = 1_000_000;

/** `CONTENT_OPTIONS` are the options that say what a new announcement shows. */
export const CONTENT_OPTIONS = under('Content of a new announcement', {
  title: text('TEXT', 'title', { fallback: null }),
  body: text('TEXT', 'text under the title', { fallback: null }),
  image: text('URL', 'picture (https)', { fallback: null }),
  link: text('URL', 'link that a click opens (https); apps get it as data.link', { fallback: null }),
  data: pairs('KEY=VALUE', 'data for the app; repeat the option for more'),
  clickAction: text('NAME', "Android's click_action, and APNs' category", { fallback: null }),
  sound: text('NAME', 'a sound of the app, or default', { fallback: null }),
  badge: wholeNumber('N', "number on the app's icon", { min: 0, max: MAX_BADGE, fallback: null }),
  priority: text('NAME', 'normal or high', { fallback: null }),
  analyticsLabel: text('NAME', "label in FCM's own reports", { fallback: null }),
  ttl: wholeNumber('SECONDS', 'how long FCM may hold the push (time to live), at most 2419200 = 4 weeks', {
    min: 0,
    max: Number.MAX_SAFE_INTEGER,
    fallback: null,
  }),
  android: json('JSON', "fields of FCM's HTTP v1 API for Android, laid over Baton's own"),
  apns: json('JSON', 'fields for iOS'),
  webpush: json('JSON', 'fields for browsers'),
});

const schema: z.ZodType<ContentInput> = z
  .strictObject(contentFields, { error: unknownFields('content') })
  .refine(fitsFcm, TOO_BIG);

/** `parseContent` turns option values into content. PushError('BAD_INPUT') names the option. */
export function parseContent({ title, body, data, ttl, ...rest }: ValuesOf<typeof CONTENT_OPTIONS>): {
  content: Content;
  ttlSeconds: number | null;
} {
  if (!title || !body) {
    throw refuse(
      '--title',
      'a title and a --body, or an --announcement',
      title || body ? 'only one of them' : 'none',
    );
  }
  // `rest` has the other options of the command too; an absent option is null.
  const present = Object.fromEntries(
    Object.entries(rest).filter(([name, value]) => name in CONTENT_OPTIONS && value !== null),
  );
  const fields = { ...present, title, body, data: Object.fromEntries(data), ttlSeconds: ttl };
  try {
    return makeContent(parseWith(schema, fields, 'BAD_INPUT'));
  } catch (error) {
    if (!(error instanceof PushError)) throw error;
    throw PushError.of(
      'BAD_INPUT',
      error.problems.map((problem) => ({ ...problem, field: optionOf(problem.field) })),
    );
  }
}

/** `optionOf` is the option that sets a field of the content. */
function optionOf(field: string): string {
  const [name = ''] = field.split('.');
  return name === 'ttlSeconds' ? '--ttl' : flagOf(name);
}

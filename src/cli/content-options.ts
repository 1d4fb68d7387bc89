import { readFile } from 'node:fs/promises';
import * as z from 'zod';
import { PushError } from '../errors.ts';
import { parseJson } from '../json.ts';
import type { NewAnnouncement } from '../model/announcement.ts';
import {
  type Content,
  contentFields,
  type ContentInput,
  makeContent,
  unknownFields,
  withContentRules,
} from '../model/content.ts';
import { type Locales, localesSchema } from '../model/locales.ts';
import { describeFileError } from './file-error.ts';
import { fitsFcm, TOO_BIG } from '../fcm/size.ts';
import { parseWith } from '../parse.ts';
import { flag, flagOf, json, pairs, refuse, text, under, type ValuesOf, wholeNumber } from './options.ts';

const MAX_BADGE = 1_000_000;

/** `CONTENT_OPTIONS` are the options that say what a new announcement shows. */
export const CONTENT_OPTIONS = under('Content of a new announcement', {
  title: text('TEXT', 'title; without it and a text, the app gets the data alone', { fallback: null }),
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
  locales: text('FILE', 'texts by locale, a JSON file: {"de": {"title": "…", "body": "…"}}', {
    fallback: null,
  }),
  template: flag('the texts are templates in Liquid: Hi {{ nickname | default: "there" }}'),
});

const schema: z.ZodType<ContentInput> = withContentRules(
  z.strictObject(contentFields, { error: unknownFields('content') }),
);

export type ContentValues = ValuesOf<typeof CONTENT_OPTIONS>;

/** `parseContent` turns option values into content. PushError('BAD_INPUT') names the option. */
export function parseContent({ title, body, data, ttl, locales, template, ...rest }: ContentValues): {
  content: Content;
  ttlSeconds: number | null;
} {
  const isBackground = title === null && body === null && data.length > 0 && locales === null;
  if ((!title || !body) && !isBackground) {
    throw refuse(
      '--title',
      'a title and a --body, --data alone, or an --announcement',
      title || body ? 'only one of them' : 'none',
    );
  }
  // `rest` has the other options of the command too; an absent option is null.
  const present = Object.fromEntries(
    Object.entries({ ...rest, title, body }).filter(
      ([name, value]) => name in CONTENT_OPTIONS && value !== null,
    ),
  );
  const fields = { ...present, data: Object.fromEntries(data), ttlSeconds: ttl };
  // The size of a template is not that of its messages.
  const sized = template ? schema : schema.refine(fitsFcm, TOO_BIG);
  return nameOptions(() => makeContent(parseWith(sized, fields, 'BAD_INPUT')));
}

/** `readTexts` reads --locales and --template, and checks them. PushError('BAD_INPUT') names the option, or the place in the file. */
export async function readTexts(
  options: ContentValues,
): Promise<Pick<NewAnnouncement, 'locales' | 'template'>> {
  const locales = options.locales === null ? null : await readLocales(options.locales);
  const texts = { locales, template: options.template ? ('liquid' as const) : null };
  if (locales === null && !options.template) return texts;
  const parts = { ...parseContent(options), ...texts };
  const { checkTexts } = await import('../content/render.ts');
  await checkTexts(parts).catch((error: unknown) =>
    nameOptions(() => {
      throw error;
    }),
  );
  return texts;
}

async function readLocales(file: string): Promise<Locales> {
  const field = '--locales';
  const content = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw PushError.of('BAD_INPUT', [{ field, expected: 'a file', got: describeFileError(cause) }], cause);
  });
  const parsed = parseJson(content, field, 'BAD_INPUT');
  return nameOptions(() => parseWith(z.object({ locales: localesSchema }), { locales: parsed }, 'BAD_INPUT'))
    .locales;
}

/** Names options in the place of fields. */
function nameOptions<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof PushError)) throw error;
    throw PushError.of(
      'BAD_INPUT',
      error.problems.map((problem) => ({ ...problem, field: optionOf(problem.field) })),
    );
  }
}

/** `optionOf` is the option that sets a field of the content; of a field in the file of --locales, with its place there. */
function optionOf(field: string): string {
  const [name = '', ...place] = field.split('.');
  if (name === 'locales') return ['--locales', ...(place.length === 0 ? [] : [place.join('.')])].join(' ');
  return name === 'ttlSeconds' ? '--ttl' : flagOf(name);
}

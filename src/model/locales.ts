import * as z from 'zod';
import { withoutProto } from '../parse.ts';
import { contentFields, textFields } from './content.ts';

/** What an announcement says in one locale. What is absent is as in its own content. */
export interface LocaleContent {
  readonly title: string;
  readonly body: string;
  readonly image?: string | null | undefined;
  readonly data?: Readonly<Record<string, string>> | undefined;
  readonly link?: string | undefined;
}

/** Content by locale, a language tag such as `de` or `zh-TW`. */
export type Locales = Readonly<Record<string, LocaleContent>>;

/** A language tag of BCP 47, as far as phones report it: a language, a script, a region, variants. */
const LOCALE = /^[a-z]{2,3}(-[a-z0-9]{2,8})*$/i;

/** What a locale is, for errors. */
export const LOCALE_WORDS = 'a locale such as de or zh-TW';

const { image, link } = contentFields;

/** The width of push_device.locale. */
export const MAX_LOCALE_LENGTH = 35;

export const localeSchema = z
  .string({ error: LOCALE_WORDS })
  .max(MAX_LOCALE_LENGTH, { error: LOCALE_WORDS })
  .regex(LOCALE, {
    error: LOCALE_WORDS,
  });

const CONTENT_OF = 'an object with a title and a body, and image, data or link';

/** Content by locale in a request or a row. */
export const localesSchema: z.ZodType<Locales> = withoutProto(
  z
    .record(
      localeSchema,
      z.strictObject(
        { ...textFields, image, data: contentFields.data.unwrap().optional(), link },
        {
          error: (issue) => (issue.code === 'unrecognized_keys' ? 'no such field' : CONTENT_OF),
        },
      ),
      {
        error: (issue) => (issue.code === 'invalid_key' ? LOCALE_WORDS : 'an object: content by locale'),
      },
    )
    .refine(
      (locales) =>
        new Set(Object.keys(locales).map((name) => name.toLowerCase())).size === Object.keys(locales).length,
      {
        error: 'each locale once: case does not count',
      },
    ),
  LOCALE_WORDS,
);

import * as z from 'zod';
import { isUnicode, UNICODE } from '../json.ts';
import type { Content } from './content.ts';
import type { Locales } from './locales.ts';
import type { Attributes } from './member.ts';

/** A template that messages name. */
export interface MessageTemplate {
  readonly content: Content;
  readonly ttlSeconds: number | null;
  readonly locales: Locales | null;
}

/** What a message says of its template, in the place of a content. */
export interface TemplateUse {
  readonly name: string;
  /** They come before the attributes of the member. */
  readonly variables: Attributes;
}

/** The width of push_template.name and push_message.template. */
const MAX_NAME_LENGTH = 64;

const NAME = `the name of a template: 1 to ${MAX_NAME_LENGTH} letters, digits or -_.`;

export const templateNameSchema = z
  .string({ error: NAME })
  .regex(new RegExp(`^[\\w.-]{1,${MAX_NAME_LENGTH}}$`), { error: NAME })
  .refine(isUnicode, { error: UNICODE });

/** The content of a message that names a template: it has none of its own. */
export const NO_CONTENT: Content = { title: '', body: '', image: null, data: {}, options: {} };

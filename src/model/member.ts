import * as z from 'zod';
import { isDeeper, isUnicode, UNICODE } from '../json.ts';

/** What is known about a member, for templates: a JSON object. */
export type Attributes = Readonly<Record<string, unknown>>;

/** The width of push_member.attributes. */
export const MAX_ATTRIBUTES_BYTES = 65_535;

export const MAX_ATTRIBUTES_LEVELS = 32;

const ATTRIBUTES = 'a JSON object of attributes';
const LEVELS = `${ATTRIBUTES}, at most ${MAX_ATTRIBUTES_LEVELS} levels deep`;
const BYTES = `${ATTRIBUTES}, at most ${MAX_ATTRIBUTES_BYTES} bytes of JSON`;

/** The attributes of a member in a request or a row. Unlike z.record, `z.custom` keeps a key such as `__proto__`. */
export const attributesSchema: z.ZodType<Attributes> = z
  .custom<Attributes>((value) => typeof value === 'object' && value !== null && !Array.isArray(value), {
    error: ATTRIBUTES,
    abort: true,
  })
  .refine((attributes) => !isDeeper(attributes, MAX_ATTRIBUTES_LEVELS), { error: LEVELS, abort: true })
  .refine(isUnicode, { error: UNICODE })
  .refine((attributes) => Buffer.byteLength(JSON.stringify(attributes)) <= MAX_ATTRIBUTES_BYTES, {
    error: BYTES,
  });

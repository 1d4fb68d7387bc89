import * as z from 'zod';
import { isDeeper, isUnicode, UNICODE } from '../json.ts';
import { isObject } from '../parse.ts';

/** What is known about a member, for templates: a JSON object. */
export type Attributes = Readonly<Record<string, unknown>>;

/** What the table has of a member. */
export interface MemberRecord {
  readonly attributes: Attributes;
  /** Why the attributes cannot be read, as another hand may have written them: they count as none. Null: they can. */
  readonly problem: string | null;
}

/** The width of push_member.attributes. */
export const MAX_ATTRIBUTES_BYTES = 65_535;

export const MAX_ATTRIBUTES_LEVELS = 32;

const ATTRIBUTES = 'a JSON object of attributes';
const LEVELS = `${ATTRIBUTES}, at most ${MAX_ATTRIBUTES_LEVELS} levels deep`;
const BYTES = `${ATTRIBUTES}, at most ${MAX_ATTRIBUTES_BYTES} bytes of JSON`;

/** The attributes of a member in a request or a row. The value stays as it is: z.record would lose a key such as `__proto__`. */
export const attributesSchema: z.ZodType<Attributes> = z
  .unknown()
  .refine(isObject, { error: ATTRIBUTES, abort: true })
  .refine((value) => !isDeeper(value, MAX_ATTRIBUTES_LEVELS), { error: LEVELS, abort: true })
  .refine(isUnicode, { error: UNICODE })
  .refine((value) => Buffer.byteLength(JSON.stringify(value)) <= MAX_ATTRIBUTES_BYTES, { error: BYTES })
  .meta({ type: 'object', description: `at most ${MAX_ATTRIBUTES_BYTES} bytes of JSON` })
  .transform((value) => value as Attributes);

import * as z from 'zod';
import { type Problem, PushError, type PushErrorCode } from './errors.ts';
import { show, showName, showNumber, showTime, showWord } from './show.ts';

export { describeShape, show } from './show.ts';

type Issue = z.core.$ZodIssue;

/** Parses a value by a schema. Throws one PushError that names the wrong fields, what was expected and what was got. */
export function parseWith<T>(schema: z.ZodType<T>, value: unknown, code: PushErrorCode): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw PushError.of(
    code,
    parsed.error.issues.flatMap((issue) => describeIssue(issue, value)),
  );
}

/** A schema for a whole number, or its digits as text: JSON written by PHP, or made of a query string, often has numbers as text. */
export function wholeNumber(min: number, max = Number.MAX_SAFE_INTEGER) {
  const error = `a whole number from ${min} to ${max}`;
  const digits = z.string({ error }).regex(/^\d{1,16}$/, { error });
  return z
    .union([z.number({ error }), digits.transform(Number)], { error })
    .pipe(z.int({ error, abort: true }).min(min, { error }).max(max, { error }));
}

/** A schema for an object without a key `__proto__`: z.record and z.strictObject would lose it without an error. */
export function withoutProto<T extends z.ZodType>(schema: T, error: string) {
  return z.preprocess((value, ctx) => {
    if (isObject(value) && Object.hasOwn(value, '__proto__')) {
      ctx.issues.push({ code: 'custom', message: error, path: ['__proto__'], input: value });
    }
    return value;
  }, schema);
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function describeIssue(issue: Issue, value: unknown): Problem[] {
  const { path } = issue;
  const inner = path.reduce<unknown>(at, value);
  if (issue.code !== 'unrecognized_keys') {
    return [{ field: fieldOf(path), expected: issue.message, got: showInner(issue, inner) }];
  }
  return issue.keys.map((key) => ({
    field: fieldOf([...path, key]),
    expected: issue.message,
    got: show(at(inner, key)),
  }));
}

/** A number where text belongs may be a one-time code: only where a number belongs it is shown. */
function showInner(issue: Issue, inner: unknown): string {
  switch (issue.code) {
    case 'invalid_type':
      return issue.expected === 'number' || issue.expected === 'int' ? showNumber(inner) : show(inner);
    case 'too_small':
    case 'too_big':
      return ['number', 'int', 'bigint'].includes(issue.origin) ? showNumber(inner) : show(inner);
    case 'invalid_value':
      return showWord(inner, issue.values);
    case 'invalid_format':
      return issue.format === 'datetime' ? showTime(inner) : show(inner);
    case 'not_multiple_of':
    case 'unrecognized_keys':
    case 'invalid_union':
    case 'invalid_key':
    case 'invalid_element':
    case 'custom':
      return show(inner);
  }
}

/** The path of a field. Places in a list are numbers; names are text. */
function fieldOf(path: readonly PropertyKey[]): string {
  return path.map((part) => (typeof part === 'number' ? String(part) : showName(String(part)))).join('.');
}

function at(value: unknown, key: PropertyKey): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined;
}

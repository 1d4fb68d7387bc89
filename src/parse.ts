import * as z from 'zod';
import { type Problem, PushError, type PushErrorCode } from './errors.ts';

/** The fields that can hold a device's target. Its holder can push to the device, so no error shows one, not even a wrong one. */
const SECRET_FIELDS: readonly string[] = ['target', 'token', 'fid'];

const MAX_SHOWN_LENGTH = 100;

/** Parses a value by a schema. Throws one PushError that names every wrong field, what was expected and what was got. */
export function parseWith<T>(schema: z.ZodType<T>, value: unknown, code: PushErrorCode): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw PushError.of(
    code,
    parsed.error.issues.flatMap((issue): Problem[] => {
      const path = issue.path.map(String);
      const { message } = issue;
      const inner = path.reduce<unknown>(at, value);
      if (issue.code !== 'unrecognized_keys') {
        return [{ field: path.join('.'), expected: message, got: showField(path, inner) }];
      }
      return issue.keys.map((key) => ({
        field: [...path, key].join('.'),
        expected: message,
        got: showField([key], at(inner, key)),
      }));
    }),
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

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A value as an error message shows it: short enough for a log line. */
export function show(value: unknown): string {
  // The text is cut before it is quoted: it may be megabytes long.
  if (typeof value === 'string') return cut(JSON.stringify(value.slice(0, MAX_SHOWN_LENGTH)));
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : describeShape(value);
}

/** A value's type and the names of its fields, without its contents, which may be secret. */
export function describeShape(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) return value.length === 0 ? '[]' : `a list of ${value.length}`;
  if (!isObject(value)) return value === null ? 'null' : `a ${typeof value}`;
  const keys = Object.keys(value);
  return keys.length === 0 ? '{}' : cut(`an object with ${keys.join(', ')}`);
}

function cut(text: string): string {
  return text.length > MAX_SHOWN_LENGTH ? `${text.slice(0, MAX_SHOWN_LENGTH)}…` : text;
}

function at(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined;
}

function showField(path: readonly string[], value: unknown): string {
  const isSecret = typeof value === 'string' && SECRET_FIELDS.includes(path.at(-1) ?? '');
  return isSecret ? `${value.length} characters` : show(value);
}

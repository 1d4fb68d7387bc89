import type { z } from 'zod';
import { type Problem, PushError, type PushErrorCode } from './errors.ts';

/** Unknown value -> what the schema says, or one PushError that names every field, what was expected and what came. */
export function parseWith<T>(schema: z.ZodType<T>, value: unknown, code: PushErrorCode): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw PushError.of(
    code,
    parsed.error.issues.flatMap((issue): Problem[] => {
      const path = issue.path.map(String);
      const { message } = issue;
      const inner = path.reduce<unknown>((each, key) => (isObject(each) ? each[key] : undefined), value);
      if (issue.code !== 'unrecognized_keys') {
        return [{ field: path.join('.'), expected: message, came: show(inner) }];
      }
      return issue.keys.map((key) => ({
        field: [...path, key].join('.'),
        expected: message,
        came: show(isObject(inner) ? inner[key] : undefined),
      }));
    }),
  );
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What came, short enough for a log line. */
export function show(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(value) ?? typeof value;
  return text.length > 100 ? `${text.slice(0, 100)}…` : text;
}

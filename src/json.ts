import { PushError, type PushErrorCode } from './errors.ts';

/** A message of FCM has about ten levels. Code that recurses over thousands of levels overflows the stack. */
const MAX_DEPTH = 64;

/** Parses JSON that others wrote. The error names the length of the text, not the text, which may be secret. */
export function parseJson(text: string, field: string, code: PushErrorCode): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    const got = `${text.length} characters of something else`;
    throw PushError.of(code, [{ field, expected: 'JSON', got }]);
  }
  if (!isDeeper(value, MAX_DEPTH)) return value;
  throw PushError.of(code, [{ field, expected: `JSON of at most ${MAX_DEPTH} levels`, got: 'more' }]);
}

/** True if JSON is nested more than `levels` deep. Goes no deeper than that itself. */
export function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((each) => isDeeper(each, levels - 1));
}

/** What a text has to be, for errors. */
export const UNICODE = 'Unicode text, without half a surrogate pair';

/** True if every text in JSON is Unicode. JSON can write half a surrogate pair, `"\ud800"`, which is no character. */
export function isUnicode(value: unknown): boolean {
  if (typeof value === 'string') return value.isWellFormed();
  if (typeof value !== 'object' || value === null) return true;
  return Object.entries(value).every(([key, each]) => key.isWellFormed() && isUnicode(each));
}

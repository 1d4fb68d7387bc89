import { PushError } from '../errors.ts';
import { MAX_TARGET_LENGTH } from '../model/device.ts';
import { MAX_LOCALE_LENGTH } from '../model/locales.ts';
import { MAX_TAG_NAME_LENGTH, MAX_TAG_VALUE_LENGTH } from '../model/tags.ts';

/*
 * What the columns hold, checked before a statement is made: MySQL would cut a longer text on a server that is not strict, and
 * SQLite would take it.
 */

interface Column {
  /** Maximum number of characters; for TEXT, which counts bytes, the maximum is MAX_TEXT_BYTES. */
  readonly characters?: number;
  /** True: visible ASCII alone, so that texts are equal only if their bytes are (MySQL ignores blanks at the end). */
  readonly isVisibleAscii?: true;
}

export const COLUMNS = {
  target: { characters: MAX_TARGET_LENGTH, isVisibleAscii: true },
  member_id: { characters: 64 },
  locale: { characters: MAX_LOCALE_LENGTH },
  time_zone: { characters: 64 },
  app_version: { characters: 32 },
  tag_name: { characters: MAX_TAG_NAME_LENGTH },
  tag_value: { characters: MAX_TAG_VALUE_LENGTH },
  source: { characters: 64 },
  idempotency_key: { characters: 128, isVisibleAscii: true },
  message_key: { characters: 128, isVisibleAscii: true },
  unregistered_reason: { characters: 100 },
  reason: { characters: 100 },
  message_name: { characters: 255 },
  template: { characters: 64 },
  variables: {},
  topic: { characters: 900 },
  topic_condition: {},
  title: {},
  body: {},
  image: {},
  data: {},
  options: {},
  status_reason: {},
  brake_reason: {},
  back_reason: {},
  actor: { characters: 200 },
  repeat_at: { characters: 100 },
  repeat_zone: { characters: 64 },
  why: {},
  canary_round: { characters: 64, isVisibleAscii: true },
  check_name: { characters: 64, isVisibleAscii: true },
  notice_name: { characters: 190, isVisibleAscii: true },
  notice_text: { characters: 2000 },
} as const satisfies Record<string, Column>;

type ColumnName = keyof typeof COLUMNS;

const MAX_TEXT_BYTES = 65_535;

/** 9999-12-31T23:59:59.999Z, the last time of a DATETIME. */
const MAX_TIME = 253_402_300_799_999;

/** Resolves to the text if the column can hold it unchanged. PushError('BAD_INPUT') names the column, and never has the text. */
export function fit<T extends string | null>(name: ColumnName, text: T): T {
  const problem = text === null ? null : findProblem(COLUMNS[name], text);
  if (problem) throw PushError.of('BAD_INPUT', [{ field: name, ...problem }]);
  return text;
}

/** True if the column could hold the text: a text that does not fit cannot be in the table. */
export function fits(name: ColumnName, text: string): boolean {
  return findProblem(COLUMNS[name], text) === null;
}

/** Cuts a text that Baton or FCM wrote to what the column can hold. */
export function cut<T extends string | null>(name: ColumnName, text: T): T | string {
  if (text === null || fits(name, text)) return text;
  const { characters = MAX_TEXT_BYTES / 4 }: Column = COLUMNS[name];
  // By code points: half a surrogate pair is no character.
  return Array.from(text.slice(0, 2 * characters).toWellFormed())
    .slice(0, characters)
    .join('');
}

/** The time, if a time column can hold it. PushError('BAD_INPUT') names the column. */
export function fitTime(epochMs: number, field = 'publish_at'): number {
  if (Number.isInteger(epochMs) && epochMs >= 0 && epochMs <= MAX_TIME) return epochMs;
  const got = Number.isInteger(epochMs) ? `${epochMs} ms since 1970` : 'no whole number of milliseconds';
  throw PushError.of('BAD_INPUT', [{ field, expected: 'a time from 1970 to 9999', got }]);
}

function findProblem(
  { characters, isVisibleAscii }: Column,
  text: string,
): { expected: string; got: string } | null {
  if (isVisibleAscii && !/^[\x21-\x7e]+$/.test(text)) {
    return { expected: 'visible ASCII characters', got: text === '' ? 'none' : 'others among them' };
  }
  if (!text.isWellFormed()) return { expected: 'Unicode text', got: 'half a surrogate pair' };
  if (characters === undefined) {
    const bytes = Buffer.byteLength(text);
    return bytes > MAX_TEXT_BYTES ? { expected: `at most ${MAX_TEXT_BYTES} bytes`, got: `${bytes}` } : null;
  }
  // A text has at most as many characters as UTF-16 units: most texts need not be counted.
  if (text.length <= characters) return null;
  const { length } = Array.from(text);
  return length > characters ? { expected: `at most ${characters} characters`, got: `${length}` } : null;
}

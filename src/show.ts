/*
 * Refused values as errors and log lines show them. A value in a wrong place may be anything: a token, a password, a one-time
 * code, a person's message. So text is never shown, only its length; numbers and words are shown where they can be nothing else.
 */

/** Names that are longer than this may be a token: a Firebase installation id has 22 characters. */
const MAX_NAME_LENGTH = 20;

/** A longer name in snake_case is a name all the same: no token is made of small letters alone. */
const SNAKE_CASE = /^[a-z]{1,20}(_[a-z]{1,20}){1,4}$/;

const MAX_NAMES = 5;

/** `show` gives a value's type and size, without its contents. */
export function show(value: unknown): string {
  if (typeof value === 'string') return value === '' ? '""' : countCharacters(value);
  return typeof value === 'boolean' ? String(value) : describeShape(value);
}

/** `showNumber` shows a number and its digits as text; any other value as `show` does. For places where a number belongs. */
export function showNumber(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'bigint') return String(value);
  return typeof value === 'string' && /^-?\d{1,20}(\.\d{1,9})?$/.test(value) ? `"${value}"` : show(value);
}

/** `showWord` shows a value that is one of the words but for capitals and blanks; any other value as `show` does. */
export function showWord(value: unknown, words: readonly unknown[]): string {
  if (typeof value !== 'string') return show(value);
  const plain = value.trim().toLowerCase();
  return plain !== '' && words.some((word) => String(word).toLowerCase() === plain)
    ? JSON.stringify(value)
    : show(value);
}

/** `showTime` shows text that begins as a date does and has nothing but digits and signs after it. */
export function showTime(value: unknown): string {
  const isTime =
    typeof value === 'string' && /^\d{4}-\d\d-\d\d([T ][\d:.]{0,20}([+-][\d:]{1,6}|Z)?)?$/.test(value);
  return isTime ? JSON.stringify(value) : show(value);
}

/** `showName` shows the name of a field if it reads like one, with two digits at most. Some callers put a token where a name belongs. */
export function showName(name: string): string {
  const isName =
    name.length <= MAX_NAME_LENGTH
      ? /^[A-Za-z_$][\w$-]*$/.test(name) && !/\d.*\d.*\d/.test(name)
      : SNAKE_CASE.test(name);
  return isName ? name : `(a name of ${countCharacters(name)})`;
}

/** `describeShape` gives a value's type and the names of its first fields, without its contents. */
export function describeShape(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (Array.isArray(value)) return value.length === 0 ? '[]' : `a list of ${value.length}`;
  if (typeof value !== 'object') return `a ${typeof value}`;
  const names = Object.keys(value);
  if (names.length === 0) return '{}';
  const rest = names.length - MAX_NAMES;
  return `an object with ${names.slice(0, MAX_NAMES).map(showName).join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`;
}

export function countCharacters({ length }: string): string {
  return `${length} character${length === 1 ? '' : 's'}`;
}

const MAX_MESSAGE_LENGTH = 200;

/** `beforeQuote` is the beginning of a library's message, up to the first quote: what follows may be anybody's text. */
export function beforeQuote(message: string): string {
  const [before = ''] = message.split(/["'`]/, 1);
  const isCut = before.length < message.length || before.length > MAX_MESSAGE_LENGTH;
  return isCut ? `${before.slice(0, MAX_MESSAGE_LENGTH)}…` : before;
}

import { isObject } from '../../parse.ts';
import { refuse } from '../options.ts';
import { MAX_LINE_LENGTH, type Mismatch, TOO_LONG } from '../text-lines.ts';
import { readTokens } from './json-tokens.ts';

/** `JsonRow` is one object of a file, by the number of its first line, or why it is not valid. */
export type JsonRow =
  | { readonly line: number; readonly value: Readonly<Record<string, unknown>> }
  | { readonly line: number; readonly problem: Mismatch };

export const NOT_JSON = 'text that is no JSON';

export function parseObject(
  text: string,
  expected: string,
): { value: Record<string, unknown> } | { problem: Mismatch } {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? { value } : { problem: { expected, got: 'another kind of value' } };
  } catch {
    return { problem: { expected, got: NOT_JSON } };
  }
}

/**
 * `readList` reads the objects of a list, or objects that follow each other, wherever their line ends are. One object is held
 * in memory at a time, and none that is longer than a line may be. `encoding` is a name that TextDecoder knows.
 */
export async function* readList(
  chunks: AsyncIterable<Buffer>,
  expected: string,
  encoding: string,
): AsyncGenerator<JsonRow, undefined> {
  let isInList = false;
  // The object that is read: its text without line ends, the line that it begins on, and the brackets that have to close.
  let text = '';
  let first = 1;
  const brackets: string[] = [];
  let isTooLong = false;
  let line = 1;
  for await (const tokens of readTokens(chunks, expected, encoding)) {
    for (const token of tokens) {
      ({ line } = token);
      const { kind } = token;
      if (brackets.length === 0) {
        if (kind === '[' && !isInList) {
          isInList = true;
          continue;
        }
        if (kind === ']' && isInList) {
          isInList = false;
          continue;
        }
        if (kind === ',') continue;
        first = line;
      }
      if (kind === '{') brackets.push('}');
      else if (kind === '[') brackets.push(']');
      else if (kind === '}' || kind === ']') {
        // Nobody knows where an object ends whose brackets do not match.
        if (brackets.pop() !== kind) throw refuse(`line ${line}`, expected, NOT_JSON);
      }
      // The blank keeps two values apart that have no comma between them.
      text += kind === 'value' ? ` ${JSON.stringify(token.value)}` : kind;
      if (text.length > MAX_LINE_LENGTH) {
        isTooLong = true;
        text = '';
      }
      if (brackets.length > 0) continue;
      yield { line: first, ...(isTooLong ? { problem: TOO_LONG } : parseObject(text, 'a JSON object')) };
      text = '';
      isTooLong = false;
    }
  }
  if (brackets.length > 0 || isInList) throw refuse(`line ${line}`, expected, 'a file that ends within it');
}

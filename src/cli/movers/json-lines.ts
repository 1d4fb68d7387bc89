import { isObject } from '../../parse.ts';
import { guard } from '../device-line.ts';
import { refuse } from '../options.ts';
import { type Line, type Mismatch, openText, type TextFile } from '../text-lines.ts';

/** `JsonLine` is one line of a file of JSON lines: its object, or why it is not valid. */
export type JsonLine =
  | { readonly line: number; readonly value: Readonly<Record<string, unknown>> }
  | { readonly line: number; readonly problem: Mismatch };

export interface JsonFile {
  readonly encoding: TextFile['encoding'];
  readonly rows: AsyncIterable<JsonLine>;
}

const OBJECT = 'one JSON object a line';

/**
 * `openJsonLines` opens a file with one JSON object a line; a list whose objects have a line each is read too.
 * PushError('BAD_INPUT') if the first line is another kind of text. `service` is whose export it should be, for the error.
 */
export async function openJsonLines(chunks: AsyncIterable<Buffer>, service: string): Promise<JsonFile> {
  const text = await guard(() => openText(chunks));
  const expected = `${service}'s export, ${OBJECT}`;
  if (text === null) throw refuse('FILE', expected, 'a file that is not text');
  const { encoding, lines } = text;
  const first = await guard(() => nextRow(lines));
  if (first === null) throw refuse('FILE', expected, 'an empty file');
  if ('problem' in first) {
    throw refuse(
      `line ${first.line}`,
      expected,
      first.problem.got === NOT_JSON ? 'other text' : first.problem.got,
    );
  }
  async function* rows(): AsyncGenerator<JsonLine> {
    for (let row: JsonLine | null = first; row !== null; row = await guard(() => nextRow(lines))) yield row;
  }
  return { encoding, rows: rows() };
}

const NOT_JSON = 'text that is no JSON';

async function nextRow(lines: AsyncGenerator<Line, undefined>): Promise<JsonLine | null> {
  for (;;) {
    const { value: line } = await lines.next();
    if (line === undefined) return null;
    if ('problem' in line) return { line: line.number, problem: line.problem };
    const text = line.text.replace(/^[\s[,]+/, '').replace(/[\s,\]]+$/, '');
    if (text !== '') return { line: line.number, ...parseObject(text) };
  }
}

function parseObject(text: string): { value: Record<string, unknown> } | { problem: Mismatch } {
  try {
    const value: unknown = JSON.parse(text);
    if (isObject(value)) return { value };
    return { problem: { expected: OBJECT, got: 'another kind of value' } };
  } catch {
    return { problem: { expected: OBJECT, got: NOT_JSON } };
  }
}

/** The forms in which MongoDB exports numbers. https://www.mongodb.com/docs/manual/reference/mongodb-extended-json/ */
const MONGO_NUMBERS = ['$numberInt', '$numberLong', '$numberDouble', '$numberDecimal'];

/** `textOf` is a single value as text; null: it is none, but a list, an object or null. */
export function textOf(value: unknown): string | null {
  switch (typeof value) {
    case 'string':
      return value;
    case 'number':
    case 'boolean':
      return String(value);
    case 'object': {
      if (!isObject(value)) return null;
      const name = MONGO_NUMBERS.find((each) => typeof value[each] === 'string');
      return name === undefined ? null : String(value[name]);
    }
    case 'bigint':
    case 'symbol':
    case 'undefined':
    case 'function':
      return null;
  }
}

/** `objectOf` is a value that is an object; else an empty one. */
export function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  return isObject(value) ? value : {};
}

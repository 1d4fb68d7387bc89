import { isObject } from '../../parse.ts';
import { guard } from '../device-line.ts';
import { refuse } from '../options.ts';
import { peek } from '../peek.ts';
import { type Encoding, findEncoding, HEAD_BYTES } from '../text-encoding.ts';
import { type Line, openText, type TextFile } from '../text-lines.ts';
import { type JsonRow, NOT_JSON, parseObject, readList } from './json-list.ts';

export interface JsonFile {
  readonly encoding: TextFile['encoding'];
  readonly rows: AsyncIterable<JsonRow>;
}

const OBJECT = 'one JSON object a line';

/** A list, or an object with line ends within it. */
const NO_LINES = /^\s*(\[|\{\s*[\r\n])/;

/**
 * `openJson` opens a file with one JSON object a line, with a list of objects, or with objects of several lines each.
 * PushError('BAD_INPUT') if it begins with another kind of text. `service` is whose export it should be, for the error.
 */
export async function openJson(chunks: AsyncIterable<Buffer>, service: string): Promise<JsonFile> {
  const { head, chunks: all } = await guard(() => peek(chunks, HEAD_BYTES));
  const encoding = findEncoding(head.subarray(0, HEAD_BYTES));
  const expected = `${service}'s export, ${OBJECT}`;
  if (encoding === null) throw refuse('FILE', expected, 'a file that is not text');
  const isList = NO_LINES.test(encoding.toCharacters(head.subarray(encoding.markLength)));
  return isList ? openList(all, encoding, `${service}'s export, JSON`) : openLines(all, expected);
}

async function openList(
  chunks: AsyncIterable<Buffer>,
  encoding: Encoding,
  expected: string,
): Promise<JsonFile> {
  const rows = readList(chunks, expected, encoding.name() ?? 'UTF-8');
  return { encoding, rows: await withFirst(async () => (await rows.next()).value ?? null, expected) };
}

async function openLines(chunks: AsyncIterable<Buffer>, expected: string): Promise<JsonFile> {
  const text = await guard(() => openText(chunks));
  if (text === null) throw refuse('FILE', expected, 'a file that is not text');
  return { encoding: text.encoding, rows: await withFirst(() => nextRow(text.lines), expected) };
}

/** `withFirst` reads the first row, which has to be valid, and gives all rows. */
async function withFirst(
  next: () => Promise<JsonRow | null>,
  expected: string,
): Promise<AsyncIterable<JsonRow>> {
  const first = await guard(next);
  if (first === null) throw refuse('FILE', expected, 'an empty file');
  if ('problem' in first) {
    const { got } = first.problem;
    throw refuse(`line ${first.line}`, expected, got === NOT_JSON ? 'other text' : got);
  }
  return (async function* rows(): AsyncGenerator<JsonRow> {
    for (let row: JsonRow | null = first; row !== null; row = await guard(next)) yield row;
  })();
}

async function nextRow(lines: AsyncGenerator<Line, undefined>): Promise<JsonRow | null> {
  for (;;) {
    const { value: line } = await lines.next();
    if (line === undefined) return null;
    if ('problem' in line) return { line: line.number, problem: line.problem };
    // Lines of a list that lacks its first one.
    const text = line.text.replace(/^[\s,]+/, '').replace(/[\s,\]]+$/, '');
    if (text !== '') return { line: line.number, ...parseObject(text, OBJECT) };
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

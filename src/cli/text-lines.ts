import { type Encoding, findEncoding, HEAD_BYTES } from './text-encoding.ts';

/** `Line` is one line of a text file: its text without the line end, or why it cannot be read. */
export type Line =
  | { readonly number: number; readonly text: string }
  | { readonly number: number; readonly problem: Mismatch };

/** `Mismatch` says what is wrong with a piece of a file; it has nothing of the file's text. */
export interface Mismatch {
  readonly expected: string;
  readonly got: string;
}

/** Longest line that is read. A file without line ends would otherwise be held in memory whole. */
export const MAX_LINE_LENGTH = 65_536;

export const TOO_LONG: Mismatch = { expected: `at most ${MAX_LINE_LENGTH} characters`, got: 'more' };

export interface TextFile {
  readonly encoding: Encoding;
  readonly lines: AsyncGenerator<Line, undefined>;
}

/** `openText` finds the encoding of a file of any size, which is then read line by line. Null: the file is not text. */
export async function openText(chunks: AsyncIterable<Buffer>): Promise<TextFile | null> {
  const iterator = chunks[Symbol.asyncIterator]();
  let head = Buffer.alloc(0);
  while (head.length < HEAD_BYTES) {
    const next = await iterator.next();
    if (next.done) break;
    head = Buffer.concat([head, next.value]);
  }
  const encoding = findEncoding(head.subarray(0, HEAD_BYTES));
  if (encoding === null) return null;
  const rest = { [Symbol.asyncIterator]: () => iterator };
  return { encoding, lines: readLines(encoding, head.subarray(encoding.markLength), rest) };
}

/** `readLines` splits at LF, CR LF and CR, which old spreadsheets on the Macintosh write. */
async function* readLines(
  encoding: Encoding,
  head: Buffer,
  rest: AsyncIterable<Buffer>,
): AsyncGenerator<Line, undefined> {
  let number = 0;
  let open = '';
  let isTooLong = false;

  const read = (characters: string): Line => {
    number++;
    const tooLong = isTooLong || characters.length > MAX_LINE_LENGTH;
    isTooLong = false;
    if (tooLong) return { number, problem: TOO_LONG };
    const text = encoding.decode(characters);
    if (text !== null) return { number, text };
    const expected = `text in ${encoding.name() ?? 'UTF-8 or Windows-1252'}`;
    return { number, problem: { expected, got: 'other bytes' } };
  };
  const split = function* (characters: string): Generator<Line> {
    const text = open + characters;
    // The LF of a CR LF may be in the next chunk.
    const end = text.endsWith('\r') ? text.length - 1 : text.length;
    const parts = text.slice(0, end).split(/\r\n|\n|\r/);
    open = `${parts.pop() ?? ''}${text.slice(end)}`;
    for (const part of parts) yield read(part);
    if (open.length > MAX_LINE_LENGTH) {
      isTooLong = true;
      open = open.endsWith('\r') ? '\r' : '';
    }
  };

  yield* split(encoding.toCharacters(head));
  for await (const chunk of rest) yield* split(encoding.toCharacters(chunk));
  open += encoding.rest();
  if (open === '' && !isTooLong) return undefined;
  yield read(open.endsWith('\r') ? open.slice(0, -1) : open);
  return undefined;
}

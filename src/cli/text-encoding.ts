import { isUtf8 } from 'node:buffer';

/**
 * `Encoding` turns the bytes of a file into lines of text in two steps: into characters that line ends are looked for in,
 * then, line by line, into text. No step replaces a byte that it cannot read.
 */
export interface Encoding {
  /** Length of the byte order mark that the file begins with. */
  readonly markLength: number;
  /** The name of the encoding, as far as the lines so far have shown it; null: all of them were ASCII. */
  name(): string | null;
  /** Turns bytes into characters in which line ends are line ends. */
  toCharacters(bytes: Buffer): string;
  /** What is left of the file's bytes at its end, as characters. */
  rest(): string;
  /** Turns a line of such characters into text; null: the line is not valid in the encoding of the file. */
  decode(line: string): string | null;
}

/** Number of a file's first bytes that show its encoding. */
export const HEAD_BYTES = 64;

/** The bytes that mean nothing in Windows-1252. https://encoding.spec.whatwg.org/#windows-1252 */
const NOT_WINDOWS = /[\x81\x8d\x8f\x90\x9d]/;

const NOT_ASCII = /[\x80-\xff]/;

/** `findEncoding` finds the encoding by the first bytes of a file; null: the file is not text. */
export function findEncoding(head: Buffer): Encoding | null {
  const mark = head.subarray(0, 2).toString('hex');
  if (mark === 'fffe') return makeUtf16('LE', 2);
  if (mark === 'feff') return makeUtf16('BE', 2);
  if (head.subarray(0, 3).toString('hex') === 'efbbbf') return makeEightBit('UTF-8', 3);
  // Every second byte of a header row in UTF-16 is 0; other text has no such byte.
  const zeros = [0, 1].map((first) => head.filter((byte, nth) => nth % 2 === first && byte === 0).length);
  const [even = 0, odd = 0] = zeros;
  if (even === 0 && odd === 0) return makeEightBit(null, 0);
  if (odd > head.length / 4 && even === 0) return makeUtf16('LE', 0);
  return even > head.length / 4 && odd === 0 ? makeUtf16('BE', 0) : null;
}

/**
 * `makeEightBit` reads UTF-8 or Windows-1252: the first line that is not ASCII shows which. Later lines that contradict it
 * are not valid: one byte that a program has cut would otherwise turn every umlaut of a file into two wrong letters.
 */
function makeEightBit(mark: 'UTF-8' | null, markLength: number): Encoding {
  let name: 'UTF-8' | 'Windows-1252' | null = mark;
  const windows = new TextDecoder('windows-1252');
  return {
    markLength,
    name: () => name,
    toCharacters: (bytes) => bytes.toString('latin1'),
    rest: () => '',
    decode(line) {
      if (!NOT_ASCII.test(line)) return line;
      const bytes = Buffer.from(line, 'latin1');
      const own = isUtf8(bytes) ? 'UTF-8' : 'Windows-1252';
      if (own === 'Windows-1252' && NOT_WINDOWS.test(line)) return null;
      name ??= own;
      if (name !== own) return null;
      return own === 'UTF-8' ? bytes.toString('utf8') : windows.decode(bytes);
    },
  };
}

function makeUtf16(order: 'LE' | 'BE', markLength: number): Encoding {
  let half = Buffer.alloc(0);
  return {
    markLength,
    name: () => `UTF-16${order}`,
    toCharacters(bytes) {
      const all = Buffer.concat([half, bytes]);
      const even = all.length - (all.length % 2);
      half = all.subarray(even);
      const pairs = all.subarray(0, even);
      return (order === 'BE' ? pairs.swap16() : pairs).toString('utf16le');
    },
    // Half a character is no valid text: the line that ends with it must not be either.
    rest: () => (half.length === 0 ? '' : '\ud800'),
    decode: (line) => (line.isWellFormed() ? line : null),
  };
}

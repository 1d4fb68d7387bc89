import { refuse } from '../options.ts';

type Sign = '{' | '}' | '[' | ']' | ':' | ',';

export type Scalar = string | number | boolean;

/** `JsonToken` is one sign or one value of a JSON text. */
export type JsonToken =
  | { readonly kind: Sign; readonly line: number }
  | { readonly kind: 'value'; readonly line: number; readonly value: Scalar | null };

/** Longest text or number that is read, in characters: a quote that never closes would otherwise be held in memory whole. */
const MAX_TOKEN_LENGTH = 65_536;

// A number ends where a sign or a blank begins: it may go on in the next chunk.
const TOKEN = /([{}[\],:])|"[^"\\]*(?:\\.[^"\\]*)*"|(?:-?\d[\d.eE+-]*|true|false|null)(?=[\s,\]}])/y;

/**
 * `readTokens` splits JSON of any size into its tokens, piece by piece: a piece has to be read before the next one. Several
 * values may follow each other, as in JSON lines. `encoding` is a name that TextDecoder knows. PushError('BAD_INPUT') where
 * the text is no JSON; it has nothing of the text.
 */
export async function* readTokens(
  chunks: AsyncIterable<Buffer>,
  expected: string,
  encoding = 'UTF-8',
): AsyncGenerator<Iterable<JsonToken>, undefined> {
  const decoder = new TextDecoder(encoding, { fatal: true });
  let text = '';
  let line = 1;

  function* split(isEnd: boolean): Generator<JsonToken> {
    let at = 0;
    for (;;) {
      const blanks = /\s*/y;
      blanks.lastIndex = at;
      const skipped = blanks.exec(text)?.[0] ?? '';
      for (let nth = 0; nth < skipped.length; nth++) if (skipped[nth] === '\n') line++;
      at += skipped.length;
      TOKEN.lastIndex = at;
      const match = TOKEN.exec(text);
      if (match === null) break;
      at = TOKEN.lastIndex;
      yield toToken(match);
    }
    text = text.slice(at);
    if (text !== '' && (isEnd || text.length > MAX_TOKEN_LENGTH || !/^["\dtfn-]/.test(text))) {
      throw refuse(`line ${line}`, expected, 'text that is no JSON');
    }
  }

  const toToken = ([all, sign]: RegExpExecArray): JsonToken => {
    if (sign !== undefined) return { kind: sign as Sign, line };
    try {
      return { kind: 'value', line, value: JSON.parse(all) as Scalar | null };
    } catch {
      throw refuse(`line ${line}`, expected, 'text that is no JSON');
    }
  };

  const decode = (chunk?: Buffer): string => {
    try {
      return chunk === undefined ? decoder.decode() : decoder.decode(chunk, { stream: true });
    } catch {
      throw refuse(`line ${line}`, `${expected} in ${encoding}`, 'other bytes');
    }
  };

  for await (const chunk of chunks) {
    text += decode(chunk);
    yield split(false);
  }
  text += `${decode()}\n`;
  yield split(true);
}

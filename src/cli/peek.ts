/**
 * `peek` reads the first bytes of a file. `chunks` are all of its bytes then, from the first one on. `length` is the number of
 * bytes that are read at least, without the blanks around them; a file that is shorter, or begins with a great many blanks,
 * has fewer.
 */
export async function peek(
  chunks: AsyncIterable<Buffer>,
  length: number,
): Promise<{ readonly head: Buffer; readonly chunks: AsyncGenerator<Buffer> }> {
  const iterator = chunks[Symbol.asyncIterator]();
  let head = Buffer.alloc(0);
  while (head.length < MAX_BLANKS && head.toString('latin1').trim().length < length) {
    const next = await iterator.next();
    if (next.done) break;
    head = Buffer.concat([head, next.value]);
  }
  async function* all(): AsyncGenerator<Buffer> {
    yield head;
    yield* { [Symbol.asyncIterator]: () => iterator };
  }
  return { head, chunks: all() };
}

/** After so many bytes, a file that begins with blanks is read no further for its first sign. */
const MAX_BLANKS = 65_536;

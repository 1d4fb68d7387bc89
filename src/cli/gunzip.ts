import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { peek } from './peek.ts';

/** The first bytes of a gzip file. https://www.rfc-editor.org/rfc/rfc1952 */
const GZIP_MARK = '1f8b';

/** `gunzipped` unpacks the bytes of a gzip file, piece by piece; other files stay as they are. */
export async function* gunzipped(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const { head, chunks: all } = await peek(chunks, 2);
  if (head.subarray(0, 2).toString('hex') !== GZIP_MARK) {
    yield* all;
    return;
  }
  const packed = Readable.from(all, { objectMode: false });
  const unpacked = createGunzip();
  packed.on('error', (error) => unpacked.destroy(error));
  try {
    for await (const chunk of packed.pipe(unpacked)) yield Buffer.from(chunk as Uint8Array);
  } finally {
    packed.destroy();
    unpacked.destroy();
  }
}

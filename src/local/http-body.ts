import type { IncomingMessage } from 'node:http';

/** The length that a request's head declares for its body; 0: it has none; null: the head does not say. */
export function declaredBytes({ headers }: IncomingMessage): number | null {
  if (headers['transfer-encoding'] !== undefined) return null;
  return Number(headers['content-length'] ?? 0);
}

/** `readBody` resolves to null if the body exceeds the limit. */
export async function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer | null> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    // The rest is read and discarded: some clients read no answer before they have sent everything.
    if (bytes <= maxBytes) chunks.push(chunk);
  }
  return bytes <= maxBytes ? Buffer.concat(chunks) : null;
}

/** A bound on what many requests take together. */
export interface Room {
  /** False: there is not so much room. */
  take(amount: number): boolean;
  give(amount: number): void;
}

export function makeRoom(size: number): Room {
  let free = size;
  return {
    take(wanted) {
      if (wanted > free) return false;
      free -= wanted;
      return true;
    },
    give(back) {
      free += back;
    },
  };
}

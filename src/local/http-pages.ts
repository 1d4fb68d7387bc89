import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { HttpReply } from '../http/reply.ts';

/*
 * Behind Lambda, a long table is answered a page at a time, because a reply may have 6 MB. A person at a browser wants one
 * file: the server on this machine asks for the next page itself, and sends all of them as one answer.
 */

interface HttpEvent {
  readonly rawQueryString?: string;
}

/** True if the server makes one file of all pages: of a table, unless the caller asks for pages by `limit` or `after`. */
export function isJoined(reply: HttpReply, event: HttpEvent): boolean {
  const query = new URLSearchParams(event.rawQueryString);
  return (
    nextOf(reply) !== null &&
    reply.headers?.['content-type']?.startsWith('text/csv') === true &&
    !query.has('limit') &&
    !query.has('after')
  );
}

/** The head of an answer that has all pages. */
export function withoutNext(reply: HttpReply): HttpReply {
  const { link: _link, ...headers } = reply.headers ?? {};
  return { ...reply, headers };
}

/** The event of the same request for another page. */
export function pageEvent(event: object, next: string): object {
  const [rawPath = '', rawQueryString = ''] = next.split(/\?(.*)/s);
  return { ...event, rawPath, rawQueryString };
}

/** Sends the body of each page when the client has taken the one before; its head is sent already. */
export async function sendPages(
  response: ServerResponse,
  first: HttpReply,
  fetch: (next: string) => Promise<HttpReply>,
): Promise<void> {
  for (let reply = first; ;) {
    if (response.destroyed) return;
    if (!response.write(reply.body)) await drained(response);
    const next = nextOf(reply);
    if (next === null) break;
    reply = await fetch(next);
    if (reply.statusCode !== 200)
      throw new Error(`a page after the first: expected 200, got ${reply.statusCode}`);
  }
  response.end();
}

/** Resolves when the client has taken what was written, or has gone. */
async function drained(response: ServerResponse): Promise<void> {
  const over = new AbortController();
  const { signal } = over;
  await Promise.race([once(response, 'drain', { signal }), once(response, 'close', { signal })]).finally(() =>
    over.abort(),
  );
}

/** The path and the query of the next page; null if there is none. */
function nextOf({ headers }: HttpReply): string | null {
  return /^<(\/[^>]*)>; rel="next"$/.exec(headers?.['link'] ?? '')?.[1] ?? null;
}

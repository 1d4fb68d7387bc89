import http2 from 'node:http2';
import type { Clock } from '../context.ts';
import type { Notice } from '../model/notice.ts';
import { isObject } from '../parse.ts';
import { compareApi } from './compare-api.ts';

export const DISCOVERY_PATH = '/$discovery/rest?version=v1';

const TIMEOUT_MS = 5000;
/** FCM's document has about 40,000 bytes. */
const MAX_BYTES = 2_000_000;

export interface Discovery {
  readonly notices: readonly Notice[];
  /** FCM's own name for the state of its API, such as `20261101`; null: it has none. */
  readonly revision: string | null;
}

/** Compares FCM's description of its own API with what Baton uses. Throws if it is something else. */
export function judgeDiscovery(document: unknown, endpoint: string): Discovery {
  const found = isObject(document) ? document['revision'] : undefined;
  const revision = typeof found === 'string' && /^\d{1,20}$/.test(found) ? found : null;
  const source = `${endpoint}${DISCOVERY_PATH}${revision === null ? '' : `, revision ${revision}`}`;
  return { notices: compareApi(document, source), revision };
}

/** Fetches FCM's description of its own API, which needs no credentials. Throws if it cannot be had. */
export async function fetchDiscovery(endpoint: string, clock: Clock): Promise<unknown> {
  const { status, text } = await fetchText(endpoint, DISCOVERY_PATH, clock);
  // A redirect is not followed: it would be another service's description.
  if (status !== 200) throw new Error(`the discovery document of FCM: expected HTTP 200, got ${status}`);
  return parseJson(text);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new Error('the discovery document of FCM: expected JSON, got something else');
  }
}

/** Fetches by HTTP/2, as Baton sends: an endpoint without TLS speaks nothing else. */
function fetchText(endpoint: string, path: string, clock: Clock): Promise<{ status: number; text: string }> {
  const session = http2.connect(endpoint);
  const answer = new Promise<{ status: number; text: string }>((resolve, reject) => {
    session.once('error', reject);
    clock.timeout(TIMEOUT_MS).addEventListener('abort', () => {
      reject(new Error(`the discovery document of FCM: no answer in ${TIMEOUT_MS / 1000} s`));
    });
    const stream = session.request({ ':path': path, accept: 'application/json' });
    // A session that cannot be opened cancels its streams first, and is the cause of their error.
    stream.once('error', (error) => reject(error.cause ?? error));
    let [status, bytes] = [0, 0];
    const parts: Buffer[] = [];
    stream.once('response', (headers) => (status = headers[':status'] ?? 0));
    stream.on('data', (part: Buffer) => {
      parts.push(part);
      bytes += part.length;
      if (bytes > MAX_BYTES)
        reject(new Error(`the discovery document of FCM: expected at most ${MAX_BYTES} bytes`));
    });
    stream.once('end', () => resolve({ status, text: Buffer.concat(parts).toString() }));
    stream.once('close', () => reject(new Error('the discovery document of FCM: the connection was closed')));
  });
  return answer.finally(() => session.destroy());
}

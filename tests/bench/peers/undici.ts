import { Pool } from 'undici';
import { restMessage } from '../../../src/fcm/message.ts';
import {
  ANNOUNCEMENT,
  COLLAPSE_KEY,
  CONNECTIONS,
  type Load,
  repeatSideBySide,
  STREAMS_PER_CONNECTION,
} from './peer.ts';

/** undici's pool of HTTP/2 connections, with a request for each message. */
export async function prepareUndici(): Promise<Load> {
  const pool = new Pool(process.env['FCM_ENDPOINT'] ?? '', {
    allowH2: true,
    connections: CONNECTIONS,
    h2Options: { maxConcurrentStreams: STREAMS_PER_CONNECTION },
  });
  const headers = { authorization: 'Bearer bench', 'content-type': 'application/json' };
  const message = restMessage({ ...ANNOUNCEMENT, collapseKey: COLLAPSE_KEY }, Date.now());
  return (supply) =>
    repeatSideBySide(CONNECTIONS * STREAMS_PER_CONNECTION, async () => {
      const [token] = supply.take(1);
      if (token === undefined) return false;
      const { statusCode, body } = await pool.request({
        method: 'POST',
        path: '/v1/projects/bench/messages:send',
        headers,
        body: JSON.stringify({ message: { ...message, token } }),
      });
      const answer = (await body.json()) as { name?: string };
      if (statusCode !== 200 || answer.name === undefined)
        throw new Error(`expected status 200, got ${statusCode}`);
      supply.noteAccepted(1);
      return true;
    });
}

import http2 from 'node:http2';
import { createRequire } from 'node:module';
import Client from 'fcm-v1-http2';
import { restMessage } from '../../../src/fcm/message.ts';
import {
  ANNOUNCEMENT,
  COLLAPSE_KEY,
  CONNECTIONS,
  type Load,
  STREAMS_PER_CONNECTION,
  type Supply,
} from './peer.ts';

/** The part of googleapis that the package takes its access tokens from. */
interface Google {
  readonly google: {
    readonly auth: {
      readonly JWT: {
        readonly prototype: {
          authorize: (done: (error: null, tokens: { access_token: string }) => void) => void;
        };
      };
    };
  };
}

/**
 * The npm package fcm-v1-http2, with its default limits. Each period is one call: its tokens do not end before the period
 * does, so that the wait for the last answers of a call is not counted.
 */
export async function prepareFcmV1Http2(): Promise<Load> {
  redirect(process.env['FCM_ENDPOINT'] ?? '');
  const client = new Client({
    serviceAccount: { project_id: 'bench', client_email: '', private_key: '' },
    maxConcurrentConnections: CONNECTIONS,
    maxConcurrentStreamsAllowed: STREAMS_PER_CONNECTION,
  });
  const message = restMessage({ ...ANNOUNCEMENT, collapseKey: COLLAPSE_KEY }, Date.now());
  return async (supply) => {
    // The package divides this number by its connections, and then takes the tokens of each connection one by one.
    const length = CONNECTIONS * (STREAMS_PER_CONNECTION + 1);
    const refused = await client.sendMulticast(message, { length, slice: () => tokensOf(supply) });
    if (refused.length > 0) throw new Error(`expected no unregistered tokens, got ${refused.length}`);
  };
}

/** The tokens of one connection: each one that is taken beyond the first hundred follows an answer. */
function* tokensOf(supply: Supply): Generator<string> {
  for (let taken = 0; ; taken++) {
    const [token] = supply.take(1);
    if (token === undefined) return;
    if (taken >= STREAMS_PER_CONNECTION) supply.noteAccepted(1);
    yield token;
  }
}

/** The package's addresses of FCM and of the token service are constants. */
function redirect(endpoint: string): void {
  const { connect } = http2;
  http2.connect = (_: string | URL, ...rest: []) => connect(endpoint, ...rest);
  const requirePeer = createRequire(createRequire(import.meta.url).resolve('fcm-v1-http2'));
  const { google } = requirePeer('googleapis') as Google;
  google.auth.JWT.prototype.authorize = (done) => done(null, { access_token: 'bench' });
}

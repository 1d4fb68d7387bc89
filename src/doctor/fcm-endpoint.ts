import http2 from 'node:http2';
import type { Clock } from '../context.ts';
import { type Check, green, type NeedsFor, red, within } from './check.ts';
import { judgeSkew } from './skew.ts';

export const FCM_ENDPOINT_CHECK = 'FCM endpoint';

export const FCM_ROUTE =
  'give it a route to the Internet: in a VPC, a NAT gateway for the subnets and a security group that allows outbound port 443';

/** Checks that the endpoint answers, and that this machine's clock agrees with it, because access tokens depend on time. */
export function endpointChecks(
  endpoint: string,
  { clock, limitMs, needsFor }: { clock: Clock; limitMs: number; needsFor: NeedsFor },
): Check[] {
  let asking: Promise<ServerTime> | null = null;
  const ask = (): Promise<ServerTime> => (asking ??= fetchServerTime(endpoint, clock, limitMs));
  return [
    {
      name: FCM_ENDPOINT_CHECK,
      needs: needsFor(['FCM_ENDPOINT']),
      run: async () => {
        await ask();
        return green(`${endpoint} answers`);
      },
      advise: () => FCM_ROUTE,
    },
    {
      name: 'clock',
      needs: [FCM_ENDPOINT_CHECK],
      run: async () => {
        const { date, askedAt, tookMs } = await ask();
        const serverMs = Date.parse(date ?? '');
        if (Number.isNaN(serverMs)) return red(`${endpoint} does not send its time`, 'check FCM_ENDPOINT');
        return judgeSkew(askedAt - serverMs, tookMs, "FCM's");
      },
      advise: () => FCM_ROUTE,
    },
  ];
}

interface ServerTime {
  readonly date: string | undefined;
  readonly askedAt: number;
  readonly tookMs: number;
}

/** Fetches the time of the server. An answer of any status shows that the server runs, and has a Date header. */
async function fetchServerTime(endpoint: string, clock: Clock, limitMs: number): Promise<ServerTime> {
  const session = http2.connect(endpoint);
  try {
    const askedAt = clock.now();
    const date = await within(clock, limitMs, () => requestDate(session));
    return { date, askedAt, tookMs: clock.now() - askedAt };
  } finally {
    session.destroy();
  }
}

function requestDate(session: http2.ClientHttp2Session): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    session.once('error', reject);
    const stream = session.request({ ':path': '/' });
    // A session that cannot be opened cancels its streams first, and is the cause of their error.
    stream.once('error', (error) => reject(error.cause ?? error));
    stream.once('response', (headers) => resolve(headers.date));
    stream.resume();
  });
}

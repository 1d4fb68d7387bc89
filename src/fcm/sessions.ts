import http2, { type ClientHttp2Session } from 'node:http2';
import type { Clock } from '../context.ts';

/** Longer than this without use, and the session may have died in a frozen container: ask before trusting it. */
const TRUSTED_IDLE_MS = 5000;
const PING_TIMEOUT_MS = 2000;
const CONNECT_TIMEOUT_MS = 10_000;

/** What FCM allows on a connection; what a server says in its own SETTINGS counts for more. */
export const STREAMS = 100;

/** One warm HTTP/2 connection to FCM. */
export interface Connection {
  readonly session: ClientHttp2Session;
  /** Streams open on it now. */
  open: number;
  /** Ids above this were never processed, by the server's own GOAWAY; infinite while there was none. */
  lastProcessedId: number;
  usedAt: number;
  /** It left a request without an answer. */
  suspect: boolean;
}

export interface Sessions {
  /** Connections that answer, at least one and at most `wanted`. Throws if not even one can be had. */
  acquire(wanted: number): Promise<Connection[]>;
  close(): Promise<void>;
}

export function streamsFree({ session, open }: Connection): number {
  return isUsable(session) ? (session.remoteSettings.maxConcurrentStreams ?? STREAMS) - open : 0;
}

/** Keeps connections warm across chunks and invocations, and replaces the dead. */
export function makeSessions(endpoint: string, clock: Clock): Sessions {
  let warm: Connection[] = [];

  async function open(): Promise<Connection> {
    const session = await connect(endpoint);
    const connection = { session, open: 0, lastProcessedId: Infinity, usedAt: clock.now(), suspect: false };
    session.on('goaway', (_code, lastStreamId) => (connection.lastProcessedId = lastStreamId));
    // Its streams see their own end; a session's error that nobody hears would end the process.
    session.on('error', () => {});
    session.on('close', () => (warm = warm.filter((each) => each !== connection)));
    warm.push(connection);
    return connection;
  }

  async function answers(connection: Connection): Promise<boolean> {
    if (!isUsable(connection.session)) return false;
    if (!connection.suspect && clock.now() - connection.usedAt < TRUSTED_IDLE_MS) return true;
    if (await ping(connection.session)) {
      connection.suspect = false;
      return true;
    }
    connection.session.destroy();
    return false;
  }

  return {
    async acquire(wanted) {
      const asked = warm.slice(0, wanted);
      const kept = await Promise.all(asked.map(answers));
      const connections = asked.filter((_, index) => kept[index]);
      const missing = wanted - connections.length;
      const opened = await Promise.allSettled(Array.from({ length: missing }, open));
      for (const result of opened) if (result.status === 'fulfilled') connections.push(result.value);
      const failed = opened.find((result) => result.status === 'rejected');
      if (connections.length === 0 && failed) throw failed.reason;
      for (const connection of connections) connection.usedAt = clock.now();
      return connections;
    },
    async close() {
      const closed = warm.map(({ session }) => new Promise((resolve) => session.once('close', resolve)));
      for (const { session } of warm) session.destroy();
      await Promise.all(closed);
    },
  };
}

export function isUsable(session: ClientHttp2Session): boolean {
  return !session.closed && !session.destroyed;
}

/** Resolves once the server's SETTINGS are here too: they say how many streams it takes. */
function connect(endpoint: string): Promise<ClientHttp2Session> {
  return new Promise((resolve, reject) => {
    const session = http2.connect(endpoint, { settings: { enablePush: false } });
    const timer = setTimeout(
      () => session.destroy(new Error(`no HTTP/2 SETTINGS in ${CONNECT_TIMEOUT_MS} ms`)),
      CONNECT_TIMEOUT_MS,
    );
    const fail = (error?: Error): void => {
      clearTimeout(timer);
      reject(error ?? new Error('connection closed'));
    };
    session.once('error', fail);
    session.once('close', fail);
    session.once('remoteSettings', () => {
      clearTimeout(timer);
      session.off('error', fail);
      session.off('close', fail);
      resolve(session);
    });
  });
}

function ping(session: ClientHttp2Session): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), PING_TIMEOUT_MS);
    const sent = session.ping((error) => {
      clearTimeout(timer);
      resolve(error === null);
    });
    if (!sent) resolve(false);
  });
}

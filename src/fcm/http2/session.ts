import http2, { type ClientHttp2Session } from 'node:http2';
import type { Clock } from '../../context.ts';

const CONNECT_TIMEOUT_MS = 10_000;
const PING_TIMEOUT_MS = 2000;

/** Resolves once the server's SETTINGS have arrived: they say how many streams it accepts. */
export function connect(endpoint: string, clock: Clock): Promise<ClientHttp2Session> {
  return new Promise((resolve, reject) => {
    const session = http2.connect(endpoint, { settings: { enablePush: false } });
    const deadline = clock.timeout(CONNECT_TIMEOUT_MS);
    const expire = (): unknown =>
      session.destroy(new Error(`no HTTP/2 SETTINGS within ${CONNECT_TIMEOUT_MS} ms`));
    const fail = (error?: Error): void => {
      deadline.removeEventListener('abort', expire);
      reject(error ?? new Error('connection closed'));
    };
    deadline.addEventListener('abort', expire);
    session.once('error', fail);
    session.once('close', fail);
    session.once('remoteSettings', () => {
      deadline.removeEventListener('abort', expire);
      session.off('error', fail);
      session.off('close', fail);
      resolve(session);
    });
  });
}

/** Resolves to whether the server answers a PING in time. */
export function ping(session: ClientHttp2Session, clock: Clock): Promise<boolean> {
  return new Promise((resolve) => {
    const deadline = clock.timeout(PING_TIMEOUT_MS);
    // On a busy machine the answer may have arrived but not been read yet: an immediate runs after the sockets are read.
    const expire = (): unknown => setImmediate(() => resolve(false));
    deadline.addEventListener('abort', expire);
    const isSent = session.ping((error) => {
      deadline.removeEventListener('abort', expire);
      resolve(error === null);
    });
    if (isSent) return;
    deadline.removeEventListener('abort', expire);
    resolve(false);
  });
}

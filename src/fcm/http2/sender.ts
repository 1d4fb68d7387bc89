import type { OnAnswer } from '../../announced.ts';
import type { Clock, Sender } from '../../context.ts';
import { type FcmAccess, fetchAccessToken } from '../credentials.ts';
import { beforeAbort } from '../deadline.ts';
import { Dispatch } from './dispatch.ts';
import { makeBody } from '../message.ts';
import { Pool } from './pool.ts';
import { judgeSilence } from '../verdict.ts';

export interface Http2SenderOptions {
  readonly endpoint: string;
  readonly access: FcmAccess;
  readonly clock: Clock;
  /** Takes the headers of answers that may announce something. */
  readonly onAnswer?: OnAnswer | undefined;
}

/** Makes a sender over FCM's HTTP v1 and warm HTTP/2 connections: one stream for each message. */
export function makeHttp2Sender({ endpoint, access, clock, onAnswer }: Http2SenderOptions): Sender {
  const pool = new Pool(endpoint, clock);
  const { host, protocol } = new URL(endpoint);
  // node:http2 takes a flat list of names and values as it is; it would check each field of an object for every message.
  const headersFor = (token: string): readonly string[] =>
    Object.entries({
      ':method': 'POST',
      ':scheme': protocol.slice(0, -1),
      ':authority': host,
      ':path': `/v1/projects/${access.projectId}/messages:send`,
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
    }).flat();
  return {
    async send(batch, signal, onOutcome) {
      const { devices } = batch;
      if (devices.length === 0) return [];
      const token = await beforeAbort(fetchAccessToken(access), signal);
      if (token === null) return devices.map(() => judgeSilence('NO_ACCESS_TOKEN', 'no'));
      const headers = headersFor(token);
      const body = makeBody(batch, clock.now());
      return new Dispatch(pool, clock, headers, devices, body, onOutcome, onAnswer).run(signal);
    },
    close: async () => pool.close(),
  };
}

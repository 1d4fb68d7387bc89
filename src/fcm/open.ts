import type { Config, FcmConfig, SourceConfig } from '../config/config.ts';
import type { Clock, Sender, Senders } from '../context.ts';
import { findSource } from '../config/sources.ts';
import { fetchAccessToken, openCredentials } from './credentials.ts';
import { beforeAbort } from './deadline.ts';
import { makeHttp2Sender } from './http2/sender.ts';

const FIRST_TOKEN_MS = 5000;

export function makeSenders(config: Pick<Config, 'sources' | 'fcm'>, clock: Clock): Senders {
  const opened = new Map<string, Promise<Sender>>();
  return {
    async of(source) {
      const opening = opened.get(source) ?? openSender(config.fcm, findSource(config, source), clock);
      opened.set(source, opening);
      try {
        return await opening;
      } catch (error) {
        opened.delete(source);
        throw error;
      }
    },
    check(source) {
      openCredentials(findSource(config, source));
    },
    async close() {
      const senders = await Promise.all(opened.values());
      await Promise.all(senders.map((sender) => sender.close()));
    },
  };
}

/** The transport that the configuration names. firebase-admin's messaging is loaded only where it is used. */
async function openSender(config: FcmConfig, source: SourceConfig, clock: Clock): Promise<Sender> {
  const access = openCredentials(source);
  // The first token takes a cold process on a busy machine seconds, which no send has in its deadline. If it does not come
  // at all, the sends say so.
  await beforeAbort(fetchAccessToken(access), AbortSignal.timeout(FIRST_TOKEN_MS));
  switch (config.transport) {
    case 'http2':
      return makeHttp2Sender({ endpoint: config.endpoint, access, clock });
    case 'sdk': {
      const { makeSdkSender } = await import('./sdk.ts');
      return makeSdkSender({ access, clock });
    }
  }
}

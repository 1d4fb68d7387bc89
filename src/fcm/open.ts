import type { Clock, Config, FcmConfig, Sender, Senders, SourceConfig } from '../context.ts';
import { findSource } from '../sources.ts';
import { openCredentials } from './credentials.ts';
import { makeHttp2Sender } from './http2.ts';

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
    async close() {
      const senders = await Promise.all(opened.values());
      await Promise.all(senders.map((sender) => sender.close()));
    },
  };
}

/** The transport that the configuration names. firebase-admin's messaging is loaded only where it is used. */
async function openSender(config: FcmConfig, source: SourceConfig, clock: Clock): Promise<Sender> {
  const access = openCredentials(source);
  switch (config.transport) {
    case 'http2':
      return makeHttp2Sender({ endpoint: config.endpoint, access, clock });
    case 'sdk': {
      const { makeSdkSender } = await import('./sdk.ts');
      return makeSdkSender({ access, clock });
    }
  }
}

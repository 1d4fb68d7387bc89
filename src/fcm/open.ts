import type { Config, FcmConfig, SourceConfig } from '../config/config.ts';
import { makeHearer } from '../announced.ts';
import type { Clock, Sender, Senders, Signals } from '../context.ts';
import { findSource } from '../config/sources.ts';
import { fetchAccessToken, openCredentials } from './credentials.ts';
import { beforeAbort } from './deadline.ts';
import { makeHttp2Sender } from './http2/sender.ts';
import { noSignals } from '../signals.ts';

/** The first access token can take seconds in a cold process on a busy machine. No send has that much time to spare. */
const FIRST_TOKEN_MS = 5000;

export function makeSenders(
  config: Pick<Config, 'sources' | 'fcm'>,
  clock: Clock,
  signals: Pick<Signals, 'note'> = noSignals,
): Senders {
  const senders = new Map<string, Promise<Sender>>();
  return {
    async of(source) {
      const opening =
        senders.get(source) ?? openSender(config.fcm, findSource(config, source), { clock, signals, source });
      senders.set(source, opening);
      try {
        return await opening;
      } catch (error) {
        senders.delete(source);
        throw error;
      }
    },
    check(source) {
      openCredentials(findSource(config, source));
    },
    async close() {
      const opened = await Promise.all(senders.values());
      await Promise.all(opened.map((sender) => sender.close()));
    },
  };
}

/** Opens the transport that the configuration names. firebase-admin's messaging is loaded only where it is used. */
async function openSender(
  config: FcmConfig,
  sourceConfig: SourceConfig,
  { clock, signals, source }: { clock: Clock; signals: Pick<Signals, 'note'>; source: string },
): Promise<Sender> {
  const onTokenAnswer = makeHearer(signals, 'google-token', source);
  const access = { ...openCredentials(sourceConfig), onTokenAnswer };
  const onAnswer = makeHearer(signals, 'fcm', source);
  // Without a token after this time the sender opens all the same, and its sends report that there is none.
  await beforeAbort(fetchAccessToken(access), clock.timeout(FIRST_TOKEN_MS));
  switch (config.transport) {
    case 'http2':
      return makeHttp2Sender({ endpoint: config.endpoint, access, clock, onAnswer });
    case 'sdk': {
      const { makeSdkSender } = await import('./sdk.ts');
      return makeSdkSender({ access, clock, onAnswer });
    }
  }
}

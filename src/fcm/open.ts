import type { Clock, FcmConfig, Sender } from '../context.ts';
import { openCredentials } from './credentials.ts';
import { makeHttp2Sender } from './http2.ts';

/** The transport that the configuration names. firebase-admin's messaging is loaded only where it is used. */
export async function openSender(config: FcmConfig, clock: Clock): Promise<Sender> {
  const access = openCredentials(config);
  switch (config.transport) {
    case 'http2':
      return makeHttp2Sender({ endpoint: config.endpoint, access, clock });
    case 'sdk': {
      const { makeSdkSender } = await import('./sdk.ts');
      return makeSdkSender({ access, clock });
    }
  }
}

import { isIP } from 'node:net';
import { systemClock } from '../clock.ts';
import type { Env } from '../config/config.ts';
import { type LiveConfig, openConfig } from '../config/live.ts';
import { CONNECTIONS_OF_SERVE } from '../config/variables/database.ts';
import { describeFailure } from '../errors.ts';
import { openServices } from '../handler.ts';
import { makeApi } from '../local/api.ts';
import { startHttpServer } from '../local/http-server.ts';
import { defineCommand } from './command.ts';
import { ENGINE_OPTIONS } from './engine-options.ts';
import { named, wholeNumber } from './options.ts';
import { openLiveConfig, startTicking } from './scan.ts';

/** Node takes an empty host for all addresses. */
function isHost(value: string): boolean {
  return isIP(value) > 0 || /^[\w.-]{1,253}$/.test(value);
}

export const serveCommand = defineCommand({
  description:
    'Serve the HTTP API and run the schedule every ten seconds, on this machine, until Ctrl-C or SIGTERM. ' +
    'API_TOKEN is the token that callers must send.',
  options: {
    port: wholeNumber('N', 'the port to listen on; 0: any free port', {
      min: 0,
      max: 65_535,
      fallback: 8080,
    }),
    host: named('NAME', 'the address to listen on; 0.0.0.0: all addresses', {
      isValid: isHost,
      expected: 'an address or a name, without a port',
      fallback: '127.0.0.1',
    }),
    ...ENGINE_OPTIONS,
  },
  // The API reads its tokens anew while it runs.
  readsSecrets: true,
  async run(input, terminal) {
    const { port, host, verbose } = input.options;
    const stop = terminal.interrupted();
    const log = (line: string): void => {
      // The caller of a failed request gets only a request id; the error itself is in this log.
      if (verbose || line.includes('"level":"error"')) terminal.err(`${line}\n`);
    };
    const live = await openLiveConfig(terminal);
    const engine = await startTicking(input, live, terminal, true);
    try {
      const { env, readEnv = () => env } = terminal;
      const services = await openServices(env, log, systemClock, openApiConfig(readEnv));
      const api = makeApi(services, engine, env);
      try {
        const server = await startHttpServer({
          host,
          port,
          admit: api.admit,
          handle: api.handle,
          onError: (error) => terminal.err(`${describeFailure(error)}\n`),
        });
        terminal.err(`listening on ${server.address}, scheduler running\n`);
        await engine.invoke({ kind: 'scan' });
        await stop;
        await server.close();
        return 0;
      } finally {
        await api.close();
      }
    } finally {
      await engine.close();
    }
  },
});

/** `openApiConfig` is the configuration of this process, which has more connections than a worker. */
function openApiConfig(readEnv: () => Env): Promise<LiveConfig> {
  let [latest, own]: [Env | null, Env] = [null, {}];
  return openConfig(() => {
    const env = readEnv();
    if (env !== latest) [latest, own] = [env, { DATABASE_CONNECTIONS: String(CONNECTIONS_OF_SERVE), ...env }];
    return own;
  }, systemClock);
}

import { once } from 'node:events';
import { systemClock } from '../clock.ts';
import type { Context } from '../context.ts';
import { examine } from '../doctor/examine.ts';
import { makeHandler, openServices } from '../handler.ts';
import type { HttpReply } from '../http/reply.ts';
import type { Engine } from '../local/engine.ts';
import { REPLY_TIMEOUT_MS, startHttpServer } from '../local/http-server.ts';
import type { Command, Terminal } from './command.ts';
import { ENGINE_OPTIONS, startTicking } from './scan.ts';

/** Requests come side by side in one process, where a hop asks its database one thing at a time. */
const DATABASE_CONNECTIONS = '10';

export const serveCommand: Command = {
  summary:
    'Answer the HTTP API and tick, every ten seconds, on this machine, until it is told to stop (Ctrl-C).',
  options: {
    port: { value: 'N', default: '8080', help: 'where to answer; 0: any that is free' },
    host: { value: 'NAME', default: '127.0.0.1', help: 'the address to listen on; 0.0.0.0: all of them' },
    ...ENGINE_OPTIONS,
  },
  async run(args, terminal) {
    const stopped = Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
    const port = args.whole('port', 0, 65_535);
    const host = args.text('host') ?? '';
    const log = (line: string): void => {
      // What has failed here is told to the caller by its id alone.
      if (args.flag('verbose') || line.includes('"level":"error"')) terminal.err(`${line}\n`);
    };
    const engine = await startTicking(args, terminal, true);
    try {
      const api = await openApi(engine, terminal, log);
      try {
        const server = await startHttpServer({
          host,
          port,
          handle: api.handle,
          onError: (error) => terminal.err(`${String(error)}\n`),
        });
        terminal.err(
          `answering at ${server.address}, and ticking; Lambda's API is at ${engine.lambda.endpoint}\n`,
        );
        await engine.invoke({ kind: 'scan' });
        await stopped;
        await server.close();
        return 0;
      } finally {
        await api.close();
      }
    } finally {
      await engine.close();
    }
  },
};

/** The same handler as on Lambda, in this process; what it invokes runs in the engine's workers. */
async function openApi(engine: Engine, { env }: Terminal, log: (line: string) => void) {
  const services = await openServices({ DATABASE_CONNECTIONS, ...env }, log);
  const invoker: Context['invoker'] = { invoke: (_name, job) => engine.invoke(job), close: () => {} };
  const handler = makeHandler(
    async () => ({ ...services, invoker }),
    (functionName) => examine({ env, functionName, fix: false, clock: systemClock }),
  );
  return {
    handle: async (event: object, requestId: string): Promise<HttpReply> => {
      const until = performance.now() + REPLY_TIMEOUT_MS;
      const reply = await handler(event, {
        awsRequestId: requestId,
        invokedFunctionArn: engine.functionName,
        getRemainingTimeInMillis: () => Math.max(0, until - performance.now()),
      });
      if ('statusCode' in reply) return reply;
      throw new Error('an HTTP event was not answered as one');
    },
    async close(): Promise<void> {
      services.invoker.close();
      await services.senders.close();
      await services.store.close();
    },
  };
}

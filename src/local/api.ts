import { systemClock } from '../clock.ts';
import type { Env } from '../config/config.ts';
import type { Context, Services } from '../context.ts';
import { examine } from '../doctor/examine.ts';
import { describeFailure } from '../errors.ts';
import { parseRequest } from '../events/http.ts';
import { makeHandler } from '../handler.ts';
import { type Admission, admitRequest } from '../http/answer.ts';
import type { HttpReply } from '../http/reply.ts';
import type { Engine } from './engine.ts';
import { REPLY_TIMEOUT_MS } from './http-server.ts';

/** The HTTP API of the Lambda function, for a server in this process. */
export interface LocalApi {
  readonly admit: (event: object, requestId: string, bodyBytes: number | null) => Admission;
  readonly handle: (event: object, requestId: string) => Promise<HttpReply>;
  close(): Promise<void>;
}

/**
 * `makeApi` runs the handler of the Lambda function in this process. The jobs that it invokes run in the engine's workers.
 * `env` is what the doctor examines.
 */
export function makeApi(
  services: Services,
  engine: Pick<Engine, 'invoke' | 'functionName'>,
  env: Env,
): LocalApi {
  const invoker: Context['invoker'] = { invoke: (_name, job) => engine.invoke(job), close: () => {} };
  const handler = makeHandler(
    async () => ({ ...services, invoker }),
    (functionName) => examine({ env, functionName, fix: false, clock: systemClock }),
  );
  let { config } = services;
  // A head is judged at once, by the tokens read last; the handler judges the request again, by tokens that are fresh.
  const renewTokens = async (): Promise<void> => {
    config = (await services.fetchConfig?.()) ?? config;
  };
  return {
    admit: (event, requestId, bodyBytes) => {
      const request = parseRequest(event);
      if (request === null) throw new Error('expected an HTTP event, got another one');
      renewTokens().catch((error: unknown) =>
        services.log.error('secrets not read', { why: describeFailure(error) }),
      );
      return admitRequest({ ...services, config, requestId }, request, bodyBytes);
    },
    handle: async (event, requestId) => {
      const until = performance.now() + REPLY_TIMEOUT_MS;
      const reply = await handler(event, {
        awsRequestId: requestId,
        invokedFunctionArn: engine.functionName,
        getRemainingTimeInMillis: () => Math.max(0, until - performance.now()),
      });
      if ('statusCode' in reply) return reply;
      throw new Error('expected an HTTP reply to an HTTP event, got another reply');
    },
    async close() {
      services.invoker.close();
      await services.senders.close();
      await services.store.close();
    },
  };
}

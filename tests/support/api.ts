import type { Store } from '../../src/store.ts';
import { systemClock } from '../../src/clock.ts';
import type { Context } from '../../src/context.ts';
import { makeHandler } from '../../src/handler.ts';
import type { HttpReply } from '../../src/http/reply.ts';
import { makeLog } from '../../src/log.ts';
import { API_TOKEN, makeRequest, type TestRequest } from './events.ts';
import { makeContext, type TestContext, type TestOptions } from './context.ts';

export interface TestReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
}

export interface TestApi {
  readonly ctx: TestContext;
  /** The lines of the log, as they are written. */
  readonly log: string[];
  /** Sends a request through the handler. */
  ask(request: TestRequest): Promise<TestReply>;
  /** Sends any event to the handler, and expects an HTTP reply. */
  send(event: unknown): Promise<HttpReply>;
}

/** Makes the HTTP API over a real store: a request goes through the handler, as on Lambda. */
export function makeApi(store: Store, { env, ...rest }: TestOptions = {}): TestApi {
  const log: string[] = [];
  const ctx = {
    ...makeContext(store, { ...rest, env: { API_TOKEN, ...env } }),
    log: makeLog(systemClock, {}, (line) => log.push(line)),
  };
  const send = (event: unknown) => askHandler(ctx, event);
  return {
    ctx,
    log,
    send,
    async ask(fields) {
      const { statusCode: status, headers = {}, body } = await send(makeRequest(fields));
      const isText = headers['content-type']?.startsWith('text/') === true;
      return { status, headers, body: body === '' ? null : isText ? body : (JSON.parse(body) as unknown) };
    },
  };
}

async function askHandler(ctx: Context, event: unknown): Promise<HttpReply> {
  const reply = await makeHandler(async () => ctx, noDoctor)(event, {
    awsRequestId: 'request-1',
    invokedFunctionArn: 'baton',
    getRemainingTimeInMillis: () => 29_000,
  });
  if ('statusCode' in reply) return reply;
  throw new Error(`expected an HTTP reply, got ${JSON.stringify(reply)}`);
}

export async function noDoctor(): Promise<never> {
  throw new Error('expected no call of the doctor');
}

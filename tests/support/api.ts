import type { Store } from '../../src/store.ts';
import { systemClock } from '../../src/clock.ts';
import type { Context } from '../../src/context.ts';
import { makeHandler } from '../../src/handler.ts';
import type { HttpReply } from '../../src/http/reply.ts';
import { makeLog } from '../../src/log.ts';
import { API_TOKEN, request, type TestRequest } from './events.ts';
import { makeContext, type TestContext, type TestOptions } from './context.ts';

export interface Answered {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
}

export interface TestApi {
  readonly ctx: TestContext;
  /** The whole of it, not only what happened. */
  readonly log: string[];
  ask(asked: TestRequest): Promise<Answered>;
  /** Any event at all. */
  send(event: unknown): Promise<HttpReply>;
}

/** The handler, asked over HTTP. */
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
    async ask(asked) {
      const { statusCode: status, headers = {}, body } = await send(request(asked));
      return { status, headers, body: body === '' ? null : (JSON.parse(body) as unknown) };
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
  throw new Error(`no HTTP reply, but ${JSON.stringify(reply)}`);
}

export async function noDoctor(): Promise<never> {
  throw new Error('nobody asked for the doctor');
}

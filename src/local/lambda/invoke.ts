import type { IncomingMessage } from 'node:http';
import { isDeeper } from '../../json.ts';
import { isObject } from '../../parse.ts';
import { badClientContext, badValue, notJson, tooLarge } from './errors.ts';
import type { LambdaFunction } from './function.ts';
import type { FunctionReference } from './names.ts';

/** Limits of Invoke: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html (asynchronous: 256 KB until 2025). */
export const SYNC_LIMIT_BYTES = 6 * 1024 * 1024;
const ASYNC_LIMIT_BYTES = 1024 * 1024;

/** Far more than any event has. Code that recurses over thousands of levels overflows the stack. */
const MAX_DEPTH = 500;

/** One request to the API, about one function. */
export interface InvokeCall {
  readonly request: IncomingMessage;
  readonly requestId: string;
  readonly reference: FunctionReference;
  readonly fn: LambdaFunction;
}

export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** A Buffer is sent unchanged, anything else as JSON; absent: an empty answer. */
  readonly body?: unknown;
}

export async function invoke({ request, requestId, reference, fn }: InvokeCall): Promise<Reply> {
  const { headers } = request;
  const type = header(request, 'x-amz-invocation-type') ?? 'RequestResponse';
  const logType = header(request, 'x-amz-log-type') ?? 'None';
  if (type !== 'RequestResponse' && type !== 'Event' && type !== 'DryRun') {
    throw badValue(type, 'invocationType', 'satisfy enum value set: [RequestResponse, Event, DryRun]');
  }
  if (logType !== 'None' && logType !== 'Tail') {
    throw badValue(logType, 'logType', 'satisfy enum value set: [None, Tail]');
  }
  const payload = await readPayload(request, type === 'Event' ? ASYNC_LIMIT_BYTES : SYNC_LIMIT_BYTES);
  if (type === 'DryRun') return { status: 204 };
  const call = {
    requestId,
    payload,
    functionArn: reference.arn,
    traceHeader: header(request, 'x-amzn-trace-id'),
  };
  if (type === 'Event') {
    // Lambda passes a client context on to synchronous invocations only.
    fn.enqueue({ ...call, clientContext: null });
    return { status: 202 };
  }
  const ending = await fn.invoke({ ...call, clientContext: clientContext(headers['x-amz-client-context']) });
  return {
    status: 200,
    headers: {
      'X-Amz-Executed-Version': '$LATEST',
      ...(ending.kind === 'ok' ? {} : { 'X-Amz-Function-Error': 'Unhandled' }),
      ...(logType === 'Tail' ? { 'X-Amz-Log-Result': ending.logTail } : {}),
    },
    body: ending.payload,
  };
}

/**
 * `readPayload` checks that the payload is JSON; `{}` if there is none. A payload beyond the limit is read to its end, because
 * a client reads no answer before it has sent its whole request.
 */
async function readPayload(request: IncomingMessage, limitBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size <= limitBytes) chunks.push(chunk);
  }
  if (size > limitBytes) throw tooLarge(limitBytes);
  if (size === 0) return Buffer.from('{}');
  const payload = Buffer.concat(chunks);
  parseJson(payload);
  return payload;
}

function parseJson(body: Buffer): unknown {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    // The parser's message is dropped: it quotes the payload.
    throw notJson('no JSON text in UTF-8');
  }
  if (isDeeper(value, MAX_DEPTH)) throw notJson(`more than ${MAX_DEPTH} levels`);
  return value;
}

export async function readObject(request: IncomingMessage): Promise<Record<string, unknown>> {
  const body = parseJson(await readPayload(request, SYNC_LIMIT_BYTES));
  return isObject(body) ? body : {};
}

/** `clientContext` makes the value of a Runtime API header, so it is ASCII only. */
function clientContext(encoded: string | string[] | undefined): string | null {
  if (typeof encoded !== 'string') return null;
  try {
    const json = JSON.stringify(JSON.parse(Buffer.from(encoded, 'base64').toString()));
    return json.replaceAll(/[^ -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
  } catch {
    throw badClientContext();
  }
}

function header(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return typeof value === 'string' ? value : undefined;
}

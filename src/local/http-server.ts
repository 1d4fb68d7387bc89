import { once } from 'node:events';
import { randomUUID } from 'node:crypto';
import { isUtf8 } from 'node:buffer';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { codeOf, messageOf, PushError } from '../errors.ts';
import type { HttpReply } from '../http/reply.ts';

/** Limit of Lambda for the payload of a synchronous invocation. */
const MAX_BODY_BYTES = 6 * 1024 * 1024;

/** Time that API Gateway waits for a reply, and so the time that `close` waits for open requests. */
export const REPLY_TIMEOUT_MS = 29_000;

/** Longer than load balancers keep an idle connection (60 s), so that none is closed while a request arrives. */
const KEEP_ALIVE_MS = 65_000;

export interface HttpServerOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** The handler that API Gateway would call: it gets an event of payload format 2.0 and resolves to the reply. */
  readonly handle: (event: object, requestId: string) => Promise<HttpReply>;
  /** Receives what `handle` threw. */
  readonly onError: (error: unknown) => void;
}

export interface HttpServer {
  /** Address of the server: http://HOST:PORT. */
  readonly address: string;
  /** Accepts no more requests; resolves once the open ones are answered. */
  close(): Promise<void>;
}

/** `startHttpServer` replaces API Gateway on one machine. Throws PushError('BAD_INPUT') if it cannot listen. */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const { host, port } = options;
  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS, requestTimeout: REPLY_TIMEOUT_MS });
  let isClosing = false;
  /** Requests being handled. `close` waits for them even if their clients have closed their connections. */
  const open = new Set<Promise<void>>();
  server.on('request', (request, response) => {
    const work = answer(request, options)
      .then((reply) => send(response, reply, isClosing))
      .catch((error: unknown) => {
        // A client that disconnects in the middle of its request gets no answer.
        if (!request.complete) {
          response.destroy();
          return;
        }
        options.onError(error);
        send(response, bareReply(500), isClosing);
      })
      .finally(() => open.delete(work));
    open.add(work);
  });
  try {
    server.listen(port, host);
    await once(server, 'listening');
  } catch (cause) {
    const why = codeOf(cause) ?? messageOf(cause);
    const expected = 'a port that can be listened on';
    throw PushError.of('BAD_INPUT', [{ field: '--port', expected, got: `${port} on ${host} (${why})` }]);
  }
  const { address, family, port: bound } = server.address() as AddressInfo;
  return {
    address: `http://${family === 'IPv6' ? `[${address}]` : address}:${bound}`,
    async close() {
      isClosing = true;
      const closed = once(server, 'close');
      server.close();
      const timeUp = Promise.withResolvers<void>();
      const timer = setTimeout(() => {
        server.closeAllConnections();
        timeUp.resolve();
      }, REPLY_TIMEOUT_MS);
      await closed;
      await Promise.race([Promise.all(open), timeUp.promise]);
      clearTimeout(timer);
    },
  };
}

async function answer(request: IncomingMessage, { handle }: HttpServerOptions): Promise<HttpReply> {
  const body = await readBody(request);
  if (body === null) return bareReply(413);
  const requestId = randomUUID();
  return handle(makeEvent(request, body, requestId), requestId);
}

/** `readBody` resolves to null if the body exceeds the limit. */
async function readBody(request: IncomingMessage): Promise<Buffer | null> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    // The rest is read and discarded: a client reads no answer before it has sent its whole request.
    if (bytes <= MAX_BODY_BYTES) chunks.push(chunk);
  }
  return bytes <= MAX_BODY_BYTES ? Buffer.concat(chunks) : null;
}

/** Format 2.0: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html */
function makeEvent(request: IncomingMessage, body: Buffer, requestId: string): object {
  const { method = '', url = '', headers, socket } = request;
  const [rawPath = '', rawQueryString = ''] = url.split(/\?(.*)/s);
  const isBase64Encoded = !isUtf8(body);
  return {
    version: '2.0',
    routeKey: '$default',
    rawPath,
    rawQueryString,
    headers: Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : value]),
    ),
    requestContext: {
      http: { method, path: rawPath, protocol: 'HTTP/1.1', sourceIp: socket.remoteAddress },
      requestId,
      stage: '$default',
    },
    body: body.toString(isBase64Encoded ? 'base64' : 'utf8'),
    isBase64Encoded,
  };
}

function send(response: ServerResponse, { statusCode, headers, body }: HttpReply, isLast: boolean): void {
  response.writeHead(statusCode, {
    ...headers,
    'content-length': Buffer.byteLength(body),
    ...(isLast ? { connection: 'close' } : {}),
  });
  response.end(body);
}

/** `bareReply` is an answer of the gateway itself, not of the function. */
function bareReply(statusCode: 413 | 500): HttpReply {
  return { statusCode, headers: {}, isBase64Encoded: false, body: '' };
}

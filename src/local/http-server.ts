import { once } from 'node:events';
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Admission } from '../http/answer.ts';
import type { HttpReply } from '../http/reply.ts';
import { declaredBytes, makeRoom, readBody, type Room } from './http-body.ts';
import { makeEvent, withBody } from './http-event.ts';
import { isJoined, pageEvent, sendPages, withoutNext } from './http-pages.ts';
import { listen } from './listen.ts';

/** Time that API Gateway waits for a reply, and so the time that `close` waits for open requests. */
export const REPLY_TIMEOUT_MS = 29_000;

/** Bounds on what all clients together can make the server keep. */
export interface HttpLimits {
  /** Open connections; a further one is closed at once. */
  readonly connections: number;
  /** Bytes of all bodies that are read or worked on. */
  readonly bodyBytes: number;
  /** How long a connection may take to send the head of its first request. */
  readonly headMs: number;
  /** How long a connection may be silent. Longer than load balancers keep an idle one (60 s), so that none is closed while a request arrives. */
  readonly idleMs: number;
  /** How often the server looks for connections that are too slow. */
  readonly checkMs: number;
}

export const HTTP_LIMITS: HttpLimits = {
  connections: 1000,
  bodyBytes: 32 * 1024 * 1024,
  headMs: 15_000,
  idleMs: 65_000,
  checkMs: 1000,
};

/** The rest of a refused body up to this size is read and discarded, so that the connection can be used again. */
const MAX_DISCARDED_BYTES = 64 * 1024;

/** How long a connection with an unread body stays open after its answer, so that the client can read that. */
const LINGER_MS = 1000;

/** Connections that linger at a time; a further one is closed with its answer. */
const MAX_LINGERING = 50;

export interface HttpServerOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly limits?: Partial<HttpLimits>;
  /** Decides by the head of a request whether its body is read: an event without a body, and the length that the client declares. */
  readonly admit: (event: object, requestId: string, bodyBytes: number | null) => Admission;
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
  const limits = { ...HTTP_LIMITS, ...options.limits };
  const server = createServer({
    keepAliveTimeout: limits.idleMs,
    headersTimeout: limits.headMs,
    requestTimeout: REPLY_TIMEOUT_MS,
    connectionsCheckingInterval: limits.checkMs,
  });
  server.maxConnections = limits.connections;
  // A client that neither sends nor reads: a reply that nobody takes would stay in memory.
  server.timeout = limits.idleMs;
  const room = makeRoom(limits.bodyBytes);
  const lingering = makeRoom(MAX_LINGERING);
  let isClosing = false;
  /** Requests being handled. `close` waits for them even if their clients have closed their connections. */
  const open = new Set<Promise<void>>();
  const accept = (request: IncomingMessage, response: ServerResponse): void => {
    const work = answer(request, response, options, room)
      .then(({ reply, leavesBody, event }) => {
        if (!leavesBody && isJoined(reply, event)) {
          writeHead(response, withoutNext(reply), isClosing, { isWhole: false });
          if (request.method !== 'HEAD')
            return sendPages(response, reply, (next) => options.handle(pageEvent(event, next), randomUUID()));
          response.end();
        } else if (!leavesBody) send(response, reply, isClosing);
        else if (!isClosing && lingering.take(1)) linger(response, reply, () => lingering.give(1));
        else send(response, reply, true);
        return undefined;
      })
      .catch((error: unknown) => {
        // A client that disconnects in the middle of its request gets no answer.
        if (request.complete) options.onError(error);
        // A file that is cut off must not look like a whole one.
        if (!request.complete || response.headersSent) {
          response.destroy();
          return;
        }
        send(response, bareReply(500), isClosing);
      })
      .finally(() => open.delete(work));
    open.add(work);
  };
  server.on('request', accept);
  // The client waits with its body until it is asked for it: `answer` does, if the request is admitted.
  server.on('checkContinue', accept);
  const { address, family, port: bound } = await listen(server, host, port);
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

interface Answer {
  readonly reply: HttpReply;
  /** True: the body is neither read nor discarded, because even what is thrown away takes memory for a while. */
  readonly leavesBody: boolean;
  readonly event: object;
}

/** Answers a request that is refused at once, and leaves its body unread if that is long. */
async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  { admit, handle }: HttpServerOptions,
  room: Room,
): Promise<Answer> {
  const requestId = randomUUID();
  const event = makeEvent(request, requestId);
  const declared = declaredBytes(request);
  const admission = admit(event, requestId, declared);
  const leavesBody = declared === null || declared > MAX_DISCARDED_BYTES;
  if (admission.kind === 'refused') {
    const { reply } = admission;
    // A caller that may send is answered in any case: some clients read no answer before they have sent everything.
    return { reply, leavesBody: leavesBody && reply.statusCode !== 413, event };
  }
  const { maxBodyBytes } = admission;
  if (declared !== null && declared > maxBodyBytes)
    return { reply: bareReply(413), leavesBody: false, event };
  const bytes = declared ?? maxBodyBytes;
  if (!room.take(bytes)) {
    return { reply: { ...bareReply(503), headers: { 'retry-after': '1' } }, leavesBody, event };
  }
  try {
    if (request.headers.expect !== undefined) response.writeContinue();
    const body = await readBody(request, maxBodyBytes);
    const reply = body === null ? bareReply(413) : await handle(withBody(event, body), requestId);
    return { reply, leavesBody: false, event };
  } finally {
    room.give(bytes);
  }
}

/** Sends an answer, but ends it only later: Node would then read the rest of the request, or close before the answer is read. */
function linger(response: ServerResponse, reply: HttpReply, onEnd: () => void): void {
  const timer = setTimeout(() => response.end(), LINGER_MS);
  response.on('close', () => {
    clearTimeout(timer);
    onEnd();
  });
  writeHead(response, reply, true);
  response.flushHeaders();
  response.write(reply.body);
}

function send(response: ServerResponse, reply: HttpReply, isLast: boolean): void {
  writeHead(response, reply, isLast);
  response.end(reply.body);
}

function writeHead(
  response: ServerResponse,
  { statusCode, headers, cookies, body }: HttpReply,
  isLast: boolean,
  { isWhole } = { isWhole: true },
): void {
  response.writeHead(statusCode, {
    ...headers,
    ...(cookies === undefined ? {} : { 'set-cookie': [...cookies] }),
    // The length of an answer to HEAD would be that of the answer to GET, which is not made.
    ...(response.req.method === 'HEAD' || !isWhole ? {} : { 'content-length': Buffer.byteLength(body) }),
    ...(isLast ? { connection: 'close' } : {}),
  });
}

/** `bareReply` is an answer of the gateway itself, not of the function. */
function bareReply(statusCode: 413 | 500 | 503): HttpReply {
  return { statusCode, headers: {}, isBase64Encoded: false, body: '' };
}

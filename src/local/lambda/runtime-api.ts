import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

/** One invocation as headers and payload: the answer to `next`. */
export interface RuntimeTask {
  readonly headers: Readonly<Record<string, string>>;
  readonly payload: Buffer;
}

/** The requests of one worker. `answer` returns false if the request id is not the one that the worker works on. */
export interface RuntimeCalls {
  next(deliver: (task: RuntimeTask) => void): void;
  answer(requestId: string, kind: 'response' | 'error', body: Buffer, headers: IncomingHttpHeaders): boolean;
  initError(body: Buffer, headers: IncomingHttpHeaders): void;
}

export interface RuntimeApi {
  /** Value of AWS_LAMBDA_RUNTIME_API: host:port, without a path. */
  readonly address: string;
  close(): void;
}

/** Header in which a worker sends the secret of its Runtime API. A web page cannot send it without asking first. */
export const SECRET_HEADER = 'baton-worker-secret';

/** More than a worker opens: others that fill them keep one worker from its work, and not the process from opening files. */
const MAX_CONNECTIONS = 100;

const VERSION = '/2018-06-01/runtime/';
const INVOCATION = /^invocation\/([^/]+)\/(response|error)$/;

/**
 * `startRuntimeApi` serves Lambda's Runtime API to one worker, on a loopback port of its own: the port identifies the worker.
 * With a secret it answers no request without it: a web page could take an invocation away from the worker. AWS's own runtime
 * sends none.
 * https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
 */
export async function startRuntimeApi(
  calls: RuntimeCalls,
  secret: string | null = null,
): Promise<RuntimeApi> {
  const server = createServer((request, response) => {
    const { method = '', url = '', headers } = request;
    if (secret !== null && headers[SECRET_HEADER] !== secret) {
      reply(response, 403, { errorMessage: 'not the worker of this Runtime API', errorType: 'Forbidden' });
      return;
    }
    const path = url.startsWith(VERSION) ? url.slice(VERSION.length) : '';
    if (method === 'GET' && path === 'invocation/next') {
      calls.next(({ headers: answer, payload }) => {
        response.writeHead(200, {
          ...answer,
          'Content-Type': 'application/json',
          'Content-Length': payload.length,
        });
        response.end(payload);
      });
      return;
    }
    const [, requestId, kind] = INVOCATION.exec(path) ?? [];
    const isInitError = path === 'init/error';
    if (method !== 'POST' || (requestId === undefined && !isInitError)) {
      reply(response, 404, { errorMessage: `no ${method} ${url}`, errorType: 'InvalidRequest' });
      return;
    }
    buffer(request)
      .then((body) => {
        if (requestId === undefined) {
          calls.initError(body, headers);
          reply(response, 202, { status: 'OK' });
        } else if (
          calls.answer(decodeURIComponent(requestId), kind === 'error' ? 'error' : 'response', body, headers)
        ) {
          reply(response, 202, { status: 'OK' });
        } else {
          reply(response, 400, { errorMessage: 'Invalid request ID', errorType: 'InvalidRequestID' });
        }
      })
      .catch(() => response.destroy());
  });
  // A worker may be idle or busy for any time: its connections end only with the worker.
  server.maxConnections = MAX_CONNECTIONS;
  server.requestTimeout = 0;
  server.headersTimeout = 0;
  server.keepAliveTimeout = 0;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    address: `127.0.0.1:${port}`,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

function reply(response: ServerResponse, status: number, body: Record<string, string>): void {
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
}

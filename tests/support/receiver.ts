import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';

/** A request that a webhook has received. */
export interface Received {
  readonly id: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
  /** The payload, if the signature is right; null: it is not. */
  readonly verified: { readonly type: string; readonly data: Record<string, unknown> } | null;
}

export interface Receiver {
  readonly url: string;
  readonly received: readonly Received[];
  /** What the receiver does with each request from now on; by default it answers 204. */
  answer(how: (response: ServerResponse) => void): void;
  /** Resolves when a request has arrived that is the nth. */
  waitFor(nth: number): Promise<Received>;
  close(): Promise<void>;
}

/** Starts a webhook on loopback that verifies signatures with this key. */
export async function startReceiver(secret: string): Promise<Receiver> {
  const received: Received[] = [];
  let how = (response: ServerResponse): void => void response.writeHead(204).end();
  let arrived = Promise.withResolvers<void>();
  const take = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = Buffer.concat(await request.toArray()).toString();
    const { headers, url: path = '' } = request;
    received.push({
      id: String(headers['webhook-id']),
      path,
      headers,
      body,
      verified: verify(body, headers),
    });
    arrived.resolve();
    arrived = Promise.withResolvers<void>();
    how(response);
  };
  const server = createServer((request, response) => {
    take(request, response).catch(() => response.destroy());
  });
  const verify = (body: string, headers: Received['headers']): Received['verified'] => {
    try {
      return new Webhook(secret).verify(body, headers as Record<string, string>) as Received['verified'];
    } catch {
      return null;
    }
  };
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook?key=k3y`,
    received,
    answer: (next) => (how = next),
    async waitFor(nth) {
      for (;;) {
        const found = received[nth - 1];
        if (found) return found;
        await arrived.promise;
      }
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

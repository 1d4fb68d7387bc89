import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** A TCP line whose faults a test makes. */
export interface Proxy {
  readonly port: number;
  /** Connections that were ever made through it. */
  count(): number;
  /** Ends every connection with an error. */
  reset(): void;
  /** Ends every connection as the server would at its leisure. */
  finish(): void;
  /** Lets nothing through any more, and says nothing: as a gateway that has forgotten the connection. */
  swallow(): void;
  close(): Promise<void>;
}

export async function startProxy(target: number): Promise<Proxy> {
  const pairs: [Socket, Socket][] = [];
  const listener = createServer((client) => {
    const server = connect(target, '127.0.0.1');
    pairs.push([client, server]);
    for (const socket of [client, server]) socket.on('error', () => {});
    client.pipe(server).pipe(client);
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const address = listener.address();
  const each = (act: (client: Socket, server: Socket) => void): void =>
    pairs.forEach(([client, server]) => act(client, server));
  return {
    port: typeof address === 'object' && address ? address.port : 0,
    count: () => pairs.length,
    reset: () => each((client, server) => [client, server].forEach((socket) => socket.resetAndDestroy())),
    finish: () =>
      each((client, server) => {
        server.unpipe(client);
        client.end();
      }),
    swallow: () => each((client, server) => [client, server].forEach((socket) => socket.unpipe().pause())),
    async close() {
      each((client, server) => [client, server].forEach((socket) => socket.destroy()));
      listener.close();
      await once(listener, 'close');
    },
  };
}

import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** A TCP proxy whose faults a test decides. */
export interface Proxy {
  readonly port: number;
  /** Number of connections so far, closed ones included. */
  count(): number;
  /** Ends every connection with an error. */
  reset(): void;
  /** Ends every connection with a FIN, as a server closes an idle one. */
  finish(): void;
  /** Drops all data without closing, like a gateway that has lost its state of the connections. */
  swallow(): void;
  /** Keeps back what the server sends, until it is released. */
  hold(): void;
  release(): void;
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
    hold: () => each((client, server) => server.unpipe(client).pause()),
    release: () => each((client, server) => server.pipe(client)),
    async close() {
      each((client, server) => [client, server].forEach((socket) => socket.destroy()));
      listener.close();
      await once(listener, 'close');
    },
  };
}

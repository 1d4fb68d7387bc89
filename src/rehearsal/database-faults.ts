import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** A TCP proxy to a MySQL server whose connections can be cut. */
export interface FaultyLine {
  readonly url: string;
  /** Cuts a connection in the middle of a statement; false if no statement is being executed. */
  cut(): boolean;
  close(): Promise<void>;
}

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
  /** True from the client's request to the server's answer. */
  isWaiting: boolean;
}

export async function openFaultyLine(url: string): Promise<FaultyLine> {
  const target = new URL(url);
  const pairs = new Set<Pair>();
  const listener = createServer((client) => {
    const server = connect(Number(target.port || 3306), target.hostname);
    const pair: Pair = { client, server, isWaiting: false };
    pairs.add(pair);
    const end = (): void => {
      pairs.delete(pair);
      client.destroy();
      server.destroy();
    };
    for (const socket of [client, server]) socket.on('error', end).on('close', end);
    client.on('data', () => (pair.isWaiting = true));
    server.on('data', () => (pair.isWaiting = false));
    client.pipe(server).pipe(client);
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const address = listener.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  return {
    url: Object.assign(new URL(url), { hostname: '127.0.0.1', port: String(port) }).href,
    cut() {
      const pair = [...pairs].find(({ isWaiting }) => isWaiting);
      pair?.client.destroy();
      return pair !== undefined;
    },
    async close() {
      for (const { client } of pairs) client.destroy();
      listener.close();
      await once(listener, 'close');
    },
  };
}

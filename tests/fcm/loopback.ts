import { once } from 'node:events';
import http2, { type ServerHttp2Stream } from 'node:http2';
import { createServer, type Server } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';

/** An FCM that a test answers for. */
export interface TestServer {
  readonly endpoint: string;
  readonly port: number;
  /** Number of connections that clients ever opened. */
  connections(): number;
  /** While false, new connections are closed at once. */
  isOpen: boolean;
  close(): void;
}

/** A server that holds the messages until the test answers them. */
export interface HoldingServer extends TestServer {
  /** The streams that wait for an answer. */
  readonly held: ServerHttp2Stream[];
  /** The targets of all messages, in the order of their arrival. */
  readonly targets: string[];
  /** Accepts every message that is held. */
  answer(): void;
  /** While false, messages are accepted at once. */
  isHolding: boolean;
}

/** Starts an HTTP/2 server that hands every stream to `take`, with its number from 0 on. */
export async function startServer(
  take: (stream: ServerHttp2Stream, nth: number) => void,
  maxStreams = 100,
): Promise<TestServer> {
  let streams = 0;
  let connections = 0;
  const http = http2.createServer({ settings: { maxConcurrentStreams: maxStreams } });
  http.on('session', (session) => session.on('error', () => {}));
  http.on('stream', (stream) => {
    stream.on('error', () => {});
    take(stream, streams++);
  });
  const listener = createServer((socket) => {
    connections++;
    socket.on('error', () => {});
    if (server.isOpen) http.emit('connection', socket);
    else socket.destroy();
  });
  const port = await listen(listener);
  const server: TestServer = {
    endpoint: `http://127.0.0.1:${port}`,
    port,
    connections: () => connections,
    isOpen: true,
    close: () => listener.close(),
  };
  return server;
}

export async function startHoldingServer(maxStreams?: number): Promise<HoldingServer> {
  const held: ServerHttp2Stream[] = [];
  const targets: string[] = [];
  const server = await startServer((stream) => {
    let text = '';
    stream.setEncoding('utf8');
    stream.on('data', (part: string) => (text += part));
    stream.on('end', () => {
      const { message } = JSON.parse(text) as { message: { token: string } };
      targets.push(message.token);
      if (holding.isHolding) held.push(stream);
      else accept(stream);
    });
  }, maxStreams);
  const holding: HoldingServer = Object.assign(server, {
    held,
    targets,
    answer: () => held.splice(0).forEach(accept),
    isHolding: true,
  });
  return holding;
}

/** Answers that FCM has accepted the message, unless the client has given it up. */
export function accept(stream: ServerHttp2Stream): void {
  if (stream.destroyed || stream.closed) return;
  stream.respond({ ':status': 200 });
  stream.end('{"name": "projects/p/messages/1"}');
}

/** Listens on a free port of 127.0.0.1; resolves to the port. */
export async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return typeof address === 'object' && address ? address.port : 0;
}

/** Lets the event loop turn until the condition holds. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await turn();
}

/** Lets the event loop turn often enough for data on loopback to arrive and to be handled. */
export async function settle(): Promise<void> {
  for (let turns = 0; turns < 20; turns++) await turn();
}

import { createServer, type Socket } from 'node:net';
import { listen } from '../loopback.ts';

/** The frames of HTTP/2 that the tests write or read. RFC 9113, section 6. */
export const FRAME = { data: 0, headers: 1, settings: 4, ping: 6 } as const;

const PREFACE_BYTES = 24;
const END_STREAM = 1;
const ACK = 1;
const END_HEADERS = 4;

export interface RawServer {
  readonly endpoint: string;
  close(): void;
}

/** Starts a server that understands just so much of HTTP/2 that `reply` can answer each stream with bytes of its choice. */
export async function startRawServer(reply: (socket: Socket, streamId: number) => void): Promise<RawServer> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    let unread: Buffer = Buffer.alloc(0);
    let skip = PREFACE_BYTES;
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    socket.write(frame(FRAME.settings, 0, 0));
    socket.on('data', (part: Buffer) => {
      unread = Buffer.concat([unread, part]);
      while (unread.length >= skip + 9) {
        const length = unread.readUIntBE(skip, 3);
        if (unread.length < skip + 9 + length) return;
        const type = unread[skip + 3];
        const flags = unread[skip + 4] ?? 0;
        const streamId = unread.readUInt32BE(skip + 5);
        const payload = unread.subarray(skip + 9, skip + 9 + length);
        unread = unread.subarray(skip + 9 + length);
        skip = 0;
        if (type === FRAME.settings && (flags & ACK) === 0) socket.write(frame(FRAME.settings, ACK, 0));
        if (type === FRAME.ping && (flags & ACK) === 0) socket.write(frame(FRAME.ping, ACK, 0, payload));
        const isRequest = type === FRAME.data || type === FRAME.headers;
        if (isRequest && (flags & END_STREAM) !== 0) reply(socket, streamId);
      }
    });
  });
  const port = await listen(server);
  return {
    endpoint: `http://127.0.0.1:${port}`,
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

export function frame(
  type: number,
  flags: number,
  streamId: number,
  payload: Buffer = Buffer.alloc(0),
): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(streamId, 5);
  return Buffer.concat([head, payload]);
}

/** A HEADERS frame with these names and values, whatever they are: literals without index, RFC 7541, section 6.2.2. */
export function headersFrame(streamId: number, fields: readonly (readonly [string, string])[]): Buffer {
  const literals = fields.flatMap((field) => [Buffer.from([0]), ...field.map(literal)]);
  return frame(FRAME.headers, END_HEADERS, streamId, Buffer.concat(literals));
}

/** The body in DATA frames of at most `size` bytes; the last one ends the stream. */
export function dataFrames(streamId: number, body: Buffer, size: number): Buffer {
  const frames: Buffer[] = [];
  for (let first = 0; first < body.length; first += size) {
    frames.push(frame(FRAME.data, 0, streamId, body.subarray(first, first + size)));
  }
  return Buffer.concat([...frames, frame(FRAME.data, END_STREAM, streamId)]);
}

function literal(text: string): Buffer {
  const bytes = Buffer.from(text);
  if (bytes.length < 127) return Buffer.concat([Buffer.from([bytes.length]), bytes]);
  const length = [127];
  let rest = bytes.length - 127;
  for (; rest >= 128; rest = Math.floor(rest / 128)) length.push((rest % 128) + 128);
  return Buffer.concat([Buffer.from([...length, rest]), bytes]);
}

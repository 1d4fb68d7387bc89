import { execFileSync } from 'node:child_process';
import { connect } from 'node:net';

const PART = Buffer.alloc(256 * 1024, 'x');

/** The memory of a process in MB. */
export function rssMb(pid = 0): number {
  return Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)]).toString()) / 1024;
}

export interface OpenPost {
  /** The first line of the answer; empty: the connection was closed without one. */
  readonly line: string;
  /** Closes the connection; resolves once it is closed. */
  end(): Promise<void>;
  /** Resolves once the server has closed the connection. */
  readonly closed: Promise<void>;
}

export interface PostOptions {
  /** Bytes that the head declares. */
  readonly declared: number;
  /** Bytes of the body that are sent; absent: all. */
  readonly bytes?: number;
  /** True: the client sends its body only after the answer, and in spite of it. */
  readonly isPatient?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * Begins a POST and sends of its body as much as the server takes, whatever the server answers. Resolves with the answer, or
 * once `bytes` are sent.
 */
export async function openPost(
  port: number,
  path: string,
  { declared, bytes = declared, isPatient = false, headers = {} }: PostOptions,
): Promise<OpenPost> {
  const socket = connect(port, '127.0.0.1');
  const closed = new Promise<void>((resolve) => void socket.on('close', () => resolve()));
  // The server may close while this client is sending.
  socket.on('error', () => {});
  const answered = new Promise<string>((resolve) => {
    socket.once('data', (data: Buffer) => resolve(data.toString().split('\r\n')[0] ?? ''));
    socket.once('close', () => resolve(''));
  });
  const head = { host: `127.0.0.1:${port}`, 'content-type': 'application/json', ...headers };
  socket.write(
    [
      `POST ${path} HTTP/1.1`,
      ...Object.entries(head).map(([name, value]) => `${name}: ${value}`),
      `content-length: ${declared}`,
      '\r\n',
    ].join('\r\n'),
  );
  const sending = (async () => {
    if (isPatient) await answered;
    for (let left = bytes; left > 0 && socket.writable; left -= PART.length) {
      if (socket.write(PART.subarray(0, left))) continue;
      await Promise.race([new Promise((resolve) => socket.once('drain', resolve)), closed]);
    }
  })();
  const line = await Promise.race([answered, sending.then(() => (bytes < declared ? '' : answered))]);
  if (isPatient) await sending;
  return {
    line,
    closed,
    end() {
      socket.destroy();
      return closed;
    },
  };
}

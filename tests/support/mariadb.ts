import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { createConnection } from 'mysql2/promise';

const SERVER = ['/usr/sbin/mariadbd', '/usr/local/sbin/mariadbd'].find((path) => existsSync(path));
const START_MS = 60_000;

export interface MariaDb {
  /** The server's address, without a database. */
  readonly url: string;
  /** Ends the server with kill -9. */
  kill(): Promise<void>;
  /** Starts the server again after `kill`, with the same data and at the same address. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts a MariaDB server on a free port, in a new folder; null where MariaDB is not installed. */
export async function startMariaDb(options: readonly string[] = []): Promise<MariaDb | null> {
  if (SERVER === undefined) return null;
  const file = SERVER;
  const folder = await mkdtemp(join(tmpdir(), 'baton-mariadb-'));
  await chmod(folder, 0o755);
  const data = join(folder, 'data');
  const asRoot = process.getuid?.() === 0 ? ['--user=root'] : [];
  // Servers that share a folder for temporary tables may take each other's.
  const env = { ...process.env, TMPDIR: folder };
  await promisify(execFile)(
    'mariadb-install-db',
    [
      '--no-defaults',
      `--datadir=${data}`,
      '--auth-root-authentication-method=normal',
      '--skip-test-db',
      ...asRoot,
    ],
    { env },
  );
  const port = await freePort();
  const url = `mysql://root@127.0.0.1:${port}`;
  let server: ChildProcess | undefined;
  const kill = async (): Promise<void> => {
    if (server === undefined || server.exitCode !== null) return;
    const ended = once(server, 'exit');
    server.kill('SIGKILL');
    await ended;
    server = undefined;
  };
  const stop = async (): Promise<void> => {
    await kill();
    await rm(folder, { recursive: true, force: true });
  };
  const start = async (): Promise<void> => {
    const started = spawn(
      file,
      [
        '--no-defaults',
        `--datadir=${data}`,
        `--socket=${join(folder, 'socket')}`,
        `--pid-file=${join(folder, 'pid')}`,
        `--port=${port}`,
        '--bind-address=127.0.0.1',
        '--skip-name-resolve',
        '--innodb-flush-log-at-trx-commit=0',
        '--innodb-buffer-pool-size=256M',
        ...asRoot,
        ...options,
      ],
      { stdio: ['ignore', 'ignore', 'pipe'], env },
    );
    server = started;
    let log = '';
    started.stderr.on('data', (text) => (log += String(text)));
    try {
      await answers(url, () => started.exitCode !== null);
    } catch (error) {
      await stop();
      throw new Error(`mariadbd did not start:\n${log}`, { cause: error });
    }
  };
  await start();
  return { url, kill, start, stop };
}

async function answers(url: string, hasEnded: () => boolean): Promise<void> {
  for (const startedAt = performance.now(); ; await sleep(50)) {
    try {
      const connection = await createConnection(url);
      await connection.end();
      return;
    } catch (error) {
      if (hasEnded() || performance.now() - startedAt > START_MS) throw error;
    }
  }
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}

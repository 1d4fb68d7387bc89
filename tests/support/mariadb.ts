import { execFile, spawn } from 'node:child_process';
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
  stop(): Promise<void>;
}

/** Starts a MariaDB server on a free port, in a new folder; null where MariaDB is not installed. */
export async function startMariaDb(options: readonly string[] = []): Promise<MariaDb | null> {
  if (SERVER === undefined) return null;
  const folder = await mkdtemp(join(tmpdir(), 'baton-mariadb-'));
  await chmod(folder, 0o755);
  const data = join(folder, 'data');
  const asRoot = process.getuid?.() === 0 ? ['--user=root'] : [];
  // Servers in different containers can have the same process id, and so the same names of temporary tables.
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
  const server = spawn(
    SERVER,
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
    { env, stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let log = '';
  server.stderr.on('data', (text) => (log += String(text)));
  const url = `mysql://root@127.0.0.1:${port}`;
  const stop = async (): Promise<void> => {
    if (server.exitCode === null) {
      const ended = new Promise((resolve) => server.once('exit', resolve));
      server.kill('SIGKILL');
      await ended;
    }
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await answers(url, () => server.exitCode !== null);
    return { url, stop };
  } catch (error) {
    await stop();
    throw new Error(`mariadbd did not start:\n${log}`, { cause: error });
  }
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

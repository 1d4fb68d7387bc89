import type { DatabaseConfig, DatabaseTls } from '../config/config.ts';
import type { Clock } from '../context.ts';
import { readFileSync } from 'node:fs';
import { createPool, type Pool, type PoolConnection } from 'mysql2/promise';
import { codeOf, PushError } from '../errors.ts';
import { countCharacters, showName } from '../show.ts';
import { databaseError } from './error-text.ts';

/** A hop runs one statement at a time; the second connection is for another caller in the process, such as a progress bar. */
const CONNECTIONS = 2;
const CONNECT_TIMEOUT_MS = 10_000;

/** A connection that was idle for longer is checked before use: its container may have been frozen in the meantime. */
const MAX_TRUSTED_IDLE_MS = 1000;
const PING_TIMEOUT_MS = 2000;

/**
 * Codes of errors after which the same work is tried again. On a deadlock or a lock wait time-out, MySQL has undone the
 * statement. When a connection is lost in mid-statement, it is not known whether the statement ran; every statement of the
 * store may run twice.
 */
const TRANSIENT: readonly unknown[] = [
  'ER_LOCK_DEADLOCK',
  'ER_LOCK_WAIT_TIMEOUT',
  'PROTOCOL_CONNECTION_LOST',
  'ECONNRESET',
  'EPIPE',
];
/** About 3 s in all: long enough for a server that restarts a connection, well within a lease. */
const MAX_TRIES = 8;
const MAX_WAIT_MS = 1000;

export type MysqlConfig = Extract<DatabaseConfig, { kind: 'mysql' }>;

export interface MysqlPool {
  /** Runs the work on a connection that answers; runs it again after a transient error. */
  use<T>(work: (connection: PoolConnection) => Promise<T>): Promise<T>;
  /** Runs the work once, on a connection that is closed afterwards. */
  useOnce<T>(work: (connection: PoolConnection) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** Connects at the first statement. */
export function makeMysqlPool(
  { url, tls, connections = CONNECTIONS }: MysqlConfig,
  clock: Clock,
  connectTimeoutMs = CONNECT_TIMEOUT_MS,
): MysqlPool {
  const pool = createPool({
    uri: url,
    connectionLimit: connections,
    connectTimeout: connectTimeoutMs,
    // Numbers beyond 2^53 arrive as text, which `readWhole` refuses, and not rounded.
    supportBigNumbers: true,
    timezone: 'Z',
    charset: 'utf8mb4_unicode_ci',
    multipleStatements: false,
    trace: false,
    ...tlsOptions(tls),
  });
  const usedAt = new WeakMap<object, number>();

  async function connect(): Promise<PoolConnection> {
    for (;;) {
      const connection = await getConnection(pool, url);
      const lastUse = usedAt.get(connection.connection);
      if (lastUse === undefined) return prepare(connection);
      if (clock.now() - lastUse < MAX_TRUSTED_IDLE_MS || (await answers(connection, clock)))
        return connection;
      connection.destroy();
    }
  }

  return {
    async use(work) {
      for (let tries = 1; ; tries++) {
        let connection: PoolConnection | undefined;
        try {
          connection = await connect();
          const result = await work(connection);
          usedAt.set(connection.connection, clock.now());
          connection.release();
          return result;
        } catch (error) {
          // The connection's state is not known, least of all in mid-transaction; a new one costs milliseconds.
          connection?.destroy();
          if (!TRANSIENT.includes(codeOf(error)) || tries === MAX_TRIES)
            throw databaseError('database', error);
          await clock.sleep(Math.min(MAX_WAIT_MS, 10 * 2 ** tries) * (1 + Math.random() / 2));
        }
      }
    },
    async useOnce(work) {
      const connection = await connect();
      try {
        return await work(connection);
      } finally {
        connection.destroy();
      }
    },
    close: () => pool.end(),
  };
}

/** Under MySQL's default isolation, upserts of neighbouring pages lock the gaps between them, and deadlock. */
async function prepare(connection: PoolConnection): Promise<PoolConnection> {
  try {
    await connection.query('SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED');
    return connection;
  } catch (error) {
    connection.destroy();
    throw error;
  }
}

async function getConnection(pool: Pool, url: string): Promise<PoolConnection> {
  try {
    return await pool.getConnection();
  } catch (cause) {
    throw databaseError(`DATABASE_URL: no connection to ${describeServer(url)}`, cause);
  }
}

async function answers(connection: PoolConnection, clock: Clock): Promise<boolean> {
  const ping = connection.ping().then(
    () => true,
    () => false,
  );
  const timeout = clock.timeout(PING_TIMEOUT_MS);
  const silence = new Promise<false>((resolve) => {
    timeout.addEventListener('abort', () => resolve(false), { once: true });
  });
  return Promise.race([ping, silence]);
}

/** `ssl` for mysql2. By default it checks the certificate's chain, but not its name: `verifyIdentity` does that. */
function tlsOptions(tls: DatabaseTls): { ssl?: string | { ca?: string; verifyIdentity: boolean } } {
  switch (tls.kind) {
    case 'off':
      return {};
    case 'rds':
      return { ssl: 'Amazon RDS' };
    case 'verify':
      return {
        ssl: { verifyIdentity: true, ...(tls.ca === null ? {} : { ca: readAuthorities(tls.ca) }) },
      };
  }
}

/** The host and the database of an address. Its user may be a password in a wrong place, and so may an odd name be. */
export function describeServer(url: string): string {
  const { hostname, port, pathname } = new URL(url);
  const name = pathname.slice(1);
  return `${hostname}:${port || '3306'}, database ${name === '' ? '(none)' : showName(name)}`;
}

function readAuthorities(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    const expected = 'off, rds, verify, or the path of a PEM file';
    const got = `${countCharacters(path)} that are the path of no readable file (${codeOf(cause) ?? 'unreadable'})`;
    throw PushError.of('BAD_CONFIG', [{ field: 'DATABASE_TLS', expected, got }], cause);
  }
}

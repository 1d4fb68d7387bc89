import { readFileSync } from 'node:fs';
import {
  type Connection,
  type ConnectionOptions,
  createConnection,
  createPool,
  type PoolConnection,
  type RowDataPacket,
} from 'mysql2/promise';
import type { DatabaseConfig, DatabaseTls } from '../config/config.ts';
import { CONNECTIONS } from '../config/variables/database.ts';
import type { Clock } from '../context.ts';
import { codeOf, PushError } from '../errors.ts';
import { countCharacters, showName } from '../show.ts';
import { isTransient } from '../transient.ts';
import { databaseError } from './error-text.ts';
import { SET_SESSION } from './mysql-session.ts';

/** A connection that was idle for longer is checked before use: its container may have been frozen in the meantime. */
const MAX_TRUSTED_IDLE_MS = 1000;
const CHECK_TIMEOUT_MS = 2000;

/** About 3 s in all: long enough for a server that restarts a connection, well within a lease. */
const MAX_TRIES = 8;
const MAX_WAIT_MS = 1000;
/** A statement that failed after a longer wait is the caller's to repeat: a lock wait time-out alone takes 50 s. */
const MAX_RETRY_MS = 10_000;

/** Errors that a wrong address has as well. */
const NEVER_REACHED: readonly unknown[] = [
  'ECONNREFUSED',
  'EAI_AGAIN',
  'ENOTFOUND',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
];

export type MysqlConfig = Extract<DatabaseConfig, { kind: 'mysql' }>;

/** How long a caller waits for a database that does not answer. */
export interface Patience {
  readonly connectTimeoutMs: number;
  readonly maxTries: number;
}

const PATIENCE: Patience = { connectTimeoutMs: 10_000, maxTries: MAX_TRIES };

export interface MysqlPool {
  /**
   * Runs the work on a connection that answers; runs it again after a transient error. When a connection is lost in
   * mid-statement, it is not known whether the statement ran; every statement of the store may run twice.
   */
  use<T>(work: (connection: PoolConnection) => Promise<T>): Promise<T>;
  /** Runs the work once, on a connection that is closed afterwards. */
  useOnce<T>(work: (connection: Connection) => Promise<T>): Promise<T>;
  /**
   * The smallest max_allowed_packet of all connections so far, in bytes: the server closes a connection that sends a longer
   * statement. Before the first connection, the smallest that is a server's default.
   */
  maxPacketBytes(): number;
  close(): Promise<void>;
}

/** No server of a version that Baton works with has a smaller default. */
const DEFAULT_PACKET_BYTES = 1_048_576;

/** Connects at the first statement. */
export function makeMysqlPool(
  { url, tls, connections = CONNECTIONS }: MysqlConfig,
  clock: Clock,
  { connectTimeoutMs, maxTries }: Patience = PATIENCE,
): MysqlPool {
  const options: ConnectionOptions = {
    // Without its query, which mysql2 would take for options of the connection.
    uri: Object.assign(new URL(url), { search: '' }).href,
    connectTimeout: connectTimeoutMs,
    // Numbers beyond 2^53 arrive as text, which `readWhole` refuses, and not rounded.
    supportBigNumbers: true,
    timezone: 'Z',
    charset: 'utf8mb4_unicode_ci',
    multipleStatements: false,
    // Statements have their values in their text. By default mysql2 would search each of them for placeholders.
    queryFormat: (text) => text,
    trace: false,
    ...tlsOptions(tls),
  };
  // A reset would undo the settings of the session.
  const pool = createPool({ ...options, connectionLimit: connections, resetOnRelease: false });
  const usedAt = new WeakMap<object, number>();
  let hasConnected = false;
  let packetBytes: number | null = null;

  /** Sets the session, and reads the server's limit. */
  async function setUp(connection: Connection): Promise<void> {
    await connection.query(SET_SESSION);
    const [[row]] = await connection.query<RowDataPacket[]>(
      'SELECT @@SESSION.max_allowed_packet AS max_allowed_packet',
    );
    const bytes = Number(row?.['max_allowed_packet'] ?? DEFAULT_PACKET_BYTES);
    packetBytes = Math.min(packetBytes ?? bytes, bytes);
  }

  async function prepare<C extends Connection>(connection: C): Promise<C> {
    try {
      await setUp(connection);
      return connection;
    } catch (error) {
      connection.destroy();
      throw error;
    }
  }

  /** Instead of a ping, the session is set up again: behind a proxy, another connection to the server may have taken its place. */
  async function answers(connection: PoolConnection): Promise<boolean> {
    const check = setUp(connection).then(
      () => true,
      () => false,
    );
    const timeout = clock.timeout(CHECK_TIMEOUT_MS);
    const silence = new Promise<false>((resolve) => {
      timeout.addEventListener('abort', () => resolve(false), { once: true });
    });
    return Promise.race([check, silence]);
  }

  async function connect(): Promise<PoolConnection> {
    for (;;) {
      const connection = await connecting(url, pool.getConnection());
      hasConnected = true;
      const lastUse = usedAt.get(connection.connection);
      if (lastUse === undefined) return prepare(connection);
      if (clock.now() - lastUse < MAX_TRUSTED_IDLE_MS || (await answers(connection))) return connection;
      connection.destroy();
    }
  }

  /** A database that never answered is not waited for: its address may be wrong. */
  function isWorthRetrying(error: unknown): boolean {
    return isTransient(error) && (hasConnected || !NEVER_REACHED.includes(codeOf(error)));
  }

  return {
    async use(work) {
      const startedAt = clock.now();
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
          if (!isWorthRetrying(error) || tries >= maxTries || clock.now() - startedAt > MAX_RETRY_MS) {
            throw databaseError('database', error);
          }
          await clock.sleep(Math.min(MAX_WAIT_MS, 10 * 2 ** tries) * (1 + Math.random() / 2));
        }
      }
    },
    async useOnce(work) {
      // Not of the pool, so that the work may use the pool's only connection.
      const connection = await connecting(url, createConnection(options));
      try {
        return await work(await prepare(connection));
      } finally {
        connection.destroy();
      }
    },
    maxPacketBytes: () => packetBytes ?? DEFAULT_PACKET_BYTES,
    close: () => pool.end(),
  };
}

async function connecting<C>(url: string, connection: Promise<C>): Promise<C> {
  try {
    return await connection;
  } catch (cause) {
    throw databaseError(`DATABASE_URL: no connection to ${describeServer(url)}`, cause);
  }
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

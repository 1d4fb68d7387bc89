import type { DatabaseConfig, DatabaseTls } from '../config/config.ts';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  createPool,
  type Pool,
  type PoolConnection,
  type ResultSetHeader,
  type RowDataPacket,
} from 'mysql2/promise';
import { codeOf, messageOf, PushError } from '../errors.ts';
import type { Dialect, Driver, Row } from './driver.ts';

/** A hop asks one thing at a time; the second connection is for whoever looks on. */
const CONNECTIONS = 2;

/** A container may have been frozen since: a connection that was idle for longer is asked before it is trusted. */
const TRUSTED_IDLE_MS = 1000;
const PING_TIMEOUT_MS = 2000;
const CONNECT_TIMEOUT_MS = 10_000;

/**
 * Deadlock and lock wait time-out: MySQL has undone the statement and says to try again. A connection lost in
 * mid-statement: nobody knows whether it was done, and every statement of the store may be done twice.
 */
const TRY_AGAIN: readonly unknown[] = [
  'ER_LOCK_DEADLOCK',
  'ER_LOCK_WAIT_TIMEOUT',
  'PROTOCOL_CONNECTION_LOST',
  'ECONNRESET',
  'EPIPE',
];
/** Some 3 s in all: long enough for a server that restarts a connection, well within a lease. */
const MAX_TRIES = 8;
const MAX_WAIT_MS = 1000;

const MIGRATION_WAIT_S = 60;

const DIALECT: Dialect = {
  name: 'mysql',
  now: 'UTC_TIMESTAMP(3)',
  nowPlusMs: 'UTC_TIMESTAMP(3) + INTERVAL ? * 1000 MICROSECOND',
  msUntil: (time) => `TIMESTAMPDIFF(MICROSECOND, UTC_TIMESTAMP(3), ${time}) DIV 1000`,
  later: (one, two) => `GREATEST(${one}, ${two})`,
  plusMs: (time) => `${time} + INTERVAL ? * 1000 MICROSECOND`,
  plusSeconds: (time, seconds) => `TIMESTAMPADD(SECOND, ${seconds}, ${time})`,
  epochMs: (time) => `TIMESTAMPDIFF(MICROSECOND, '1970-01-01', ${time}) DIV 1000`,
  atMs: "TIMESTAMPADD(MICROSECOND, ? * 1000, '1970-01-01')",
  insertIgnore: 'INSERT IGNORE',
  onConflict: () => 'ON DUPLICATE KEY UPDATE',
  // Not the newer `AS new`, which MariaDB does not know.
  incoming: (column) => `VALUES(${column})`,
};

export type MysqlConfig = Extract<DatabaseConfig, { kind: 'mysql' }>;

/** MySQL 8 and MariaDB 10.6 or later. Connects at the first statement. */
export function openMysql(
  { url, tls, connections = CONNECTIONS }: MysqlConfig,
  connectTimeoutMs = CONNECT_TIMEOUT_MS,
): Driver {
  const pool = createPool({
    uri: url,
    connectionLimit: connections,
    connectTimeout: connectTimeoutMs,
    // Ids beyond 2^53 come as text, which the rows refuse, and not as another number.
    supportBigNumbers: true,
    timezone: 'Z',
    charset: 'utf8mb4_unicode_ci',
    multipleStatements: false,
    trace: false,
    ...tlsOptions(tls),
  });
  const usedAt = new WeakMap<object, number>();

  /** A connection that answers. */
  async function connect(): Promise<PoolConnection> {
    for (;;) {
      const connection = await getConnection(pool, url);
      const last = usedAt.get(connection.connection);
      if (last === undefined) return begin(connection);
      if (performance.now() - last < TRUSTED_IDLE_MS || (await answers(connection))) return connection;
      connection.destroy();
    }
  }

  async function using<T>(work: (connection: PoolConnection) => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries++) {
      let connection: PoolConnection | undefined;
      try {
        connection = await connect();
        const result = await work(connection);
        usedAt.set(connection.connection, performance.now());
        connection.release();
        return result;
      } catch (error) {
        // What state it is in is not known, least of all in mid-transaction; a new one costs milliseconds.
        connection?.destroy();
        if (!TRY_AGAIN.includes(codeOf(error)) || tries === MAX_TRIES) throw failed(error);
        await sleep(Math.min(MAX_WAIT_MS, 10 * 2 ** tries) * (1 + Math.random() / 2));
      }
    }
  }

  return {
    dialect: DIALECT,
    async all(sql, values) {
      return using(async (connection): Promise<Row[]> => {
        const [rows] = await connection.query<RowDataPacket[]>(sql, [...values]);
        return rows;
      });
    },
    async run(sql, values) {
      return using(async (connection) => {
        const [{ affectedRows, insertId }] = await connection.query<ResultSetHeader>(sql, [...values]);
        return { changes: affectedRows, insertId };
      });
    },
    async runTogether(first, ...rest) {
      return using(async (connection) => {
        await connection.beginTransaction();
        const [{ affectedRows }] = await connection.query<ResultSetHeader>(first.sql, [...first.values]);
        if (affectedRows > 0) {
          for (const { sql, values } of rest) await connection.query(sql, [...values]);
        }
        await connection.commit();
        return affectedRows > 0;
      });
    },
    async runScript(sql) {
      // One by one: several statements in one call would have to be allowed for every call. All on one connection: a
      // statement may use a variable that an earlier one has set.
      await using(async (connection) => {
        for (const statement of sql.split(/;\s*$/m)) {
          if (statement.trim() !== '') await connection.query(statement);
        }
      });
    },
    async hasTable(name) {
      return using(async (connection) => {
        const [rows] = await connection.query<RowDataPacket[]>(
          'SELECT 1 FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = ?',
          [name],
        );
        return rows.length > 0;
      });
    },
    async exclusively(work) {
      // DDL commits by itself in MySQL, so a transaction would hold nobody off.
      const connection = await connect();
      try {
        await connection.query("SELECT GET_LOCK(CONCAT(DATABASE(), '.push_migration'), ?)", [
          MIGRATION_WAIT_S,
        ]);
        return await work();
      } finally {
        // The lock goes with the connection.
        connection.destroy();
      }
    },
    close: () => pool.end(),
  };
}

/** Upserts of neighbouring pages lock the gaps between them under MySQL's own default, and so deadlock. */
async function begin(connection: PoolConnection): Promise<PoolConnection> {
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
    const { hostname, port, username, pathname } = new URL(url);
    throw new PushError(
      'DATABASE',
      `DATABASE_URL: no connection to ${hostname}:${port || '3306'} as ${username || 'nobody'}, ` +
        `database ${pathname.slice(1) || '(none)'}: ${codeOf(cause) ?? 'failed'}: ${messageOf(cause)}`,
      { cause },
    );
  }
}

async function answers(connection: PoolConnection): Promise<boolean> {
  const timer = Promise.withResolvers<boolean>();
  const timeout = setTimeout(() => timer.resolve(false), PING_TIMEOUT_MS);
  const ping = connection.ping().then(
    () => true,
    () => false,
  );
  try {
    return await Promise.race([ping, timer.promise]);
  } finally {
    clearTimeout(timeout);
  }
}

/** `ssl` for mysql2; it checks the certificate's chain by default, and its name only if asked. */
function tlsOptions(tls: DatabaseTls): { ssl?: string | { ca?: string; verifyIdentity: boolean } } {
  switch (tls.kind) {
    case 'off':
      return {};
    case 'rds':
      return { ssl: 'Amazon RDS' };
    case 'verify':
      return {
        ssl: { verifyIdentity: true, ...(tls.ca === null ? {} : { ca: readFileSync(tls.ca, 'utf8') }) },
      };
  }
}

function failed(error: unknown): PushError {
  if (error instanceof PushError) return error;
  return new PushError('DATABASE', `database: ${codeOf(error) ?? 'failed'}: ${messageOf(error)}`, {
    cause: error,
  });
}

import type { PoolConnection, QueryResult, ResultSetHeader, RowDataPacket } from 'mysql2/promise';
import type { Clock } from '../context.ts';
import type { Dialect, Driver, Row } from './driver.ts';
import { makeMysqlPool, type MysqlConfig } from './mysql-pool.ts';
import { sql, type Statement } from './sql.ts';

const MIGRATION_WAIT_S = 60;

const DIALECT: Dialect = {
  name: 'mysql',
  now: sql`UTC_TIMESTAMP(3)`,
  nowPlus: (ms) => sql`UTC_TIMESTAMP(3) + INTERVAL ${ms} * 1000 MICROSECOND`,
  at: (epochMs) => sql`TIMESTAMPADD(MICROSECOND, ${epochMs} * 1000, '1970-01-01')`,
  plus: (time, ms) => sql`${time} + INTERVAL ${ms} * 1000 MICROSECOND`,
  plusSeconds: (time, seconds) => sql`TIMESTAMPADD(SECOND, ${seconds}, ${time})`,
  later: (one, two) => sql`GREATEST(${one}, ${two})`,
  msUntil: (time) => sql`TIMESTAMPDIFF(MICROSECOND, UTC_TIMESTAMP(3), ${time}) DIV 1000`,
  epochMs: (time) => sql`TIMESTAMPDIFF(MICROSECOND, '1970-01-01', ${time}) DIV 1000`,
  insertIgnore: sql`INSERT IGNORE`,
  onConflict: () => sql`ON DUPLICATE KEY UPDATE`,
  // Not the newer `AS new`, which MariaDB does not have.
  incoming: (column) => sql`VALUES(${column})`,
};

/** MySQL 8, or MariaDB 10.6 or later. Connects at the first statement. `clock` is for waits and time-outs alone. */
export function openMysql(config: MysqlConfig, clock: Clock, connectTimeoutMs?: number): Driver {
  const pool = makeMysqlPool(config, clock, connectTimeoutMs);
  const fetchRows = (statement: Statement): Promise<Row[]> =>
    pool.use((connection) => query<RowDataPacket[]>(connection, statement));

  return {
    dialect: DIALECT,
    all: fetchRows,
    async run(statement) {
      return pool.use(async (connection) => {
        const { affectedRows, insertId } = await query<ResultSetHeader>(connection, statement);
        return { changes: affectedRows, insertId };
      });
    },
    async runTogether(first, ...rest) {
      return pool.use(async (connection) => {
        await connection.beginTransaction();
        const { affectedRows } = await query<ResultSetHeader>(connection, first);
        if (affectedRows > 0) for (const statement of rest) await query(connection, statement);
        await connection.commit();
        return affectedRows > 0;
      });
    },
    async runScript(script) {
      // One by one: to send several in one call would have to be allowed for every call. All on one connection, as a
      // statement may use a variable that an earlier one has set.
      await pool.use(async (connection) => {
        for (const statement of script.split(/;\s*$/m)) {
          if (statement.trim() !== '') await connection.query(statement);
        }
      });
    },
    async hasTable(name) {
      const rows = await fetchRows(
        sql`SELECT 1 FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = ${name}`,
      );
      return rows.length > 0;
    },
    async exclusively(work) {
      // A named lock, because a transaction would exclude no one: MySQL commits DDL by itself. It ends with its connection.
      return pool.useOnce(async (connection) => {
        await query(
          connection,
          sql`SELECT GET_LOCK(CONCAT(DATABASE(), '.push_migration'), ${MIGRATION_WAIT_S})`,
        );
        return work();
      });
    },
    close: () => pool.close(),
  };
}

/** By `query()`, which puts the values in on this side: `execute()` would prepare each length of a list on the server. */
async function query<T extends QueryResult>(
  connection: PoolConnection,
  { sql: text, values }: Statement,
): Promise<T> {
  const [result] = await connection.query<T>(text, [...values]);
  return result;
}

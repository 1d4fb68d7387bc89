import type { Connection, QueryResult, ResultSetHeader, RowDataPacket } from 'mysql2/promise';
import type { Clock } from '../context.ts';
import { PushError } from '../errors.ts';
import { fitTime } from './columns.ts';
import type { Dialect, Driver, Row } from './driver.ts';
import { withLiterals } from './literals.ts';
import { withoutValues } from './error-text.ts';
import { makeMysqlPool, type MysqlConfig, type Patience } from './mysql-pool.ts';
import { type Fragment, sql, type Statement } from './sql.ts';

const MIGRATION_WAIT_S = 60;

/**
 * Warnings and notes that say that a value was changed or cut; in a strict session most of them are errors, but not a cut of
 * blanks. Others, such as those about old syntax, change nothing.
 */
const CHANGES: readonly unknown[] = [1048, 1263, 1264, 1265, 1292, 1364, 1366, 1406, 1411, 1441, 1525];

const DIALECT: Dialect = {
  name: 'mysql',
  now: sql`UTC_TIMESTAMP(3)`,
  nowPlus: (ms) => sql`UTC_TIMESTAMP(3) + INTERVAL ${ms} * 1000 MICROSECOND`,
  at: (epochMs) => sql`TIMESTAMPADD(MICROSECOND, ${fitTime(epochMs)} * 1000, '1970-01-01')`,
  plus: (time, ms) => sql`${time} + INTERVAL ${ms} * 1000 MICROSECOND`,
  plusSeconds: (time, seconds) => sql`TIMESTAMPADD(SECOND, ${seconds}, ${time})`,
  later: (one, two) => sql`GREATEST(${one}, ${two})`,
  msUntil: (time) => sql`TIMESTAMPDIFF(MICROSECOND, UTC_TIMESTAMP(3), ${time}) DIV 1000`,
  epochMs: (time) => sql`TIMESTAMPDIFF(MICROSECOND, '1970-01-01', ${time}) DIV 1000`,
  keepExisting: (key) => sql`ON DUPLICATE KEY UPDATE ${key} = ${key}`,
  joinInOrder: sql`STRAIGHT_JOIN`,
  // The first condition uses the index.
  isSameText: (one, other) => sql`(${one} = ${other} AND ${bytesOf(one)} = ${bytesOf(other)})`,
  onConflict: () => sql`ON DUPLICATE KEY UPDATE`,
  // Not the newer `AS new`, which MariaDB does not have.
  incoming: (column) => sql`VALUES(${column})`,
};

/** MySQL 8, or MariaDB 10.6 or later. Connects at the first statement. `clock` is for waits and time-outs alone. */
export function openMysql(config: MysqlConfig, clock: Clock, patience?: Patience): Driver {
  const pool = makeMysqlPool(config, clock, patience);
  const fetchRows = (statement: Statement): Promise<Row[]> =>
    pool.use((connection) => query<RowDataPacket[]>(connection, statement));

  return {
    dialect: DIALECT,
    all: fetchRows,
    async run(statement) {
      return pool.use(async (connection) => {
        const { affectedRows, insertId } = await write(connection, statement);
        return { changes: affectedRows, insertId };
      });
    },
    async runTogether(first, ...rest) {
      return pool.use(async (connection) => {
        await connection.beginTransaction();
        const { affectedRows } = await write(connection, first);
        if (affectedRows > 0) for (const statement of rest) await write(connection, statement);
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
        // 64 characters are the longest name of a lock in MySQL 8.
        const [row] = await query<RowDataPacket[]>(
          connection,
          sql`SELECT GET_LOCK(LEFT(CONCAT(DATABASE(), '.push_migration'), 64), ${MIGRATION_WAIT_S}) AS is_held`,
        );
        if (row?.['is_held'] !== 1) {
          throw new PushError('DATABASE', `another process has been migrating for ${MIGRATION_WAIT_S} s`);
        }
        return work();
      });
    },
    close: () => pool.close(),
  };
}

async function query<T extends QueryResult>(connection: Connection, statement: Statement): Promise<T> {
  const [result] = await connection.query<T>(withLiterals(statement));
  return result;
}

/** In a transaction, the error undoes the change; of a single statement it only says that the database made it. */
async function write(connection: Connection, statement: Statement): Promise<ResultSetHeader> {
  const result = await query<ResultSetHeader>(connection, statement);
  if (result.warningStatus > 0) {
    const [warnings] = await connection.query<RowDataPacket[]>('SHOW WARNINGS');
    const change = warnings.find(({ Code }) => CHANGES.includes(Code));
    if (change) {
      const message = withoutValues(String(change['Message']));
      throw new PushError('DATABASE', `the database has changed a value: ${message}`);
    }
  }
  return result;
}

/** The bytes of a text, whatever the column's character set and collation are. */
function bytesOf(text: Fragment): Fragment {
  return sql`CAST(CONVERT(${text} USING utf8mb4) AS BINARY)`;
}

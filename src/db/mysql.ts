import type { Connection, QueryResult, ResultSetHeader, RowDataPacket } from 'mysql2/promise';
import type { Clock } from '../context.ts';
import { PushError } from '../errors.ts';
import { fitTime } from './columns.ts';
import type { Dialect, Driver, Row } from './driver.ts';
import { LISTED_ID_BYTES, literalBytesOf, withLiterals } from './literals.ts';
import { MAX_VERSION_DIGITS, SQL_VERSION, VERSION_PARTS } from '../model/version.ts';
import { makeMysqlPool, type MysqlConfig, type Patience } from './mysql-pool.ts';
import { makeWarningCheck } from './mysql-warnings.ts';
import { readText } from './rows.ts';
import { type Fragment, MAX_BYTES, MAX_ROWS, sql, type Statement } from './sql.ts';

const MIGRATION_WAIT_S = 60;

/** The share of max_allowed_packet that is left to the words of a statement around its rows. */
const WORDS_SHARE = 1 / 8;

const DIALECT: Omit<Dialect, 'maxBytes'> = {
  name: 'mysql',
  maxRows: MAX_ROWS,
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
  isOneOf,
  listed: (table, text, values) => ({ from: table, where: isOneOf(text, values) }),
  // A value is there twice.
  listedBytesOf: (value) => 2 * literalBytesOf(value) + LISTED_ID_BYTES,
  isOneOfIds: (id, ids) => sql`${id} IN (${ids})`,
  foldCase: (text) => sql`LOWER(${text})`,
  // A collation in so many words: that of a view's column may count case. The column itself has the same, for its index.
  isOfLocale: (column, tag) =>
    sql`(${column} = ${tag} COLLATE utf8mb4_general_ci OR ${column} LIKE ${`${tag}-%`} COLLATE utf8mb4_general_ci)`,
  versionKey: (text) => {
    const parts = Array.from(
      { length: VERSION_PARTS },
      (_, nth) =>
        sql`LPAD(SUBSTRING_INDEX(SUBSTRING_INDEX(CONCAT(${text}, ${'.0'.repeat(VERSION_PARTS)}), '.', ${nth + 1}), '.', -1), ${MAX_VERSION_DIGITS}, '0')`,
    );
    return sql`CASE WHEN ${text} REGEXP ${SQL_VERSION} THEN CONCAT(${parts}) END`;
  },
  onConflict: () => sql`ON DUPLICATE KEY UPDATE`,
  // Not the newer `AS new`, which MariaDB does not have.
  incoming: (column) => sql`VALUES(${column})`,
};

/** MySQL 8, or MariaDB 10.6 or later. Connects at the first statement. `clock` is for waits and time-outs alone. */
export function openMysql(config: MysqlConfig, clock: Clock, patience?: Patience): Driver {
  const pool = makeMysqlPool(config, clock, patience);
  const checkWarnings = makeWarningCheck();
  const maxBytes = (): number => Math.min(MAX_BYTES, Math.floor(pool.maxPacketBytes() * (1 - WORDS_SHARE)));

  async function query<T extends QueryResult>(connection: Connection, statement: Statement): Promise<T> {
    const text = withLiterals(statement);
    checkLength(text, pool.maxPacketBytes());
    const [result] = await connection.query<T>(text);
    return result;
  }

  const fetchRows = (statement: Statement): Promise<Row[]> =>
    pool.use((connection) => query<RowDataPacket[]>(connection, statement));

  /** In a transaction, the error undoes the change; of a single statement it only says that the database made it. */
  async function write(connection: Connection, statement: Statement): Promise<ResultSetHeader> {
    const result = await query<ResultSetHeader>(connection, statement);
    await checkWarnings(statement, result.warningStatus, async (text) => {
      const [rows] = await connection.query<RowDataPacket[]>(text);
      return rows;
    });
    return result;
  }

  return {
    dialect: { ...DIALECT, maxBytes },
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
    async tryOut(statement) {
      await pool.use(async (connection) => {
        await connection.beginTransaction();
        await write(connection, statement);
        await connection.rollback();
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
        sql`SELECT 1 FROM information_schema.tables
            WHERE table_schema = DATABASE() AND table_name = ${name} AND table_type = 'BASE TABLE'`,
      );
      return rows.length > 0;
    },
    async fetchColumns(table) {
      const rows = await fetchRows(
        sql`SELECT column_name AS name FROM information_schema.columns
            WHERE table_schema = DATABASE() AND table_name = ${table}`,
      );
      return new Set(rows.map((row) => readText(row, 'name').toLowerCase()));
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

/** Instead of an answer to a longer statement, the server would close the connection. The text is ASCII. */
function checkLength({ length }: string, maxPacketBytes: number): void {
  // A packet begins with one byte that says what it is.
  if (length + 1 < maxPacketBytes) return;
  const expected = `less than ${maxPacketBytes} bytes, the database's max_allowed_packet`;
  throw PushError.of('BAD_INPUT', [{ field: 'a row in a statement', expected, got: `${length}` }]);
}

/** The bytes of a text, whatever the column's character set and collation are. */
function isOneOf(text: Fragment, values: readonly string[]): Fragment {
  return sql`(${text} IN (${values}) AND ${bytesOf(text)} IN (${values}))`;
}

function bytesOf(text: Fragment): Fragment {
  return sql`CAST(CONVERT(${text} USING utf8mb4) AS BINARY)`;
}

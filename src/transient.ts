import { PushError } from './errors.ts';

/*
 * Errors of a database that pass by themselves: a failover, a restart, a lock, too many connections. Each list has the error's
 * number or code as the driver gives it.
 */

/** MySQL's and MariaDB's own errors. MariaDB has some numbers of its own that mysql2 has no name for. */
const SERVER_ERRORS: readonly unknown[] = [
  1020, // ER_CHECKREAD: another transaction has changed the row
  1021, // ER_DISK_FULL
  1040, // ER_CON_COUNT_ERROR: too many connections
  1041, // ER_OUT_OF_RESOURCES
  1042, // ER_BAD_HOST_ERROR: the server cannot look up the caller's address
  1047, // ER_UNKNOWN_COM_ERROR: a Galera node that has not joined its cluster
  1053, // ER_SERVER_SHUTDOWN
  1114, // ER_RECORD_FILE_FULL
  1152, // ER_ABORTING_CONNECTION
  1158, // ER_NET_READ_ERROR
  1159, // ER_NET_READ_INTERRUPTED
  1160, // ER_NET_ERROR_ON_WRITE
  1161, // ER_NET_WRITE_INTERRUPTED
  1180, // ER_ERROR_DURING_COMMIT
  1184, // ER_NEW_ABORTING_CONNECTION
  1203, // ER_TOO_MANY_USER_CONNECTIONS
  1205, // ER_LOCK_WAIT_TIMEOUT
  1213, // ER_LOCK_DEADLOCK
  1223, // ER_CANT_UPDATE_WITH_READLOCK
  1226, // ER_USER_LIMIT_REACHED
  1290, // ER_OPTION_PREVENTS_STATEMENT: --read-only, as a failover sets it
  1317, // ER_QUERY_INTERRUPTED
  1412, // ER_TABLE_DEF_CHANGED: a migration has altered the table in mid-transaction
  1614, // ER_XA_RBDEADLOCK
  1792, // ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION
  1836, // ER_READ_ONLY_MODE
  1927, // MariaDB's ER_CONNECTION_KILLED
  1969, // MariaDB's ER_STATEMENT_TIMEOUT
  3024, // ER_QUERY_TIMEOUT
  3100, // ER_RUN_HOOK_ERROR: group replication, when it has lost its majority
  3101, // ER_TRANSACTION_ROLLBACK_DURING_COMMIT: group replication
  3168, // ER_SERVER_ISNT_AVAILABLE
  3169, // ER_SESSION_WAS_KILLED
  3572, // ER_LOCK_NOWAIT
  4031, // ER_CLIENT_INTERACTION_TIMEOUT
  9001, // ProxySQL: no server of the group has answered in time
];

/** Errors of the network, and mysql2's errors about the connection. */
const NETWORK_ERRORS: readonly unknown[] = [
  'PROTOCOL_CONNECTION_LOST',
  'PROTOCOL_SEQUENCE_TIMEOUT',
  'PROTOCOL_PACKETS_OUT_OF_ORDER',
  'ECONNABORTED',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENETDOWN',
  'EPIPE',
  'ETIMEDOUT',
  'EAI_AGAIN',
  'ENOTFOUND',
];

/** SQLite's primary result codes: SQLITE_BUSY, SQLITE_LOCKED, SQLITE_IOERR, SQLITE_FULL. https://www.sqlite.org/rescode.html */
const SQLITE_ERRORS: readonly number[] = [5, 6, 10, 13];

/**
 * True for an error of the database that passes by itself: the same work may succeed a little later. False for an error that
 * comes again each time: a value that does not fit, a missing table, a missing privilege.
 */
export function isTransient(error: unknown): boolean {
  if (error instanceof PushError) return error.code === 'DATABASE' && isTransient(error.cause);
  if (!(error instanceof Error)) return false;
  const { code, errno, errcode } = error as { code?: unknown; errno?: unknown; errcode?: unknown };
  return (
    NETWORK_ERRORS.includes(code) ||
    SERVER_ERRORS.includes(errno) ||
    // The low byte of an extended result code is the primary one.
    (typeof errcode === 'number' && SQLITE_ERRORS.includes(errcode & 0xff))
  );
}

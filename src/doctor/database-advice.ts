import type { DatabaseConfig } from '../config/config.ts';
import { codeOf } from '../errors.ts';

export const GRANT = 'GRANT SELECT, INSERT, UPDATE, DELETE on that database to the user of DATABASE_URL';

const SET_HOST = 'correct the host in DATABASE_URL';
const OPEN_ROUTE =
  'give it a route: the function has to be in the VPC of the database, and the security group of the database has to ' +
  'accept connections from the security group of the function on its port';
const REQUIRE_TLS =
  'set DATABASE_TLS, because the server requires TLS: rds for Amazon RDS, verify, or the path of the certificate authority';
const SET_TLS = 'correct DATABASE_TLS: rds for Amazon RDS, off for a server without TLS';

/** Advice by the error code of MySQL or of the network. */
const ADVICE: Readonly<Record<string, string>> = {
  ER_ACCESS_DENIED_ERROR:
    'correct the user and the password in DATABASE_URL (%-encoded), and allow that user to connect from this address',
  ER_DBACCESS_DENIED_ERROR: GRANT,
  ER_TABLEACCESS_DENIED_ERROR: GRANT,
  ER_BAD_DB_ERROR: 'CREATE DATABASE, then run `baton migrate`',
  ER_VIEW_NO_EXPLAIN:
    'GRANT SHOW VIEW on push_device, and SELECT on the table under it; only this check needs them',
  ECONNREFUSED: 'start the server; if it runs, correct the host and the port in DATABASE_URL',
  ENOTFOUND: SET_HOST,
  EAI_AGAIN: SET_HOST,
  ETIMEDOUT: OPEN_ROUTE,
  EHOSTUNREACH: OPEN_ROUTE,
  ENETUNREACH: OPEN_ROUTE,
  ER_SECURE_TRANSPORT_REQUIRED: REQUIRE_TLS,
  ER_CON_COUNT_ERROR: 'raise max_connections of the server, or reserve less concurrency for the function',
  ER_NET_PACKET_TOO_LARGE: 'set max_allowed_packet to 16M or more (on RDS, in the parameter group)',
  ER_OPTION_PREVENTS_STATEMENT:
    'wait until the failover is over; if the server stays read-only, set DATABASE_URL to the address of the writer',
  HANDSHAKE_SSL_ERROR: SET_TLS,
  HANDSHAKE_NO_SSL_SUPPORT: SET_TLS,
};

/** What to do about an error of the database. */
export function adviseOnDatabase(error: unknown, config: DatabaseConfig): string {
  if (config.kind === 'sqlite') {
    return 'set DATABASE_URL to mysql://user:password@host:3306/database; or, for SQLite, run `baton migrate` to make the file';
  }
  const code = codeOf(error) ?? '';
  // The server does not say whether the password is wrong or TLS is missing.
  if (code === 'ER_ACCESS_DENIED_ERROR' && config.tls.kind === 'off') {
    return `${ADVICE[code]}; if the server requires TLS of that user, set DATABASE_TLS`;
  }
  return ADVICE[code] ?? 'see the error; DATABASE_URL and DATABASE_TLS define the connection';
}

import { show } from '../show.ts';
import { type Env, makeReader, type Reader, refuseProblems } from './env-reader.ts';

export type DatabaseConfig =
  | { readonly kind: 'sqlite'; readonly file: string }
  | {
      readonly kind: 'mysql';
      readonly url: string;
      readonly tls: DatabaseTls;
      readonly connections?: number;
    };

/** `rds`: the certificate authorities of Amazon RDS. `verify`: those of the system, or those of the PEM file `ca`. */
export type DatabaseTls =
  | { readonly kind: 'off' }
  | { readonly kind: 'rds' }
  | { readonly kind: 'verify'; readonly ca: string | null };

/** Schemes of addresses that people have. Any other one may be a password. */
const SCHEMES = [
  'postgres',
  'postgresql',
  'mysqlx',
  'sqlite',
  'file',
  'http',
  'https',
  'mongodb',
  'redis',
  'sqlserver',
];

/** Parses only the variables of the database, for commands that push nothing. PushError('BAD_CONFIG'). */
export function parseDatabaseConfig(env: Env): DatabaseConfig {
  const read = makeReader(env);
  const database = readDatabase(read);
  refuseProblems(read.problems);
  return database;
}

export function readDatabase(read: Reader): DatabaseConfig {
  const url = read.text('DATABASE_URL');
  if (/^(mysql|mariadb):/.test(url)) {
    if (!URL.canParse(url) || !isDecodable(url)) {
      read.complain('DATABASE_URL', 'mysql://user:password@host:3306/database', 'no URL');
    }
    const tls = parseTls(read.text('DATABASE_TLS'));
    return { kind: 'mysql', url, tls, connections: read.whole('DATABASE_CONNECTIONS', 1, 1000) };
  }
  // The value may hold a password: an address of another kind is named by its scheme alone, if that is a usual one.
  const scheme = /^([a-z][a-z0-9+.-]+):\/\//i.exec(url)?.[1];
  if (scheme)
    read.complain(
      'DATABASE_URL',
      'mysql://… or the path of an SQLite file',
      SCHEMES.includes(scheme.toLowerCase()) ? `${scheme}://…` : show(url),
    );
  return { kind: 'sqlite', file: url };
}

/** A `%` that begins no code of a character is refused here; the driver would only throw an error without words. */
function isDecodable(url: string): boolean {
  try {
    decodeURIComponent(url);
    return true;
  } catch {
    return false;
  }
}

function parseTls(text: string): DatabaseTls {
  if (text === 'off' || text === 'rds') return { kind: text };
  return { kind: 'verify', ca: text === 'verify' ? null : text };
}

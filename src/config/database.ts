import { type DatabaseTls, readTlsParameters } from './database-tls.ts';
import { VIEW_PATTERNS } from '../model/audience-views.ts';
import { type Env, makeReader, MAX_HOST_LENGTH, type Reader, refuseProblems } from './env-reader.ts';

export type { DatabaseTls } from './database-tls.ts';

export type DatabaseConfig = (
  | { readonly kind: 'sqlite'; readonly file: string }
  | {
      readonly kind: 'mysql';
      /** The address without parameters: mysql2 would take them for options of its own. */
      readonly url: string;
      readonly tls: DatabaseTls;
      readonly connections?: number;
    }
) & {
  /** Patterns of the names of tables and views that a filter may name; absent: none. */
  readonly audienceViews?: readonly string[];
};

/** The longest name of a database in MySQL, 64 characters, when each takes nine in an address. Errors show the name. */
const MAX_NAME_LENGTH = 64 * 9;

const ADDRESS = 'mysql://user:password@host:3306/database';
const ENCODED = `${ADDRESS} with its parts percent-encoded (% is %25, # is %23, / is %2F, ? is %3F)`;

/** Parses only the variables of the database, for commands that push nothing. PushError('BAD_CONFIG'). */
export function parseDatabaseConfig(env: Env): DatabaseConfig {
  const read = makeReader(env);
  const database = readDatabase(read);
  refuseProblems(read.problems);
  return database;
}

export function readDatabase(read: Reader): DatabaseConfig {
  const views = read.named('AUDIENCE_VIEWS', VIEW_PATTERNS, 'names between commas, such as push_audience_*');
  const database = readAddress(read);
  return views === null ? database : { ...database, audienceViews: views.split(/ *, */) };
}

/** The value of DATABASE_URL may hold a password in any place: no error has a part of it. */
function readAddress(read: Reader): DatabaseConfig {
  // A secret that was a file ends with a line break.
  const text = read.text('DATABASE_URL').replace(/[\r\n]+$/, '');
  const refuse = (expected: string, got: string): void => read.complain('DATABASE_URL', expected, got);
  if (/^(mysql|mariadb):\/\//i.test(text)) {
    const wrong = checkAddress(text);
    if (wrong !== null) refuse(wrong.expected, wrong.got);
    const address = URL.parse(text);
    const [url = ''] = text.split('?');
    const tls =
      address === null ? null : readTlsParameters(address, read.optional('DATABASE_TLS') !== null, refuse);
    return {
      kind: 'mysql',
      url,
      tls: tls ?? readTls(read),
      connections: read.whole('DATABASE_CONNECTIONS', 1, 1000),
    };
  }
  const wrong = checkPath(text);
  if (wrong === null) return { kind: 'sqlite', file: text };
  refuse(wrong.expected, wrong.got);
  return { kind: 'sqlite', file: '' };
}

interface Mismatch {
  readonly expected: string;
  readonly got: string;
}

/** Null: the text is the address of a database, and all its parts can be decoded. */
function checkAddress(text: string): Mismatch | null {
  const url = URL.parse(text);
  // URL drops line breaks without a word.
  if (/[\p{Cc} ]/u.test(text))
    return { expected: ADDRESS, got: url ? 'blanks or line breaks in it' : 'no URL' };
  if (url === null) return { expected: ENCODED, got: 'no URL' };
  if (url.hash !== '') return { expected: ENCODED, got: 'a # in it' };
  if (url.hostname === '') return { expected: ADDRESS, got: 'no host' };
  if (url.pathname.length < 2) return { expected: ADDRESS, got: 'no database' };
  const name = url.pathname.slice(1);
  if (/[/@]/.test(name)) return { expected: ENCODED, got: 'more behind the name of the database' };
  if (url.hostname.length > MAX_HOST_LENGTH)
    return { expected: ADDRESS, got: 'a host of too many characters' };
  if (name.length > MAX_NAME_LENGTH) return { expected: ADDRESS, got: 'a database of too many characters' };
  const parts = [url.username, url.password, name, url.hostname];
  return parts.every(canDecode) ? null : { expected: ENCODED, got: 'a % that begins no code' };
}

function canDecode(part: string): boolean {
  try {
    decodeURIComponent(part);
    return true;
  } catch {
    return false;
  }
}

/** Addresses of other kinds, by what they look like. An absolute path is none of them. */
const OTHER_KINDS: readonly (readonly [RegExp, string])[] = [
  [/^\s|\s$/, 'a blank at its beginning or end'],
  [/\p{Cc}/u, 'line breaks or other control characters in it'],
  [/^["'`]/, 'quotes around it'],
  [/^jdbc:/i, 'a JDBC address'],
  [/^[{[]/, 'JSON'],
  [/^mysqlx?:/i, 'mysql: and no // behind it'],
  [/=/, 'NAME=value'],
  [/@/, 'an address without mysql:// before it'],
  [/^[a-z][a-z0-9+.-]+:/i, 'an address of another kind'],
];

/** The schemes that an error may name: any other word before `://` may be part of a password. */
const NAMED_SCHEME = /^(postgres|postgresql|sqlite|sqlite3|mssql|sqlserver|mongodb|redis|https?|file):\/\//i;

/** Null: the text is the path of a file. */
function checkPath(text: string): Mismatch | null {
  const scheme = NAMED_SCHEME.exec(text)?.[1];
  if (scheme) return { expected: 'mysql://… or the path of an SQLite file', got: `${scheme}://…` };
  const isPath = /^(\.{0,2}[/\\](?![/\\])|[a-z]:[/\\])/i.test(text) && !/\p{Cc}|\s$/u.test(text);
  const kind = isPath ? null : OTHER_KINDS.find(([pattern]) => pattern.test(text));
  return kind ? { expected: `${ADDRESS}, or the path of an SQLite file`, got: kind[1] } : null;
}

/** Words that other programs use for TLS, which would be odd names for a file of certificates. */
const NO_FILE = /^(true|false|yes|no|on|0|1|none|disabled?|required?|preferred|prefer|verify.+|tls|ssl)$/i;

function readTls(read: Reader): DatabaseTls {
  const text = read.text('DATABASE_TLS');
  if (text === 'off' || text === 'rds') return { kind: text };
  if (NO_FILE.test(text))
    read.complain('DATABASE_TLS', 'off, rds, verify or the path of a PEM file', 'another word');
  return { kind: 'verify', ca: text === 'verify' ? null : text };
}

import { expect, test } from 'vitest';
import { parseDatabaseConfig } from '../../src/config/config.ts';

const errorOf = (url: string, more = {}): string => {
  try {
    parseDatabaseConfig({ DATABASE_URL: url, ...more });
  } catch (error) {
    return (error as Error).message;
  }
  return 'none';
};

const ADDRESS = 'mysql://user:password@host:3306/database';
const OTHER = `DATABASE_URL: expected ${ADDRESS}, or the path of an SQLite file, got`;

test.each([
  ['jdbc:mysql://baton:hunter2@127.0.0.1:3306/b1', 'a JDBC address'],
  ['baton:hunter2@tcp(127.0.0.1:3306)/b1', 'an address without mysql:// before it'],
  ['baton:hunter2@127.0.0.1/b1', 'an address without mysql:// before it'],
  ['"mysql://baton:hunter2@127.0.0.1:3306/b1"', 'quotes around it'],
  ["'mysql://baton:hunter2@127.0.0.1:3306/b1'", 'quotes around it'],
  [' mysql://baton:hunter2@127.0.0.1:3306/b1', 'a blank at its beginning or end'],
  ['{"host":"db","password":"hunter2"}', 'JSON'],
  ['hunter2\nhunter2', 'line breaks or other control characters in it'],
  [
    '-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----',
    'line breaks or other control characters in it',
  ],
  ['mysql:host=db;dbname=b1;password=hunter2', 'mysql: and no // behind it'],
  ['mysql:baton:hunter2@db/b1', 'mysql: and no // behind it'],
  ['Server=db;Pwd=hunter2;', 'NAME=value'],
  ['//baton:hunter2@db/b1', 'an address without mysql:// before it'],
  ['hunter2://db/b1', 'an address of another kind'],
  ['sqlite:hunter2.db', 'an address of another kind'],
  ['-----BEGIN PRIVATE KEY-----\nhunter2\n-----END', 'line breaks or other control characters in it'],
  ['./hunter2\u0000.db', 'line breaks or other control characters in it'],
])('%s is no address and no path: the shape is named, and nothing of it is shown', (url, got) => {
  expect(errorOf(url)).toBe(`${OTHER} ${got}`);
});

test.each([
  ['mysql://baton:p%w-hunter2@127.0.0.1:3306/b1', 'a % that begins no code'],
  ['mysql://baton:%ff-hunter2@127.0.0.1:3306/b1', 'a % that begins no code'],
  ['mysql://baton:hunter2@127.0.0.1:3306/b1%', 'a % that begins no code'],
  ['mysql://baton:hunter2#x@127.0.0.1:3306/b1', 'no URL'],
  ['mysql://baton:12#hunter2@127.0.0.1:3306/b1', 'a # in it'],
  ['mysql://baton:12/hunter2@127.0.0.1:3306/b1', 'more behind the name of the database'],
  ['mysql://baton:hunter2/x@127.0.0.1:3306/b1', 'no URL'],
])('%s: a password with a raw % or # has to be percent-encoded', (url, got) => {
  expect(errorOf(url)).toBe(
    `DATABASE_URL: expected ${ADDRESS} with its parts percent-encoded ` +
      `(% is %25, # is %23, / is %2F, ? is %3F), got ${got}`,
  );
});

test.each([
  ['mysql://baton:hun\tter2@db/b1', 'blanks or line breaks in it'],
  ['mysql://baton:hunter2@db', 'no database'],
  ['mysql://baton:hunter2@db/', 'no database'],
  ['mysql:///b1', 'no host'],
  [`mysql://${'h'.repeat(300)}/b1`, 'a host of too many characters'],
  [`mysql://db/${'n'.repeat(600)}`, 'a database of too many characters'],
])('%j is not complete', (url, got) => {
  expect(errorOf(url)).toBe(`DATABASE_URL: expected ${ADDRESS}, got ${got}`);
});

test.each([
  'mysql://baton:p%25w@db/b1',
  'mysql://baton:p@ss@db/b1',
  'mariadb://db/b1',
  'mysql://u@[::1]:3307/b1',
])('%s is an address', (url) => {
  expect(parseDatabaseConfig({ DATABASE_URL: url })).toMatchObject({ kind: 'mysql', url });
  expect(parseDatabaseConfig({ DATABASE_URL: `${url}\n` })).toMatchObject({ kind: 'mysql', url });
});

test.each([
  'baton.db',
  './a@b.db',
  '/srv/x=1/baton.db',
  '../données/baton 2.sqlite',
  'C:\\baton\\baton.db',
  ':memory:',
])('%s is the path of an SQLite file', (file) => {
  expect(parseDatabaseConfig({ DATABASE_URL: file })).toEqual({ kind: 'sqlite', file });
});

test.each([
  ['ssl-mode=DISABLED', { kind: 'off' }],
  ['sslmode=disable', { kind: 'off' }],
  ['useSSL=false', { kind: 'off' }],
  ['ssl-mode=REQUIRED', { kind: 'verify', ca: null }],
  ['ssl_mode=VERIFY_IDENTITY', { kind: 'verify', ca: null }],
  ['sslmode=verify-full', { kind: 'verify', ca: null }],
  ['tls=true', { kind: 'verify', ca: null }],
  ['ssl=1', { kind: 'verify', ca: null }],
  ['sslaccept=strict', { kind: 'verify', ca: null }],
])('?%s in an address sets TLS', (parameter, tls) => {
  expect(parseDatabaseConfig({ DATABASE_URL: `mysql://u:p@db/b1?${parameter}` })).toMatchObject({
    url: 'mysql://u:p@db/b1',
    tls,
  });
});

test("TLS to Amazon RDS uses Amazon's certificate authorities", () => {
  const url = 'mysql://u:p@shop.abc.eu-west-1.rds.amazonaws.com/b1?sslmode=require';
  expect(parseDatabaseConfig({ DATABASE_URL: url })).toMatchObject({ tls: { kind: 'rds' } });
});

test.each([
  ['ssl-mode=PREFERRED', 'another value'],
  ['tls=skip-verify', 'another value'],
  ['ssl={"rejectUnauthorized":false}', 'another value'],
  ['ssl-ca=hunter2.pem', 'another parameter'],
  ['multipleStatements=true', 'another parameter'],
  ['hunter2@db/b1', 'another parameter'],
  ['serverVersion=8.0&charset=hunter2', '2 parameters'],
  ['ssl-mode=REQUIRED&ssl-mode=DISABLED', '2 parameters'],
])('?%s in an address is refused, not ignored', (parameters, got) => {
  expect(errorOf(`mysql://u:p@db/b1?${parameters}`)).toMatch(
    new RegExp(`^DATABASE_URL: expected no parameter but one of ssl-mode, .*, got ${got}$`),
  );
});

test('TLS is set in one place', () => {
  const message = 'DATABASE_URL: expected TLS set either in the address or in DATABASE_TLS, got both';
  expect(errorOf('mysql://u:p@db/b1?ssl-mode=REQUIRED', { DATABASE_TLS: 'rds' })).toBe(message);
});

test.each(['true', 'on', 'required', 'VERIFY_IDENTITY', '1'])(
  'DATABASE_TLS=%s is no path of a PEM file',
  (value) => {
    expect(errorOf('mysql://u:p@db/b1', { DATABASE_TLS: value })).toMatch(
      /^DATABASE_TLS: expected off, rds, verify or the path of a PEM file, got /,
    );
  },
);

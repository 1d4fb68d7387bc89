import type { DatabaseConfig } from '../config/config.ts';
import type { Clock } from '../context.ts';
import type { Driver } from '../db/driver.ts';
import { fetchSchemaVersion, migrate, SCHEMA_VERSION } from '../db/migrate.ts';
import { readWhole } from '../db/rows.ts';
import { selectPage } from '../db/devices.ts';
import { sql } from '../db/sql.ts';
import { makeStore } from '../db/store.ts';
import { codeOf, messageOf } from '../errors.ts';
import { type Check, type Finding, green, red } from './check.ts';
import { judgeSkew } from './clock.ts';

/** The schedule ticks every minute: two ticks may be missed. */
const MAX_TICK_AGE_MS = 3 * 60_000;

const GRANT = 'GRANT SELECT, INSERT, UPDATE, DELETE on that database to the user of DATABASE_URL';
const SET_HOST = 'set the host in DATABASE_URL right';
const OPEN_ROUTE =
  'give it a route: the function has to be in the VPC of the database, and the security group of the database has to ' +
  'let that of the function in at its port';
const SET_TLS = 'set DATABASE_TLS right: rds for Amazon RDS, off for a server without TLS';

/** By MySQL's own code, or the network's. */
const ADVICE: Readonly<Record<string, string>> = {
  ER_ACCESS_DENIED_ERROR:
    'set the user and the password in DATABASE_URL right (%-encoded), and let that user in from this address',
  ER_DBACCESS_DENIED_ERROR: GRANT,
  ER_TABLEACCESS_DENIED_ERROR: GRANT,
  ER_BAD_DB_ERROR: 'CREATE DATABASE, then run `baton migrate`',
  ER_VIEW_NO_EXPLAIN:
    'GRANT SHOW VIEW on push_device, and SELECT on the table under it: for this check alone',
  ECONNREFUSED: 'start the server; if it runs, set the host and the port in DATABASE_URL right',
  ENOTFOUND: SET_HOST,
  EAI_AGAIN: SET_HOST,
  ETIMEDOUT: OPEN_ROUTE,
  EHOSTUNREACH: OPEN_ROUTE,
  ENETUNREACH: OPEN_ROUTE,
  HANDSHAKE_SSL_ERROR: SET_TLS,
  HANDSHAKE_NO_SSL_SUPPORT: SET_TLS,
};

/** A table's column that an UPDATE may name: nothing is ever changed. */
const TABLES: readonly (readonly [string, string])[] = [
  ['push_announcement', 'status'],
  ['push_device', 'target'],
  ['push_hop', 'owner'],
  ['push_budget', 'version'],
  ['push_turn', 'opens_at'],
  ['push_delivery', 'verdict'],
  ['push_message', 'owner'],
  ['push_tick', 'ticked_at'],
];

/** The database that the driver opens, from whether it answers to whether the schedule ticks in it. */
export function databaseChecks(
  config: DatabaseConfig,
  openDriver: () => Promise<Driver>,
  { needs, clock, fix }: { needs: readonly string[]; clock: Clock; fix: boolean },
): Check[] {
  const advise = (error: unknown): string => adviseOnDatabase(error, config);
  const check = (
    name: string,
    needed: readonly string[],
    run: (driver: Driver) => Promise<Finding>,
  ): Check => ({ name, needs: needed, advise, run: async () => run(await openDriver()) });
  return [
    check('database', needs, async (driver) => {
      await driver.all(sql`SELECT 1`);
      return green(`${describePlace(config)} answers`);
    }),
    check('database version', ['database'], checkVersion),
    check('database clock', ['database'], (driver) => checkClock(driver, clock)),
    check('migrations', ['database'], (driver) => checkMigrations(driver, fix)),
    check('page query', ['migrations'], checkPageQuery),
    check('privileges', ['migrations'], checkPrivileges),
    check('schedule', ['migrations'], checkSchedule),
  ];
}

async function checkVersion(driver: Driver): Promise<Finding> {
  if (driver.dialect.name === 'sqlite') {
    const [row] = await driver.all(sql`SELECT sqlite_version() AS version`);
    return green(`SQLite ${String(row?.['version'])}, for one machine`);
  }
  const [row] = await driver.all(sql`SELECT VERSION() AS version`);
  const version = String(row?.['version']);
  const [major = 0, minor = 0] = version.split('.').map((part) => Number.parseInt(part, 10));
  const isMariaDb = /mariadb/i.test(version);
  const isSupported = isMariaDb ? major > 10 || (major === 10 && minor >= 6) : major >= 8;
  const says = `${isMariaDb ? '' : 'MySQL '}${version}`;
  return isSupported ? green(says) : red(says, 'upgrade it to MySQL 8, MariaDB 10.6 or later');
}

async function checkClock(driver: Driver, clock: Clock): Promise<Finding> {
  const { msUntil, at } = driver.dialect;
  const askedAt = clock.now();
  const [row = {}] = await driver.all(sql`SELECT ${msUntil(at(askedAt))} AS ahead_ms`);
  return judgeSkew(readWhole(row, 'ahead_ms'), clock.now() - askedAt, "the database's (UTC)");
}

async function checkMigrations(driver: Driver, fix: boolean): Promise<Finding> {
  const version = await fetchSchemaVersion(driver);
  if (version === SCHEMA_VERSION) return green(`schema version ${version}`);
  const says = `schema: expected version ${SCHEMA_VERSION}, got ${version}`;
  if (version > SCHEMA_VERSION)
    return red(says, 'this Baton is too old for the database: deploy a newer one');
  if (!fix) return red(says, 'run `baton migrate`, or the doctor with --fix');
  const applied = await migrate(driver);
  return green(`schema version ${SCHEMA_VERSION}; applied just now: ${applied.join(', ')}`);
}

/** The very statement of a page: a view over other tables may have lost the key. */
async function checkPageQuery(driver: Driver): Promise<Finding> {
  const page = selectPage(1, null, 1);
  const remedy = 'make device_id the primary key of push_device, or of the table under that view';
  if (driver.dialect.name === 'sqlite') {
    const plan = (await driver.all(sql`EXPLAIN QUERY PLAN ${page}`)).map((row) => String(row['detail']));
    const isGood = plan.every((step) => /^SEARCH .*\(\w+>/.test(step));
    return isGood ? green(plan.join('; ')) : red(plan.join('; '), remedy);
  }
  const plan: Readonly<Record<string, unknown>>[] = await driver.all(sql`EXPLAIN ${page}`);
  const isGood = plan.every(
    ({ type, Extra }) => type === 'range' && !/filesort|temporary/.test(String(Extra)),
  );
  const says = plan.map(({ type, key, Extra }) => `${String(type)} on ${String(key)}, ${String(Extra)}`);
  return isGood ? green(says.join('; ')) : red(says.join('; '), remedy);
}

/** Asks for each right by a statement that needs it and touches no row. */
async function checkPrivileges(driver: Driver): Promise<Finding> {
  const refusals: string[] = [];
  for (const [table, column] of TABLES) {
    const probes = {
      SELECT: `SELECT ${column} FROM ${table} WHERE 1 = 0`,
      INSERT: `INSERT INTO ${table} SELECT * FROM ${table} WHERE 1 = 0`,
      UPDATE: `UPDATE ${table} SET ${column} = ${column} WHERE 1 = 0`,
      DELETE: `DELETE FROM ${table} WHERE 1 = 0`,
    };
    for (const [right, probe] of Object.entries(probes)) {
      await driver.run({ sql: probe, values: [] }).catch((error: unknown) => {
        if (!isRefusal(error)) throw error;
        refusals.push(`${right} on ${table}`);
      });
    }
  }
  if (refusals.length === 0) return green(`SELECT, INSERT, UPDATE and DELETE on ${TABLES.length} tables`);
  return red(`not allowed: ${refusals.join(', ')}`, GRANT);
}

async function checkSchedule(driver: Driver): Promise<Finding> {
  const ageMs = await makeStore(driver).fetchTickAgeMs();
  if (ageMs !== null && ageMs <= MAX_TICK_AGE_MS) {
    return green(`last tick ${Math.round(ageMs / 1000)} s ago`);
  }
  return red(
    ageMs === null ? 'it has never ticked' : `last tick ${Math.round(ageMs / 60_000)} min ago`,
    'let EventBridge invoke the function each minute (is the schedule enabled, and may it?); on a machine of your ' +
      'own, run `baton serve`, or `baton scan` by cron',
  );
}

function isRefusal(error: unknown): boolean {
  const code = codeOf(error);
  return (
    code === 'ER_TABLEACCESS_DENIED_ERROR' ||
    code === 'ER_COLUMNACCESS_DENIED_ERROR' ||
    // A view that is not updatable or insertable.
    code === 'ER_NON_UPDATABLE_TABLE' ||
    code === 'ER_NON_INSERTABLE_TABLE' ||
    // The server is a replica, or was told to take no writes.
    code === 'ER_OPTION_PREVENTS_STATEMENT' ||
    /readonly database/.test(messageOf(error))
  );
}

function adviseOnDatabase(error: unknown, { kind }: DatabaseConfig): string {
  if (kind === 'sqlite') {
    return 'set DATABASE_URL to mysql://user:password@host:3306/database; or, for SQLite, run `baton migrate` to make the file';
  }
  return ADVICE[codeOf(error) ?? ''] ?? 'see what it says; DATABASE_URL and DATABASE_TLS say how to connect';
}

/** Never the whole URL: it holds the password. */
function describePlace(config: DatabaseConfig): string {
  if (config.kind === 'sqlite') return config.file;
  const { host, pathname } = new URL(config.url);
  return `${host}${pathname}`;
}

import type { DatabaseConfig } from '../config/config.ts';
import type { Clock } from '../context.ts';
import { selectPage } from '../db/devices.ts';
import type { Driver } from '../db/driver.ts';
import { fetchSchemaVersion, migrate, SCHEMA_VERSION } from '../db/migrate.ts';
import { describeServer } from '../db/mysql-pool.ts';
import { readWhole } from '../db/rows.ts';
import { sql } from '../db/sql.ts';
import { makeStore } from '../db/store.ts';
import { MAX_TICK_AGE_MS } from '../model/tick.ts';
import { formatDuration, formatMinutes } from '../words.ts';
import { checkAudienceViews } from './audience-views.ts';
import { CANARIES_CHECK, checkCanaries } from './canaries.ts';
import { type Check, type Finding, green, red } from './check.ts';
import { checkColumns } from './columns.ts';
import { adviseOnDatabase } from './database-advice.ts';
import { checkSession } from './database-session.ts';
import { checkEngines, checkIds } from './database-tables.ts';
import { checkPrivileges } from './privileges.ts';
import { judgeSkew } from './skew.ts';
import { checkStartTimes } from './start-times.ts';
import { checkTargets } from './targets.ts';

/** Earlier versions take neither the default values of the tables (8.0.13) nor their CHECK (8.0.16). */
const FIRST_MYSQL: readonly number[] = [8, 0, 16];

export interface DatabaseCheckOptions {
  readonly needs: readonly string[];
  readonly clock: Clock;
  /** True: missing migrations are applied. */
  readonly fix: boolean;
  /** RECEIPTS, which canaries need. */
  readonly receipts: boolean;
}

/** Checks the database that the driver opens: connection, version, session, clock, tables, rows, privileges and schedule. */
export function databaseChecks(
  config: DatabaseConfig,
  openDriver: () => Promise<Driver>,
  { needs, clock, fix, receipts }: DatabaseCheckOptions,
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
    check('database session', ['database'], checkSession),
    check('database clock', ['database'], (driver) => checkClock(driver, clock)),
    check('migrations', ['database'], (driver) => checkMigrations(driver, fix)),
    check('page query', ['migrations'], checkPageQuery),
    check('engines', ['migrations'], checkEngines),
    check('ids', ['migrations'], checkIds),
    check('audience views', ['migrations'], (driver) => checkAudienceViews(driver, config.audienceViews)),
    check('columns', ['migrations'], checkColumns),
    check('targets', ['migrations'], checkTargets),
    check('start times', ['migrations'], checkStartTimes),
    check(CANARIES_CHECK, ['migrations'], (driver) => checkCanaries(driver, receipts)),
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
  const isMariaDb = /mariadb/i.test(version);
  const says = `${isMariaDb ? '' : 'MySQL '}${version}`;
  return isAtLeast(version, isMariaDb ? [10, 6, 0] : FIRST_MYSQL)
    ? green(says)
    : red(says, `upgrade to MySQL ${FIRST_MYSQL.join('.')}, or to MariaDB 10.6 or later`);
}

function isAtLeast(version: string, first: readonly number[]): boolean {
  const parts = version.split('.').map((part) => Number.parseInt(part, 10));
  const nth = first.findIndex((part, index) => parts[index] !== part);
  return nth === -1 || (parts[nth] ?? 0) > (first[nth] ?? 0);
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

/** Explains the same statement that reads a page: a view over other tables may not use a key. */
async function checkPageQuery(driver: Driver): Promise<Finding> {
  const page = selectPage(1, null, 1);
  const remedy = 'make device_id the primary key of push_device, or of the table under that view';
  if (driver.dialect.name === 'sqlite') {
    const plan = (await driver.all(sql`EXPLAIN QUERY PLAN ${page}`)).map((row) => String(row['detail']));
    const isGood = plan.every((step) => /^SEARCH .*\(\w+>/.test(step));
    return isGood ? green(plan.join('; ')) : red(plan.join('; '), remedy);
  }
  // MySQL from 9.5 on has another default format.
  const plan: Readonly<Record<string, unknown>>[] = await driver.all(
    sql`EXPLAIN FORMAT = TRADITIONAL ${page}`,
  );
  const isGood = plan.every(
    ({ type, Extra }) => type === 'range' && !/filesort|temporary/.test(String(Extra)),
  );
  const says = plan.map(({ type, key, Extra }) => `${String(type)} on ${String(key)}, ${String(Extra)}`);
  return isGood ? green(says.join('; ')) : red(says.join('; '), remedy);
}

async function checkSchedule(driver: Driver): Promise<Finding> {
  const ageMs = await makeStore(driver).fetchTickAgeMs();
  if (ageMs !== null && ageMs <= MAX_TICK_AGE_MS) {
    return green(`last tick ${formatDuration(ageMs)} ago`);
  }
  return red(
    ageMs === null ? 'the schedule has never ticked' : `last tick ${formatMinutes(ageMs)} ago`,
    'let EventBridge invoke the function each minute (is the schedule enabled, and is it allowed to?); on your own ' +
      'machine, run `baton serve`, or `baton scan` by cron',
  );
}

function describePlace(config: DatabaseConfig): string {
  return config.kind === 'sqlite' ? 'the SQLite file' : describeServer(config.url);
}

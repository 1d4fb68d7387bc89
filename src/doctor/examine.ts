import type { DatabaseConfig, Env } from '../config/config.ts';
import { existsSync } from 'node:fs';
import type { Clock } from '../context.ts';
import { fetchAnswerMs } from '../db/budgets.ts';
import type { Driver } from '../db/driver.ts';
import { openDriver } from '../db/open.ts';
import { PushError } from '../errors.ts';
import { makeSenders } from '../fcm/open.ts';
import { alertChecks } from './alerts.ts';
import { type Check, type CheckResult, type NeedsFor, runChecks, within } from './check.ts';
import { databaseChecks } from './database.ts';
import { endpointChecks } from './fcm-endpoint.ts';
import { sourceChecks } from './fcm-source.ts';
import { lambdaChecks } from './lambda.ts';
import { readSettings } from './settings.ts';

/** Milliseconds that a check may take: without a route, packets vanish and no error arrives. */
const LIMIT_MS = 5000;
/** Milliseconds for closing what was opened: a connection that hangs may also hang when it is closed. */
const CLOSE_MS = 1000;

const DATABASE_VARIABLES = ['DATABASE_URL', 'DATABASE_TLS', 'DATABASE_CONNECTIONS'];

export interface Examination {
  /** The environment before secrets are resolved. */
  readonly env: Env;
  /** Name or ARN of the function; null: the function is not checked. */
  readonly functionName: string | null;
  /** True: the doctor applies missing migrations and allows the recursive loop. */
  readonly fix: boolean;
  readonly clock: Clock;
  readonly limitMs?: number;
  /** Gets each result in the order of the checks, as soon as it is known. */
  readonly onResult?: (result: CheckResult) => void;
}

export interface DoctorReport {
  readonly kind: 'doctor';
  /** False: a check has failed; one that is amber has not. */
  readonly ok: boolean;
  readonly checks: readonly CheckResult[];
}

/**
 * Checks that everything is set up correctly. It opens each part by itself, because it is called when something is broken.
 * Throws nothing; the report has no secret.
 */
export async function examine(examination: Examination): Promise<DoctorReport> {
  const { env, functionName, fix, clock, limitMs = LIMIT_MS, onResult = () => {} } = examination;
  const { config, invalid, finding } = await readSettings(env, clock, limitMs);
  // The finding on the configuration says what is wrong with a variable.
  const needsFor: NeedsFor = (variables) =>
    invalid.some((name) => variables.includes(name)) ? ['configuration'] : [];
  const database = makeDriver(config.database, clock, { limitMs, mayCreate: fix });
  const senders = makeSenders(config, clock);
  const parts = { config, senders, clock, limitMs, needsFor };
  const lambda =
    functionName === null
      ? null
      : lambdaChecks(functionName, config, {
          limitMs,
          fix,
          needsFor,
          fetchAnswerMs: async () => fetchAnswerMs(await database.open()),
        });
  const checks: Check[] = [
    { name: 'configuration', run: async () => finding, advise: String },
    ...databaseChecks(config.database, database.open, {
      needs: needsFor(DATABASE_VARIABLES),
      clock,
      fix,
      receipts: config.receipts,
    }),
    ...alertChecks(config.alerts, database.open, { needsFor, isOnAws: functionName !== null, limitMs }),
    ...endpointChecks(config.fcm.endpoint, parts),
    ...[...config.sources].flatMap(([name, source]) => sourceChecks(parts, name, source)),
    ...(lambda?.checks ?? [{ name: 'function', run: async () => NO_FUNCTION, advise: String }]),
  ];
  const results: CheckResult[] = [];
  for (const result of runChecks(checks, clock, limitMs)) {
    results.push(await result);
    onResult(await result);
  }
  lambda?.close();
  const close = () => Promise.allSettled([database.close(), senders.close()]);
  await within(clock, CLOSE_MS, close).catch(() => {});
  return { kind: 'doctor', ok: results.every(({ ok }) => ok !== false), checks: results };
}

const NO_FUNCTION = {
  ok: null,
  says: 'not checked; pass --function NAME, with AWS_REGION and credentials as for the aws command line',
  advice: null,
};

/** Makes a driver that is opened by the first check that needs it. */
function makeDriver(
  config: DatabaseConfig,
  clock: Clock,
  { limitMs, mayCreate }: { limitMs: number; mayCreate: boolean },
) {
  let driver: Driver | null = null;
  return {
    open: async (): Promise<Driver> => {
      // SQLite would create the file, and a mistyped path would look like a new database.
      if (config.kind === 'sqlite' && !mayCreate && !existsSync(config.file)) {
        const expected = 'the path of an existing SQLite file';
        throw PushError.of('DATABASE', [{ field: 'DATABASE_URL', expected, got: 'the path of no file' }]);
      }
      return (driver ??= openDriver(config, clock, { connectTimeoutMs: limitMs, maxTries: 1 }));
    },
    close: async () => driver?.close(),
  };
}

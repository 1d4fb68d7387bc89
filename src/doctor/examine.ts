import type { DatabaseConfig, Env } from '../config/config.ts';
import { existsSync } from 'node:fs';
import type { Clock } from '../context.ts';
import type { Driver } from '../db/driver.ts';
import { openDriver } from '../db/open.ts';
import { PushError } from '../errors.ts';
import { makeSenders } from '../fcm/open.ts';
import { type Check, type CheckResult, runChecks, within } from './check.ts';
import { databaseChecks } from './database.ts';
import { fcmChecks } from './fcm.ts';
import { lambdaChecks } from './lambda.ts';
import { readSettings, type Settings } from './settings.ts';

/** A route that is missing swallows every packet: this long, and it is red. */
const LIMIT_MS = 5000;
/** What hung may hang once more when it is closed. */
const CLOSE_MS = 1000;

export interface Examination {
  /** As it is, with the ARNs of secrets. */
  readonly env: Env;
  /** Null: not asked about. */
  readonly functionName: string | null;
  /** Applies missing migrations and allows the recursive loop. */
  readonly fix: boolean;
  readonly clock: Clock;
  readonly limitMs?: number;
  /** Each in its turn, as soon as it is there. */
  readonly onResult?: (result: CheckResult) => void;
}

export interface DoctorReport {
  readonly kind: 'doctor';
  readonly ok: boolean;
  readonly checks: readonly CheckResult[];
}

/**
 * Is everything as it has to be? Opens what it needs for itself, each part alone, since it is asked when something is
 * broken. Throws nothing; no secret is in what it says.
 */
export async function examine(examination: Examination): Promise<DoctorReport> {
  const { env, functionName, fix, clock, limitMs = LIMIT_MS, onResult = () => {} } = examination;
  const settings = await readSettings(env, limitMs);
  const { config } = settings;
  const needsFor = (variables: RegExp): readonly string[] => needs(settings, variables);
  const database = makeDriver(config.database, clock, { limitMs, mayMake: fix });
  const senders = makeSenders(config, clock);
  const lambda =
    functionName === null ? null : lambdaChecks(functionName, config, { limitMs, fix, needsFor });
  const checks: Check[] = [
    { name: 'configuration', run: async () => settings.finding, advise: String },
    ...databaseChecks(config.database, database.open, { needs: needsFor(/^DATABASE_/), clock, fix }),
    ...fcmChecks({ config, senders, clock, limitMs }, needsFor),
    ...(lambda?.checks ?? [{ name: 'function', run: async () => NO_FUNCTION, advise: String }]),
  ];
  const results: CheckResult[] = [];
  for (const result of runChecks(checks, limitMs)) {
    results.push(await result);
    onResult(await result);
  }
  lambda?.close();
  await within(CLOSE_MS, () => Promise.allSettled([database.close(), senders.close()])).catch(() => {});
  return { kind: 'doctor', ok: results.every(({ ok }) => ok !== false), checks: results };
}

const NO_FUNCTION = {
  ok: null,
  says: 'not asked about; --function NAME does, with AWS_REGION and credentials as for the aws command line',
  advice: null,
};

/** What is wrong with the variables themselves, the line on the configuration says. */
function needs({ broken }: Settings, variables: RegExp): readonly string[] {
  return broken.some((name) => variables.test(name)) ? ['configuration'] : [];
}

/** Opened by whichever check is the first to need it. */
function makeDriver(
  config: DatabaseConfig,
  clock: Clock,
  { limitMs, mayMake }: { limitMs: number; mayMake: boolean },
) {
  let driver: Driver | null = null;
  return {
    open: async (): Promise<Driver> => {
      // SQLite would make the file, and a mistyped path would look like a new database.
      if (config.kind === 'sqlite' && !mayMake && !existsSync(config.file)) {
        throw new PushError('DATABASE', `DATABASE_URL: there is no file ${config.file}`);
      }
      return (driver ??= openDriver(config, clock, limitMs));
    },
    close: async () => driver?.close(),
  };
}

import { existsSync } from 'node:fs';
import { access, constants } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { systemClock } from '../clock.ts';
import { type Env, parseCredentials, parseDatabaseConfig } from '../config/config.ts';
import { fetchSchemaVersion } from '../db/migrate.ts';
import { openDriver } from '../db/open.ts';
import { codeOf, PushError } from '../errors.ts';
import { openCredentials } from '../fcm/credentials.ts';
import { formatCount } from '../words.ts';
import type { Checked } from './ask.ts';
import { openDeviceFile } from './device-file.ts';
import { isLeftOut } from './device-line.ts';

const CONNECT_TIMEOUT_MS = 5000;
const MAX_BUDGET = 1_000_000_000;

/** `databaseSettings` are the environment variables for the database at an address. */
export function databaseSettings(address: string): Record<string, string> {
  const host = URL.parse(address)?.hostname ?? '';
  return {
    DATABASE_URL: address,
    // The system does not know Amazon's certificate authorities. Parameters of the address say themselves what to do.
    ...(host.endsWith('.rds.amazonaws.com') && !address.includes('?') ? { DATABASE_TLS: 'rds' } : {}),
  };
}

/** `checkDatabase` connects. It creates no SQLite file: nothing is written before all questions are answered. */
export function checkDatabase(env: Env, address: string): Promise<Checked> {
  return check(async () => {
    const config = parseDatabaseConfig({ ...env, ...databaseSettings(address) });
    if (config.kind === 'sqlite' && !existsSync(config.file)) {
      await access(dirname(resolve(config.file)), constants.W_OK);
      return 'a new SQLite file will be made';
    }
    const driver = openDriver(config, systemClock, { connectTimeoutMs: CONNECT_TIMEOUT_MS, maxTries: 1 });
    try {
      const version = await fetchSchemaVersion(driver);
      return `connected; ${version === 0 ? "Baton's tables will be created" : "Baton's tables exist"}`;
    } finally {
      await driver.close();
    }
  });
}

/** `hasGoogleCredentials` is true if Google's client has credentials without a setting of Baton's own. */
export function hasGoogleCredentials(env: Env): boolean {
  return Boolean(env['GOOGLE_APPLICATION_CREDENTIALS']);
}

/** `checkCredentials` reads the key file and says which project it belongs to. An empty answer is valid. */
export function checkCredentials(env: Env, answer: string): Promise<Checked> {
  return check(async () => {
    if (answer === '') {
      return hasGoogleCredentials(env)
        ? 'the credentials of GOOGLE_APPLICATION_CREDENTIALS'
        : 'no credentials yet: `baton local` and `baton rehearse` need none, `baton push` does';
    }
    const credentials = parseCredentials(answer);
    if (credentials.kind === 'application-default') throw new Error('expected the path of a key file');
    return `Firebase project ${openCredentials({ credentials, projectId: null }).projectId}`;
  });
}

/** `checkSource` accepts a name that fits the database column and, in capitals, the name of an environment variable. */
export async function checkSource(answer: string): Promise<Checked> {
  const isValid = /^[a-z0-9_]{1,64}$/.test(answer);
  return { isValid, says: isValid ? `source ${answer}` : 'expected 1 to 64 of a-z, 0-9 and _' };
}

export async function checkBudget(answer: string): Promise<Checked> {
  const perMinute = /^\d{1,10}$/.test(answer) ? Number(answer) : 0;
  const isValid = perMinute >= 1 && perMinute <= MAX_BUDGET;
  return {
    isValid,
    says: isValid
      ? `${formatCount(perMinute)} messages per minute`
      : `expected a whole number from 1 to ${MAX_BUDGET}, without separators`,
  };
}

/** `checkCsv` reads the header and the first row. An empty answer is valid. */
export function checkCsv(answer: string): Promise<Checked> {
  return check(async () => {
    if (answer === '') return 'no import now: `baton import FILE` does it later';
    const { rows } = await openDeviceFile(answer, { force: false });
    for await (const { device } of rows) {
      if (typeof device === 'string') return `the header is valid, the first row is not: ${device}`;
      if (isLeftOut(device)) continue;
      return `the first row is a ${device.targetKind}${device.memberId ? ' with a member id' : ''}`;
    }
    return 'the header is valid; there are no rows';
  });
}

async function check(find: () => Promise<string>): Promise<Checked> {
  try {
    return { isValid: true, says: await find() };
  } catch (error) {
    const says =
      error instanceof PushError && error.problems.length > 0
        ? error.problems.map(({ expected, got }) => `expected ${expected}, got ${got}`).join('; ')
        : error instanceof PushError
          ? error.message
          : `expected what can be read and written, got ${codeOf(error) ?? 'an error'}`;
    return { isValid: false, says };
  }
}

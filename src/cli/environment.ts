import { resolve } from 'node:path';
import { type Config, type Env, parseCredentials } from '../config/config.ts';
import { findVariable, isForWorkers } from '../config/variables.ts';

/**
 * `LOCAL_HURRY` divides Lambda's and the schedule's waits on this machine: ticks and repeats cost nothing here, so they
 * come every ten seconds.
 */
export const LOCAL_HURRY = 6;

/**
 * `workerEnvironment` is the part of the terminal's environment that workers on this machine get. Paths become absolute,
 * because workers run in another folder.
 */
export function workerEnvironment(env: Env, { database }: Pick<Config, 'database'>): Record<string, string> {
  const variables = Object.entries(env).flatMap(([name, value]) =>
    value && isForWorkers(name) ? [[name, isFile(name, value) ? resolve(value) : value]] : [],
  );
  return {
    ...Object.fromEntries(variables),
    ...(database.kind === 'sqlite' ? { DATABASE_URL: resolve(database.file) } : {}),
  };
}

function isFile(name: string, value: string): boolean {
  const isCredentials = findVariable(name)?.variable.name === 'FCM_CREDENTIALS';
  return isCredentials && parseCredentials(value).kind === 'file';
}

import { type Config, type Env, parseCredentials } from '../config/config.ts';
import { findVariable, isForWorkers } from '../config/variables.ts';
import { resolve } from 'node:path';

/** Ticks and repeats cost nothing on this machine: both happen every ten seconds, not every minute. */
export const LOCAL_HURRY = 6;

/** The part of the terminal's environment that the local workers get; paths are absolute. */
export function workerEnvironment(env: Env, { database }: Config): Record<string, string> {
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

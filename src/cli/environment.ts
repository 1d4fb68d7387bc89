import { resolve } from 'node:path';
import { type Config, type Env, parseCredentials } from '../config/config.ts';

/** `OWN` matches the variables of Baton's configuration, and those that Google's client and Node read. */
const OWN =
  /^(STAGE|DATABASE_.*|FCM_.*|GOOGLE_.*|GCLOUD_.*|PAGE_SIZE|CHUNK_SIZE|LEASE_MS|MAX_ATTEMPTS|RETRY_MS|QUOTA_RETRY_MS|DEADLINE_RESERVE_MS|NODE_EXTRA_CA_CERTS)$/;

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
  const own = Object.entries(env).flatMap(([name, value]) =>
    value && OWN.test(name) ? [[name, isFile(name, value) ? resolve(value) : value]] : [],
  );
  return {
    ...Object.fromEntries(own),
    ...(database.kind === 'sqlite' ? { DATABASE_URL: resolve(database.file) } : {}),
  };
}

function isFile(name: string, value: string): boolean {
  return name.startsWith('FCM_CREDENTIALS') && parseCredentials(value).kind === 'file';
}

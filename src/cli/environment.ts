import { type Config, type Env, parseCredentials } from '../config/config.ts';
import { resolve } from 'node:path';

/** Baton's own configuration, and what Google's client and Node read. */
const OWN =
  /^(STAGE|DATABASE_.*|FCM_.*|GOOGLE_.*|GCLOUD_.*|PAGE_SIZE|CHUNK_SIZE|LEASE_MS|MAX_ATTEMPTS|RETRY_MS|QUOTA_RETRY_MS|DEADLINE_RESERVE_MS|NODE_EXTRA_CA_CERTS)$/;

/** Nobody pays for a tick or a repeat on one's own machine: both come every ten seconds, not every minute. */
export const LOCAL_HURRY = 6;

/** What workers on this machine are to have of the terminal's environment; paths hold wherever they run. */
export function workerEnvironment(env: Env, { database }: Config): Record<string, string> {
  const given = Object.entries(env).flatMap(([name, value]) =>
    value && OWN.test(name) ? [[name, isFile(name, value) ? resolve(value) : value]] : [],
  );
  return {
    ...Object.fromEntries(given),
    ...(database.kind === 'sqlite' ? { DATABASE_URL: resolve(database.file) } : {}),
  };
}

function isFile(name: string, value: string): boolean {
  return name.startsWith('FCM_CREDENTIALS') && parseCredentials(value).kind === 'file';
}

import { resolve } from 'node:path';
import { type Config, type Env, parseCredentials } from '../config/config.ts';
import type { LiveConfig } from '../config/live.ts';
import { findVariable, isForWorkers } from '../config/variables.ts';
import { type LocalSecrets, secretArn } from '../local/lambda/lambda.ts';

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

const PROXIES = ['HTTPS_PROXY', 'HTTP_PROXY', 'NO_PROXY'].flatMap((name) => [name, name.toLowerCase()]);

/** Google's client fetches access tokens through a proxy, in workers as in this process. */
function proxies(env: Env): Record<string, string> {
  return Object.fromEntries(
    PROXIES.flatMap((name): [string, string][] => (env[name] ? [[name, env[name]]] : [])),
  );
}

export interface WorkerSettings {
  readonly env: Record<string, string>;
  readonly secrets: LocalSecrets;
}

/**
 * `workerSettings` makes the environment of workers that may outlive their secrets: in place of each key and password it has
 * an ARN, at which they find it as it is now. `onError` receives why the secrets could not be read anew; workers then get
 * those that were read last.
 */
export function workerSettings(live: LiveConfig, onError: (error: unknown) => void): WorkerSettings {
  const env = { ...proxies(live.env), ...workerEnvironment(live.env, live.config) };
  const names = Object.keys(env).filter((name) => findVariable(name)?.variable.isSecret);
  const byArn = new Map(names.map((name) => [secretArn(name), name]));
  return {
    env: { ...env, ...Object.fromEntries(names.map((name) => [name, secretArn(name)])) },
    secrets: {
      async fetch(arn) {
        const name = byArn.get(arn);
        if (name === undefined) return null;
        await live.fetch(0).catch(onError);
        return workerEnvironment(live.env, live.config)[name] ?? null;
      },
    },
  };
}

function isFile(name: string, value: string): boolean {
  const isCredentials = findVariable(name)?.variable.name === 'FCM_CREDENTIALS';
  return isCredentials && parseCredentials(value).kind === 'file';
}

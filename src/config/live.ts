import type { Clock } from '../context.ts';
import { type Config, parseConfig } from './config.ts';
import type { Env } from './env-reader.ts';
import { hasSecrets, resolveSecrets } from './secrets.ts';

/** After an attempt to read the secrets anew, successful or not, the next one waits so long. */
const MIN_REREAD_MS = 10_000;

/** The configuration of a process that outlives its secrets: they may be rotated while it is warm. */
export interface LiveConfig {
  /** The configuration as it was read last. */
  readonly config: Config;
  /**
   * Resolves to the configuration with secrets that are at most `maxAgeMs` old. They are read anew at most every ten seconds;
   * in between, and without secrets in Secrets Manager, it is the same as before. Rejects if they cannot be read.
   */
  fetch(maxAgeMs: number): Promise<Config>;
}

/** Reads the environment and its secrets. PushError('BAD_CONFIG'). */
export async function openConfig(env: Env, clock: Clock, resolve = resolveSecrets): Promise<LiveConfig> {
  let readAt = clock.now();
  let config = parseConfig(await resolve(env));
  let triedAt = readAt;
  let reading: Promise<void> | null = null;
  const read = async (): Promise<void> => {
    const startedAt = clock.now();
    triedAt = startedAt;
    config = parseConfig(await resolve(env));
    readAt = startedAt;
  };
  return {
    get config() {
      return config;
    },
    async fetch(maxAgeMs) {
      const nowMs = clock.now();
      const isFresh = nowMs - readAt <= maxAgeMs || nowMs - triedAt < MIN_REREAD_MS;
      if (reading === null && (isFresh || !hasSecrets(env))) return config;
      reading ??= read().finally(() => {
        reading = null;
      });
      await reading;
      return config;
    },
  };
}

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
  /** The variables that `config` was parsed from, with the secrets in place of their ARNs. */
  readonly env: Env;
  /**
   * Resolves to the configuration with secrets that are at most `maxAgeMs` old. They are read anew at most every ten seconds,
   * and at once if the variables themselves have changed; in between, and without secrets that could change, it is the same as
   * before. Rejects if they cannot be read.
   */
  fetch(maxAgeMs: number): Promise<Config>;
}

/**
 * Reads the environment and its secrets. `source` is the environment, or reads it again: it returns the same object for as long
 * as nothing has changed. PushError('BAD_CONFIG').
 */
export async function openConfig(
  source: Env | (() => Env),
  clock: Clock,
  resolve: (env: Env) => Promise<Env> = resolveSecrets,
): Promise<LiveConfig> {
  const readVariables = typeof source === 'function' ? source : () => source;
  let variables = readVariables();
  let readAt = clock.now();
  let triedAt = -Infinity;
  let env = await resolve(variables);
  let config = parseConfig(env);
  let reading: Promise<void> | null = null;
  const read = async (): Promise<void> => {
    const startedAt = clock.now();
    triedAt = startedAt;
    const latest = readVariables();
    if (latest !== variables || hasSecrets(latest)) {
      const resolved = await resolve(latest);
      config = parseConfig(resolved);
      [env, variables] = [resolved, latest];
    }
    readAt = startedAt;
  };
  const areOthers = (): boolean => {
    try {
      return readVariables() !== variables;
    } catch {
      // Reported by the attempt ten seconds later.
      return false;
    }
  };
  return {
    get config() {
      return config;
    },
    get env() {
      return env;
    },
    async fetch(maxAgeMs) {
      const nowMs = clock.now();
      if (reading === null) {
        if (nowMs - readAt <= maxAgeMs) return config;
        if (nowMs - triedAt < MIN_REREAD_MS && !areOthers()) return config;
      }
      reading ??= read().finally(() => {
        reading = null;
      });
      await reading;
      return config;
    },
  };
}

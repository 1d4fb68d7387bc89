import { type Config, parseConfig, readConfig } from '../../src/config/config.ts';
import { findVariable } from '../../src/config/variables.ts';
import { PushError } from '../../src/errors.ts';
import { openCredentials } from '../../src/fcm/credentials.ts';

/** Everything that an environment makes Baton say: the error of its configuration, and those of its credentials. */
export function everythingSaid(env: Record<string, string>): string {
  const said: unknown[] = [];
  const attempt = (work: () => void): void => {
    try {
      work();
    } catch (error) {
      if (!(error instanceof PushError)) throw error;
      if (error.code !== 'BAD_CONFIG' && error.code !== 'BAD_CREDENTIALS') throw error;
      const areNamed = error.problems.every(({ field }) => findVariable(field) !== null);
      if (error.problems.length === 0 || !areNamed) throw error;
      said.push(error.message, error.problems, error.stack, error.cause);
    }
  };
  attempt(() => parseConfig(env));
  const { config }: { config: Config } = readConfig(env);
  // Google's client reads the environment of the process itself.
  for (const source of config.sources.values()) {
    if (source.credentials.kind !== 'application-default') attempt(() => openCredentials(source));
  }
  return JSON.stringify(said);
}

import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Config, parseConfig, readConfig } from '../../src/config/config.ts';
import { findVariable, VARIABLES } from '../../src/config/variables.ts';
import { PushError } from '../../src/errors.ts';
import { openCredentials } from '../../src/fcm/credentials.ts';
import { fuzzing } from '../support/fuzz.ts';
import { MARK, SECRET_SHAPES } from '../support/secret.ts';

const RUNS = 5000;
const NAMES = VARIABLES.flatMap(({ name, isPerSource }) => (isPerSource ? [name, `${name}_SHOP_B`] : [name]));

/** Everything that an environment makes Baton say: the error of its configuration, and those of its credentials. */
function everythingSaid(env: Record<string, string>): string {
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

test.each(NAMES)('a secret in %s is never shown', (name) => {
  for (const shape of SECRET_SHAPES) expect(everythingSaid({ [name]: shape })).not.toContain(MARK);
});

test('any environment is a configuration, or one error that names variables and shows no value', () => {
  const value = fc.oneof(
    fc.constantFrom(...SECRET_SHAPES),
    fc.string({ unit: 'binary', maxLength: 40 }).map((text) => `${text}${MARK}`),
    fc.tuple(fc.string(), fc.string()).map(([before, after]) => `${before}${MARK}${after}`),
    fc.constantFrom(
      '',
      '0',
      '-1',
      '1e9',
      '999999999999999999999',
      'true',
      'off',
      'gateway',
      '__proto__',
      '/',
    ),
  );
  const suffix = fc.constantFrom('', '_SHOP_B', '_', '__PROTO__', '_constructor');
  const name = fc
    .tuple(fc.constantFrom(...VARIABLES.map((each) => each.name)), suffix)
    .map((parts) => parts.join(''));
  fc.assert(
    fc.property(fc.dictionary(name, value, { maxKeys: 8 }), (env) => {
      if (everythingSaid(env).includes(MARK)) throw new Error('the mark was shown');
    }),
    fuzzing(RUNS),
  );
  expect(parseConfig({}).stage).toBe('dev');
});

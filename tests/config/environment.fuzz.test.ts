import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseConfig } from '../../src/config/config.ts';
import { VARIABLES } from '../../src/config/variables.ts';
import { fuzzing } from '../support/fuzz.ts';
import { everythingSaid } from '../support/said.ts';
import { MARK, SECRET_SHAPES } from '../support/secret.ts';

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
    fuzzing(),
  );
  expect(parseConfig({}).stage).toBe('dev');
});

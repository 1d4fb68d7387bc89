import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { describeFailure, PushError, withoutContents } from '../src/errors.ts';

const SECRET = 'S3cret-9471';

test('an error of settings has no stack, any other one has', () => {
  expect(new PushError('BAD_CONFIG', 'x').stack).toBe('PushError: x');
  expect(new PushError('DATABASE', 'x').stack).toContain('errors.test.ts');
});

test('the cause of an error keeps its code and its place, and nothing that it quotes', () => {
  const cause = Object.assign(new Error(`Unexpected token in "${SECRET}"\n    at ${SECRET}:1:2`), {
    code: 'ER_DUP_ENTRY',
    sql: `INSERT ${SECRET}`,
    cause: new Error(SECRET),
  });
  const error = new PushError('DATABASE', 'database: ER_DUP_ENTRY', { cause });
  const shown = inspect(error, { depth: 10, showHidden: true });
  expect(shown).toContain('ER_DUP_ENTRY');
  expect(shown).toContain('errors.test.ts');
  expect(shown).not.toContain(SECRET);
});

test('an unknown failure is described by the beginning of its message and its place', () => {
  const failure = describeFailure(new TypeError(`cannot read "${SECRET}"`));
  expect(failure).toMatch(/^TypeError: cannot read …\n {4}at .*errors\.test\.ts:\d+:\d+/);
  expect(failure).not.toContain(SECRET);
  expect(describeFailure(SECRET)).toBe('string: thrown, but no error');
  expect(withoutContents(new Error('socket hang up')).message).toBe('socket hang up');
});

import { expect, test } from 'vitest';
import { functionEnvironment } from '../../src/rehearsal/environment.ts';
import { defaultOptions } from '../../src/rehearsal/options.ts';

test('the window of a rehearsal is the one that its function works with', () => {
  const windowOf = (options: object) =>
    functionEnvironment({ ...defaultOptions, ...options }, 'baton.db', {})['WINDOW'];
  expect(windowOf({ window: 40 })).toBe('40');
  expect(windowOf({})).toBe('3000');
});

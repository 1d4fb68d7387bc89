import { expect, test } from 'vitest';
import { green, red, runChecks, within } from '../../src/doctor/check.ts';
import { makeTestClock } from '../support/clock.ts';

test('a check without an answer fails after its time, and prevents only the checks that need it', async () => {
  const clock = makeTestClock();
  const never = new Promise<never>(() => {});
  const advise = () => 'wait';
  const results = runChecks(
    [
      { name: 'a', run: () => never, advise },
      { name: 'b', run: async () => green('fine'), advise },
      { name: 'c', needs: ['a', 'b'], run: async () => green('fine'), advise },
      { name: 'd', needs: ['b'], run: async () => red('bad', 'repair it'), advise },
    ],
    clock,
    50,
  );
  await clock.advance(50);
  expect(await Promise.all(results)).toEqual([
    { name: 'a', ok: false, says: 'no answer in 0.05 s', advice: 'wait' },
    { name: 'b', ok: true, says: 'fine', advice: null },
    { name: 'c', ok: false, says: 'not checked', advice: 'fix "a" first' },
    { name: 'd', ok: false, says: 'bad', advice: 'repair it' },
  ]);
});

test('a check that throws fails with the advice on its error', async () => {
  const run = () => Promise.reject(new Error('no route'));
  const check = { name: 'a', run, advise: (error: unknown) => `advice on ${String(error)}` };
  expect(await Promise.all(runChecks([check], makeTestClock(), 50))).toEqual([
    { name: 'a', ok: false, says: 'no route', advice: 'advice on Error: no route' },
  ]);
});

test('work that takes longer than its limit is rejected with ETIMEDOUT, and not a moment earlier', async () => {
  const clock = makeTestClock();
  let state = 'waiting';
  const limited = within(clock, 1000, () => new Promise(() => {})).catch(
    (error: Error & { code: string }) => {
      state = error.code;
    },
  );
  await clock.advance(999);
  expect(state).toBe('waiting');
  await clock.advance(1);
  await limited;
  expect(state).toBe('ETIMEDOUT');
});

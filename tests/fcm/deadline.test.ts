import { expect, test } from 'vitest';
import { beforeAbort } from '../../src/fcm/deadline.ts';
import { makeTestClock } from '../support/clock.ts';

test('work that ends in time keeps its result', async () => {
  const clock = makeTestClock();
  const work = clock.sleep(99).then(() => 'result');
  const result = beforeAbort(work, clock.timeout(100));
  await clock.advance(100);
  expect(await result).toBe('result');
});

test('work that fails in time keeps its error', async () => {
  const clock = makeTestClock();
  await expect(beforeAbort(Promise.reject(new Error('down')), clock.timeout(100))).rejects.toThrow('down');
});

test('work that takes too long is null when the time is up', async () => {
  const clock = makeTestClock();
  const result = beforeAbort(new Promise(() => {}), clock.timeout(100));
  await clock.advance(100);
  expect(await result).toBe(null);
});

test('the error of work that takes too long is ignored', async () => {
  const clock = makeTestClock();
  const work = clock.sleep(200).then(() => Promise.reject(new Error('late')));
  const result = beforeAbort(work, clock.timeout(100));
  await clock.advance(300);
  expect(await result).toBe(null);
});

test('after the abort nothing is waited for', async () => {
  expect(await beforeAbort(new Promise(() => {}), AbortSignal.abort())).toBe(null);
});

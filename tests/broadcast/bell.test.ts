import { expect, test } from 'vitest';
import { Bell } from '../../src/broadcast/bell.ts';
import { makeTestClock } from '../support/clock.ts';

function makeWait() {
  const clock = makeTestClock();
  const bell = new Bell(clock);
  const ended: string[] = [];
  return { clock, bell, ended, wait: (name: string) => bell.wait(250).then(() => ended.push(name)) };
}

test('a ring ends the wait, and a second ring in the same wait has no effect', async () => {
  const { clock, bell, ended, wait } = makeWait();
  void wait('first');
  bell.ring();
  bell.ring();
  await clock.advance(0);
  expect(ended).toEqual(['first']);
  void wait('second');
  await clock.advance(249);
  expect(ended).toEqual(['first']);
  await clock.advance(1);
  expect(ended).toEqual(['first', 'second']);
});

test('a ring while nobody waits does not end the next wait', async () => {
  const { clock, bell, ended, wait } = makeWait();
  bell.ring();
  void wait('next');
  await clock.advance(249);
  expect(ended).toEqual([]);
});

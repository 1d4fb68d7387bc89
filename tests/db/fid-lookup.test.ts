import { expect, test } from 'vitest';
import type { Driver } from '../../src/db/driver.ts';
import { makeFidLookup } from '../../src/db/fid-lookup.ts';
import { makeTestClock } from '../support/clock.ts';

test('a table is asked for FIDs once a minute; a FID that this process writes needs no question', async () => {
  const clock = makeTestClock();
  let asked = 0;
  const driver: Pick<Driver, 'all'> = {
    all: async () => {
      asked++;
      return [];
    },
  };
  const { hasFids, noteFid } = makeFidLookup(driver as Driver, clock);
  expect([await hasFids(), await hasFids()]).toEqual([false, false]);
  expect(asked).toBe(1);
  await clock.advance(60_000);
  expect(await hasFids()).toBe(false);
  expect(asked).toBe(2);
  noteFid();
  expect(await hasFids()).toBe(true);
  expect(asked).toBe(2);
});

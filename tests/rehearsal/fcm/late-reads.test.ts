import { expect, test } from 'vitest';
import { type Client, watchLateReads } from '../../../src/rehearsal/fcm/late-reads.ts';

/** A client that acknowledges a PING when the test says so. */
function makeClient() {
  const pings: ((error: Error | null) => void)[] = [];
  const state = { destroyed: false, closed: false };
  const client: Client = {
    ...state,
    ping(...words: unknown[]) {
      pings.push(words.at(-1) as (error: Error | null) => void);
      return true;
    },
  };
  return { client, pings, acknowledge: (error: Error | null = null) => pings.shift()?.(error) };
}

test('answers count as late if the PING behind them is acknowledged after the time-out of the client', () => {
  let [now, late] = [0, 0];
  const watch = watchLateReads(2000, { now: () => now }, () => late++);
  const one = makeClient();
  watch.add(one.client, 0);
  watch.add(one.client, 500);
  watch.ask();
  // The answer to a request of later on is behind that PING, and gets one of its own.
  watch.add(one.client, 1000);
  watch.ask();
  expect(one.pings).toHaveLength(1);
  now = 2100;
  one.acknowledge();
  expect(late).toBe(1);
  watch.ask();
  now = 3001;
  one.acknowledge();
  expect(late).toBe(2);

  // This process stood still: what it reads now may have been sent since the last PING but one.
  now = 9000;
  watch.ask();
  expect(watch.earliestSentAt()).toBe(2100);
  watch.ask();
  expect(watch.earliestSentAt()).toBe(9000);

  const dead = makeClient();
  watch.add(dead.client, 3001);
  watch.ask();
  now = 10_000;
  dead.acknowledge(new Error('the connection is gone'));
  expect(late).toBe(2);
  watch.close();
});

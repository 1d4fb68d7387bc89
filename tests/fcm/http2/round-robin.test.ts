import { expect, test } from 'vitest';
import type { Connection } from '../../../src/fcm/http2/connection.ts';
import { type Load, RoundRobin } from '../../../src/fcm/http2/round-robin.ts';

function makeLoad(waiting: number): Load & { waiting: number } {
  return {
    waiting,
    issue() {
      this.waiting--;
    },
    refuse: () => {},
  };
}

test('loads take turns, and one without messages is left out', () => {
  const [long, short] = [makeLoad(4), makeLoad(1)];
  const loads = new RoundRobin();
  loads.add(long);
  loads.add(short);
  const order: string[] = [];
  for (let load = loads.next(); load; load = loads.next()) {
    order.push(load === long ? 'long' : 'short');
    load.issue({} as Connection, 0);
  }
  expect(order).toHaveLength(5);
  expect(order.indexOf('short')).toBeLessThan(2);
  expect(loads.isEmpty).toBe(true);
});

test('a load is queued once, however often it is added', () => {
  const load = makeLoad(2);
  const loads = new RoundRobin();
  loads.add(load);
  loads.add(load);
  expect(loads.waiting).toBe(2);
  expect(loads.clear()).toEqual([load]);
});

test('the count of waiting messages takes no turn', () => {
  const [a, b] = [makeLoad(3), makeLoad(3)];
  const loads = new RoundRobin();
  loads.add(a);
  loads.add(b);
  const first = loads.next();
  expect(loads.waiting).toBe(6);
  expect(loads.next()).not.toBe(first);
});

test('a load that is removed gets no more turns', () => {
  const [a, b] = [makeLoad(3), makeLoad(3)];
  const loads = new RoundRobin();
  loads.add(a);
  loads.add(b);
  loads.remove(a);
  expect(loads.next()).toBe(b);
  expect(loads.next()).toBe(b);
});

import { expect, test } from 'vitest';
import { makeGatherer } from '../../src/messages/gather.ts';

/** Work that waits for a gate, and the calls that it got. */
function makeWork() {
  const calls: (readonly number[])[] = [];
  const gates: PromiseWithResolvers<void>[] = [];
  const work = async (items: readonly number[]): Promise<number[]> => {
    calls.push(items);
    const gate = Promise.withResolvers<void>();
    gates.push(gate);
    await gate.promise;
    return items.map((item) => item * 10);
  };
  return { calls, gates, work };
}

test('the first caller does not wait; callers that arrive meanwhile go together, and each gets its own results', async () => {
  const { calls, gates, work } = makeWork();
  const gatherer = makeGatherer();
  const first = gatherer.join('a', [1], work);
  const second = gatherer.join('a', [2, 3], work);
  const third = gatherer.join('a', [4], work);
  const elsewhere = gatherer.join('b', [5], work);
  expect(calls).toEqual([[1], [5]]);
  gates[0]?.resolve();
  expect(await first).toEqual([10]);
  expect(calls.at(-1)).toEqual([2, 3, 4]);
  gates[2]?.resolve();
  expect(await second).toEqual([20, 30]);
  expect(await third).toEqual([40]);
  gates[1]?.resolve();
  expect(await elsewhere).toEqual([50]);
});

test('a call that fails fails only for its own callers, and the next call works', async () => {
  const { calls, gates, work } = makeWork();
  const gatherer = makeGatherer();
  const failing = gatherer.join('a', [1], work);
  const next = gatherer.join('a', [2], work);
  gates[0]?.reject(new Error('down'));
  await expect(failing).rejects.toThrow('down');
  gates[1]?.resolve();
  expect(await next).toEqual([20]);
  const later = gatherer.join('a', [3], work);
  gates[2]?.resolve();
  expect(await later).toEqual([30]);
  expect(calls).toEqual([[1], [2], [3]]);
});

test('one call has at most 500 items, unless a single caller has more', async () => {
  const { calls, gates, work } = makeWork();
  const gatherer = makeGatherer();
  const brought = [[1], Array<number>(700).fill(2), Array<number>(300).fill(3), Array<number>(201).fill(4)];
  const all = Promise.all(brought.map((items) => gatherer.join('a', items, work)));
  for (let nth = 0; nth < 4; nth++) {
    gates[nth]?.resolve();
    await new Promise(setImmediate);
  }
  expect((await all).map(({ length }) => length)).toEqual([1, 700, 300, 201]);
  expect(calls.map(({ length }) => length)).toEqual([1, 700, 300, 201]);
});

import { expect, test } from 'vitest';
import { parseEvent } from '../../src/events/parse.ts';
import { drainQueue, type QueueOptions } from '../../src/rehearsal/queue.ts';
import { makeTestClock } from '../support/clock.ts';

interface Batch {
  readonly Records: readonly { readonly messageId: string; readonly eventSource: string }[];
}

const records = (count: number) =>
  Array.from({ length: count }, (_, nth) => ({ messageId: `r${nth}`, body: '{}', group: 'default' }));

async function drain(
  options: Omit<QueueOptions, 'call' | 'batch' | 'hurry'> & Partial<QueueOptions>,
  failuresOf: (batch: Batch, nth: number) => string[],
) {
  const clock = makeTestClock({ isEager: true });
  const startedAt = clock.now();
  const batches: { readonly ids: string[]; readonly atMs: number }[] = [];
  const report = await drainQueue(
    { clock },
    {
      batch: 10,
      hurry: 1,
      ...options,
      call: async (event) => {
        const batch = event as Batch;
        batches.push({ ids: batch.Records.map(({ messageId }) => messageId), atMs: clock.now() - startedAt });
        const failures = failuresOf(batch, batches.length);
        return { batchItemFailures: failures.map((itemIdentifier) => ({ itemIdentifier })) };
      },
    },
  );
  return { report, batches };
}

test('records are delivered in batches of ten, in their order', async () => {
  const { report, batches } = await drain({ records: records(23), pollers: 1, visibilityMs: 1000 }, () => []);
  expect(batches.map(({ ids }) => ids.length)).toEqual([10, 10, 3]);
  expect(batches.flatMap(({ ids }) => ids)).toEqual(records(23).map(({ messageId }) => messageId));
  expect(report).toEqual({ batches: 3, returned: 0, dead: 0 });
});

test('a record has its group, which has no order, as in a fair queue', async () => {
  const seen: unknown[] = [];
  await drain({ records: records(2), pollers: 1, visibilityMs: 1000 }, (batch) => {
    seen.push(parseEvent(batch));
    return [];
  });
  const job = { records: ['r0', 'r1'].map((recordId) => ({ recordId, group: 'default', isOrdered: false })) };
  expect(seen).toMatchObject([{ entry: 'direct', job }]);
});

test('a record that the function returns is delivered again after the visibility time-out, without the others', async () => {
  const { report, batches } = await drain(
    { records: records(3), pollers: 1, visibilityMs: 1000 },
    (_, nth) => (nth === 1 ? ['r1'] : []),
  );
  expect(batches[1]?.ids).toEqual(['r1']);
  expect(batches[1]?.atMs).toBeGreaterThanOrEqual(1000);
  expect(report).toEqual({ batches: 2, returned: 1, dead: 0 });
});

test('an invocation that fails returns its whole batch', async () => {
  const { report, batches } = await drain({ records: records(3), pollers: 1, visibilityMs: 10 }, (_, nth) => {
    if (nth === 1) throw new Error('timed out');
    return [];
  });
  expect(batches.map(({ ids }) => ids.length).reduce((sum, count) => sum + count)).toBe(6);
  expect(report).toMatchObject({ returned: 3, dead: 0 });
});

test('a record that fails fifty times is given up', async () => {
  const { report } = await drain({ records: records(2), pollers: 2, visibilityMs: 10 }, () => ['r0']);
  expect(report).toMatchObject({ returned: 50, dead: 1 });
});

test('a batch of more than ten records waits until it is full, or a window of one second is over', async () => {
  const { report, batches } = await drain(
    { records: records(1250), batch: 1000, pollers: 1, visibilityMs: 500 },
    (_, nth) => (nth === 1 ? ['r0', 'r7'] : []),
  );
  // The records that the first batch returned are ready again within the window of the second one.
  expect(batches.map(({ ids }) => ids.length)).toEqual([1000, 252]);
  expect(batches[0]?.atMs).toBe(0);
  expect(batches[1]?.atMs).toBe(1000);
  expect(report).toEqual({ batches: 2, returned: 2, dead: 0 });
});

test('hurry shortens the window', async () => {
  const { batches } = await drain(
    { records: records(3), batch: 11, hurry: 20, pollers: 1, visibilityMs: 500 },
    () => [],
  );
  expect(batches[0]?.atMs).toBeGreaterThanOrEqual(50);
  expect(batches[0]?.atMs).toBeLessThan(100);
});

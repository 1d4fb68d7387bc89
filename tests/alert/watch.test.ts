import { expect, test } from 'vitest';
import { judgeWatch } from '../../src/alert/watch.ts';
import type { Watch } from '../../src/model/alert.ts';
import { countVerdicts } from '../../src/model/delivery.ts';

const MINUTE = 60_000;
const totals = { counts: { ...countVerdicts([]), delivered: 7 }, hops: { open: 1, closed: 2 }, read: 9 };
const open = { brakeMs: -1, outages: 0, turnInMs: 0 };
const config = { leaseMs: 30_000 };

const first: Watch = {
  ...{ announcementId: 1, progress: null, quietMs: 0, heldMs: 0, lookedMs: 0 },
  dueInMs: -1,
};
const { progress } = judgeWatch(first, totals, open, config);
const unchanged: Watch = { ...first, progress, quietMs: 4 * MINUTE, lookedMs: MINUTE };

test('an announcement that nobody has looked at is not quiet', () => {
  expect(judgeWatch(first, totals, open, config)).toMatchObject({ isQuiet: false, quietMs: 0 });
});

test('without progress and without anything to wait for it is quiet, longer with each look', () => {
  expect(judgeWatch(unchanged, totals, open, config)).toMatchObject({ isQuiet: true, quietMs: 4 * MINUTE });
  // The tick has just woken its hop, or has nothing to wake.
  for (const dueInMs of [30_000, 0, null])
    expect(judgeWatch({ ...unchanged, dueInMs }, totals, open, config)).toMatchObject({ isQuiet: true });
});

test.each([
  ['one more delivery', { counts: { ...totals.counts, delivered: 8 } }, {}, {}],
  ['a hop that was closed', { hops: { open: 0, closed: 3 } }, {}, {}],
  ['a page that was read', { read: 10 }, {}, {}],
  ['a brake', {}, { brakeMs: 1 }, {}],
  ['an outage', {}, { outages: 1 }, {}],
  ['a slot that opens later', {}, { turnInMs: 1 }, {}],
  ['a retry that is due later', {}, {}, { dueInMs: 30_001 }],
])('%s ends the quiet time', (_, moreTotals, budget, watch) => {
  const sight = judgeWatch(
    { ...unchanged, ...watch },
    { ...totals, ...moreTotals },
    { ...open, ...budget },
    config,
  );
  expect(sight).toMatchObject({ isQuiet: false, quietMs: 0 });
});

test('the time in which FCM takes nothing adds up over the looks, and not over a time without ticks', () => {
  const held = { ...open, brakeMs: 5000 };
  const judge = (watch: Watch, budget = held) => judgeWatch(watch, totals, budget, config);
  expect(judge(first)).toMatchObject({ heldMs: 0, brakeMs: 5000 });
  expect(judge({ ...unchanged, heldMs: MINUTE })).toMatchObject({ heldMs: 2 * MINUTE });
  expect(judge({ ...unchanged, heldMs: MINUTE }, open)).toMatchObject({ heldMs: MINUTE, isHeld: false });
  expect(judge({ ...unchanged, lookedMs: 600 * MINUTE })).toMatchObject({ heldMs: 5 * MINUTE });
});

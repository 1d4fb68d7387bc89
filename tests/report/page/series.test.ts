import { expect, test } from 'vitest';
import { formatRate } from '../../../src/report/page/format.ts';
import { formatElapsed, formatShare } from '../../../src/words.ts';
import { previewOf } from '../../../src/report/page/preview.ts';
import { answersOf, budgetOf, ratesOf, stepOf } from '../../../src/report/page/series.ts';
import { longestOf, rowsOf, slowestOf } from '../../../src/report/page/strip.ts';
import { makeHop } from '../../support/summaries.ts';

const range = { startedAt: 0, endedAt: 10_000 };

test('the rates add up to the pushes, wherever the bins begin', () => {
  const hops = [
    makeHop({ openedAt: 130, closedAt: 4270, work: { sent: 3000, sendMs: 4140 } }),
    makeHop({ fromId: 2, openedAt: 3999, closedAt: 10_000, work: { sent: 777, sendMs: 6001 } }),
  ];
  const pushes = ratesOf(hops, range).reduce(
    (sum, { from, to, value }) => sum + (value * (to - from)) / 1000,
    0,
  );
  expect(pushes).toBeCloseTo(3777, 6);
});

test('a hop that sends to the end, and one that was never opened, do not break the rates', () => {
  const hops = [
    makeHop({ openedAt: 9000, closedAt: null, isHeld: true, work: { sent: 100, sendMs: 1000 } }),
    makeHop({ fromId: 2, claimedAt: null, openedAt: null, work: { sent: 0 } }),
  ];
  const rates = ratesOf(hops, range);
  expect(rates.at(-1)?.value).toBeGreaterThan(0);
  expect(rates.every(({ value }) => Number.isFinite(value))).toBe(true);
  expect(ratesOf([], { startedAt: 5, endedAt: 5 })).toHaveLength(1);
});

test('answer times are those of the hops that sent at the time', () => {
  const hops = [
    makeHop({ openedAt: 0, closedAt: 5000, work: { sent: 10, sendMs: 5000, answers: [0, 0, 0, 0, 10] } }),
    makeHop({ fromId: 2, openedAt: 7000, closedAt: 10_000, work: { sent: 1, sendMs: 3000, answers: [1] } }),
  ];
  const bins = answersOf(hops, range);
  expect(bins[0]?.value.p50).toBeGreaterThan(20);
  expect(bins.find(({ from }) => from === 6000)?.value).toEqual({ p50: null, p95: null, p99: null });
  expect(bins.at(-1)?.value.p99).toBeLessThanOrEqual(5);
});

test('the budget rises on a ramp, is zero in a stop, and goes on from where the ramp was', () => {
  const pace = { perMinute: 60_000, rampMs: 4000 };
  const stop = { kind: 'throttled', from: 2000, to: 3000, why: null } as const;
  const ramps = [
    { kind: 'ramp', from: 0, to: 2000, fullAt: 4000 },
    { kind: 'ramp', from: 3000, to: 6000, fullAt: 6000 },
  ] as const;
  const knots = new Map(budgetOf(pace, [stop], ramps, range).map(({ at, perSecond }) => [at, perSecond]));
  expect(knots.get(0)).toBe(0);
  expect(knots.get(1999)).toBeCloseTo(500, -1);
  expect([knots.get(2000), knots.get(2999), knots.get(3000)]).toEqual([0, 0, 250]);
  expect([knots.get(6000), knots.get(10_000)]).toEqual([1000, 1000]);
});

test('steps are such as a person expects', () => {
  expect([900, 20_000, 276_000, 86_400_000].map((ms) => stepOf(ms, 8))).toEqual([
    200, 5000, 60_000, 21_600_000,
  ]);
});

test('a strip has no more cells than asked for, and keeps the slowest and the interrupted', () => {
  const hops = Array.from({ length: 667 }, (_, nth) =>
    makeHop({ fromId: nth, closedAt: nth === 100 ? 9000 : 1000, takenOver: nth === 300 ? 1 : 0 }),
  );
  const [row] = rowsOf(hops, 10_000, 200);
  expect(row?.cells).toHaveLength(167);
  expect(row?.cells.filter(({ share }) => share === 1).map(({ nth }) => nth)).toEqual([25]);
  expect(row?.cells.filter(({ isTroubled }) => isTroubled).map(({ nth }) => nth)).toEqual([75]);
  expect(slowestOf(hops, 10_000, 20).map(({ fromId }) => fromId)).toContain(100);
});

test('a hop that was interrupted does not hide the differences of the others', () => {
  const hops = [makeHop({ closedAt: 1000 }), makeHop({ fromId: 2, closedAt: 60_000, takenOver: 1 })];
  expect(longestOf(hops, 99_000)).toBe(1000);
});

test('retry rounds have rows of their own, the later ones one together', () => {
  const hops = [0, 1, 2, 3, 4, 5].map((round) => makeHop({ round, closedAt: 10, woken: round > 0 ? 1 : 0 }));
  const rows = rowsOf(hops, 10, 100);
  expect(rows.map(({ label, cells }) => [label, cells.length])).toEqual([
    ['broadcast', 1],
    ['retry 1', 1],
    ['retry 2', 1],
    ['retry 3…', 3],
  ]);
  // The tick wakes a retry round when it is due: that is no trouble.
  expect(rows.flatMap(({ cells }) => cells).some(({ isTroubled }) => isTroubled)).toBe(false);
});

test('a share is never rounded to all or to nothing', () => {
  expect([
    formatShare(999_999, 1_000_000),
    formatShare(1, 1_000_000),
    formatShare(0, 5),
    formatShare(5, 5),
    formatShare(1, 3),
    formatShare(0, 0),
  ]).toEqual(['99.99%', '<0.01%', '0%', '100%', '33.3%', '–']);
});

test('times and rates are written as a person reads them', () => {
  expect([0, 15_000, 211_000, 500, 3_811_000].map(formatElapsed)).toEqual([
    '0:00',
    '0:15',
    '3:31',
    '0:00.5',
    '1:03:31',
  ]);
  expect([0, 3.14, 8590.4].map(formatRate)).toEqual(['0', '3.1', '8,590']);
});

test('a preview is cut between characters, and not within an emoji', () => {
  const family = '👩‍👩‍👧‍👦';
  const { title, body, bodyLength } = previewOf({
    title: 'T',
    body: family.repeat(700),
    image: null,
    data: {},
    options: {},
  });
  expect(title).toBe('T');
  expect(body).toBe(`${family.repeat(600)}…`);
  expect(bodyLength).toBe(700);
});

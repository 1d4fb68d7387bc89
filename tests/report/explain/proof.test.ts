import { expect, test } from 'vitest';
import type { Announcement } from '../../../src/model/announcement.ts';
import { countVerdicts } from '../../../src/model/delivery.ts';
import type { HopSummary, Totals } from '../../../src/model/summary.ts';
import { chainsOf, looksTerminated } from '../../../src/report/explain/chains.ts';
import { type Counted, proveNumbers } from '../../../src/report/explain/proof.ts';
import { makeHop } from '../../support/summaries.ts';

/** Two pages of ten pushes each. */
const FIRST = makeHop({ fromId: 0, lastId: 10, nextId: 11, devices: 10, closedAt: 1000 });
const SECOND = makeHop({ fromId: 11, lastId: 20, devices: 10, closedAt: 1000 });
const TWENTY = { ...countVerdicts([]), delivered: 19, unregistered: 1 };

function prove(hops: readonly HopSummary[], totals: Partial<Totals> = {}, counted: Partial<Counted> = {}) {
  const whole: Totals = {
    announcementId: 1,
    audience: { devices: 20, lastId: 20, countedAt: 0, prunedAt: null },
    read: 20,
    isRead: true,
    counts: TWENTY,
    hops: { open: 0, closed: hops.length },
    isCounted: true,
    ...totals,
  };
  const announcement = { status: 'done' } as Announcement;
  return proveNumbers(
    { announcement, hops, totals: whole },
    { ledger: TWENTY, laneEnds: new Map([[11, 20]]), byPage: null, ...counted },
  );
}

test('numbers that agree are a proof', () => {
  expect(prove([FIRST, SECOND])).toMatchObject({ problems: [], lanes: 1, pages: 2 });
});

test('a row that is missing in the ledger is named, with its page', () => {
  const ledger = { ...TWENTY, delivered: 18 };
  const byPage = new Map([
    [0, 10],
    [11, 9],
  ]);
  expect(prove([FIRST, SECOND], {}, { ledger, byPage }).problems).toEqual([
    'delivered: 18 rows in the ledger, 19 counted by the hops; pages that begin at 11 (10 pushes, 9 rows)',
    'the pages have 20 pushes, the ledger 19 rows',
  ]);
});

test('a device of the audience without a final verdict is named', () => {
  const counts = { ...TWENTY, delivered: 18, retryable: 1 };
  expect(prove([FIRST, SECOND], { counts }, { ledger: counts }).problems).toEqual([
    '1 device of the audience of 20 got no push and no final verdict',
  ]);
});

test.each([
  [[FIRST], 'the page at 0 leads to 11, where no page is'],
  [
    [
      { ...FIRST, nextId: 5 },
      { ...SECOND, fromId: 5 },
    ],
    'the page at 0 ends at 10 and leads back to 5',
  ],
  [[{ ...FIRST, lastId: 12 }, SECOND], 'the page at 0 overlaps with that at 11'],
  [[FIRST, { ...SECOND, lastId: 15 }], 'the lane of the page at 11 ends at 15: ids up to 20 are in no page'],
])('a chain of cursors with a gap is refused: case %#', (hops, words) => {
  const { problems } = prove(hops, {}, { laneEnds: new Map([[11, hops[1]?.lastId ?? 20]]) });
  expect(problems.join('; ')).toContain(words);
});

test('deleted deliveries are said to be deleted, and are no problem', () => {
  const audience = { devices: 20, lastId: 20, countedAt: 0, prunedAt: 86_400_000 };
  const { holds, problems } = prove([FIRST, SECOND], { audience }, { ledger: null });
  expect(problems).toEqual([]);
  expect(holds[0]).toContain('deleted since 1970-01-02 00:00:00 UTC');
});

test('repeats are counted, with their excuse', () => {
  const back = { givenBack: 1, backReason: 'the invocation ran out of time' };
  expect(
    prove([
      { ...FIRST, ...back },
      { ...SECOND, ...back, takenOver: 2, woken: 1 },
    ]).repeats,
  ).toEqual({
    sent: 2000,
    hops: 2,
    takenOver: 2,
    givenBack: 2,
    woken: 1,
    reasons: [{ why: 'the invocation ran out of time', hops: 2 }],
  });
});

/** A chain of hops that nothing has begun for so long that the tick woke it, after every `every` hops. */
function brokenChain(length: number, every: number): HopSummary[] {
  return Array.from({ length }, (_, nth) => {
    const isLost = nth > 0 && nth % every === 0;
    const claimedAt = isLost ? 60_000 : 0;
    return makeHop({
      fromId: nth * 10,
      lastId: nth * 10 + 9,
      nextId: nth + 1 === length ? null : nth * 10 + 10,
      claimedAt,
      closedAt: 70_000,
      woken: isLost ? 1 : 0,
    });
  });
}

test('chains that all break after 16 hops are those of a function that may not call itself', () => {
  expect(looksTerminated(chainsOf(brokenChain(40, 16)), 100_000)).toBe(true);
  expect(looksTerminated(chainsOf(brokenChain(40, 15)), 100_000)).toBe(true);
  expect(looksTerminated(chainsOf(brokenChain(40, 7)), 100_000)).toBe(false);
  expect(looksTerminated(chainsOf(brokenChain(40, 25)), 100_000)).toBe(false);
  expect(looksTerminated(chainsOf(brokenChain(10, 16)), 100_000)).toBe(false);
});

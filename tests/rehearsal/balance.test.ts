import { expect, test } from 'vitest';
import { countVerdicts } from '../../src/model/delivery.ts';
import type { Totals } from '../../src/model/summary.ts';
import { checkBalances, countUnbalanced } from '../../src/rehearsal/balance.ts';

const NONE = countVerdicts([]);

const totals: Totals = {
  announcementId: 1,
  audience: { devices: 10, lastId: 10, countedAt: 0, prunedAt: null },
  read: 9,
  isRead: true,
  counts: { ...NONE, delivered: 7, rejected: 2 },
  hops: { open: 0, closed: 1 },
  isCounted: true,
};

test('numbers of the hops that are those of the ledger, with a row for each device that was read, balance', () => {
  expect(countUnbalanced(totals, totals.counts, 'done')).toBe(0);
});

test('a verdict that differs counts on both sides, and a row that is missing in the ledger of one that is done', () => {
  expect(countUnbalanced(totals, { ...NONE, delivered: 8, rejected: 1 }, 'done')).toBe(2);
  expect(countUnbalanced(totals, { ...NONE, delivered: 7, rejected: 1 }, 'done')).toBe(2);
});

test('an announcement that is not done may lack rows, and never has more than its audience', () => {
  const partly = { ...totals, counts: { ...NONE, delivered: 4 } };
  expect(countUnbalanced(partly, partly.counts, 'paused')).toBe(0);
  const more = { ...totals, counts: { ...NONE, delivered: 11 } };
  expect(countUnbalanced(more, more.counts, 'paused')).toBe(2);
});

test('balances of several announcements are added up; messages of a queue have none', async () => {
  const store = {
    fetchTotals: async (ids: readonly number[]) => new Map(ids.map((id) => [id, totals])),
    fetchAnnouncement: async () => null,
    countDeliveries: async () => totals.counts,
  };
  expect(await checkBalances(store, [1, 2])).toEqual({
    balance: {
      audience: 20,
      excluded: 2,
      delivered: 14,
      unregistered: 0,
      rejected: 4,
      unknown: 0,
      unsent: 0,
    },
    unbalanced: 0,
  });
  expect(await checkBalances(store, [0])).toEqual({ balance: null, unbalanced: 0 });
});

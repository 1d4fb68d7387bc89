import { describe, expect, test } from 'vitest';
import { countVerdicts } from '../../src/model/delivery.ts';
import { ANSWER_BUCKETS_MS, balanceOf, bucketOf, quantileOf, type Totals } from '../../src/model/summary.ts';

const totals: Totals = {
  announcementId: 1,
  audience: { devices: 100, lastId: 100, countedAt: 0, prunedAt: null },
  read: 60,
  isRead: false,
  counts: { ...countVerdicts([]), delivered: 40, unregistered: 3, rejected: 2, unknown: 1, retryable: 5 },
  hops: { open: 1, closed: 1 },
  isCounted: true,
};

describe('a balance', () => {
  test('has what is not sent yet, and what is to be sent again, as unsent', () => {
    expect(balanceOf(totals)).toEqual({
      ...{ audience: 100, excluded: 0, delivered: 40, unregistered: 3, rejected: 2, unknown: 1, unsent: 54 },
    });
  });

  test('leaves out what no page had, once all pages are read', () => {
    expect(balanceOf({ ...totals, read: 90, isRead: true })).toMatchObject({ excluded: 10, unsent: 44 });
  });

  test('counts a device that has come back since the start', () => {
    expect(balanceOf({ ...totals, read: 102, isRead: true })).toMatchObject({ audience: 102, excluded: 0 });
  });

  test('is none without an audience', () => {
    expect(balanceOf({ ...totals, audience: null })).toBeNull();
  });
});

describe('answer times', () => {
  test.each([
    [0, 0],
    [5, 0],
    [5.1, 1],
    [20_000, ANSWER_BUCKETS_MS.length - 1],
    [20_001, ANSWER_BUCKETS_MS.length],
  ])('of %s ms are in bucket %s', (ms, bucket) => {
    expect(bucketOf(ms)).toBe(bucket);
  });

  test('have quantiles within their buckets', () => {
    const answers = [0, 0, 0, 98, 0, 2];
    expect(quantileOf(answers, 0.5)).toBeCloseTo(15 + (5 * 50) / 98);
    expect(quantileOf(answers, 0.99)).toBe(35);
    expect(quantileOf(answers, 1)).toBe(40);
    expect(quantileOf([], 0.5)).toBeNull();
    expect(quantileOf([0, 0], 0.5)).toBeNull();
  });

  test('beyond the last bucket are at most twice its bound', () => {
    const answers = [...ANSWER_BUCKETS_MS.map(() => 0), 4];
    expect(quantileOf(answers, 0.5)).toBe(30_000);
  });
});

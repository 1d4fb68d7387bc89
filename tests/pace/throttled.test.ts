import type { Budget } from '../../src/model/budget.ts';
import type { Store } from '../../src/store.ts';
import { expect, test } from 'vitest';
import { MAX_RETRY_AFTER_MS, TARGET_REPLACED, WRONG_KIND } from '../../src/model/delivery.ts';
import { brakeIfThrottled } from '../../src/pace/brake.ts';
import { makeContext, outcome } from '../support/context.ts';

const budget: Budget = {
  ...{ version: 1, freeInMs: 0, urgentInMs: 0, urgentMs: 0, rampAgeMs: 0, spreadInMs: 0, answerMs: 0 },
  ...{ brakeMs: -1000, brakes: 0, outages: 0, turnInMs: 0 },
};

test.each([
  [MAX_RETRY_AFTER_MS - 1, 'throttled'],
  [MAX_RETRY_AFTER_MS, 'throttled, as FCM asks for a day or longer,'],
])('a source that FCM throttles for %i ms stops as "%s"', async (retryAfterMs, reason) => {
  const stops: unknown[] = [];
  const store: Partial<Store> = {
    fetchBudget: async () => budget,
    brakeBudget: async (_source, _version, stop) => {
      stops.push(stop);
      return true;
    },
  };
  const ctx = makeContext(store as Store);
  const throttled = { ...outcome('retryable', 'QUOTA_EXCEEDED'), retryAfterMs };
  await brakeIfThrottled(ctx, 'default', [throttled], { tookMs: 100 });
  expect(stops).toMatchObject([{ pauseMs: retryAfterMs, reason }]);
});

test.each([TARGET_REPLACED, WRONG_KIND])(
  'answers that are doubted (%s) are no throttling',
  async (reason) => {
    const asked: string[] = [];
    const store: Partial<Store> = {
      fetchBudget: async () => {
        asked.push('budget');
        return budget;
      },
      brakeBudget: async () => true,
    };
    const ctx = makeContext(store as Store);
    const doubted = { ...outcome('retryable', reason), retryAfterMs: 0 };
    await brakeIfThrottled(
      ctx,
      'default',
      Array.from({ length: 100 }, () => doubted),
      { tookMs: 100 },
    );
    await brakeIfThrottled(ctx, 'default', [doubted, doubted], { tookMs: 100 });
    expect(asked).toEqual([]);
  },
);

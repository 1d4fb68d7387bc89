import { expect, test } from 'vitest';
import { parseConfig } from '../../../src/config/config.ts';
import { makePlan } from '../../../src/report/plan/plan.ts';
import { makeTestClock } from '../../support/clock.ts';
import { draft, madeUpDevices } from '../../support/context.ts';
import { makeDatabase } from '../../support/database.ts';
import { makeTestLambda } from '../../support/test-lambda.ts';
import { openTimedStore } from '../../support/timed-store.ts';

const ANSWER_MS = 50;

/** The whole of a broadcast by the function's own code, on a clock of the test's. */
async function compare(perMinute: number, rampSeconds: number, devices: number) {
  const clock = makeTestClock({ isEager: true, startMs: Date.UTC(2026, 0, 1, 12, 5) });
  const database = await makeDatabase('sqlite');
  const store = openTimedStore(database.config, clock);
  await store.addDevices(madeUpDevices(devices));
  const announcementId = await store.createAnnouncement(draft);
  // The source has measured FCM's answers before.
  await store.fetchBudget(draft.source, null);
  await store.recordAnswerTime(draft.source, ANSWER_MS);
  const env = {
    ...{ PAGE_SIZE: '3000', BATCH_SIZE: '500', WINDOW: '1000', FCM_RAMP_SECONDS: String(rampSeconds) },
    FCM_MESSAGES_PER_MINUTE: String(perMinute),
  };
  const planned = await makePlan({ store, config: parseConfig(env), clock }, announcementId);
  const lambda = makeTestLambda(store, clock, { env, beforeSend: () => clock.sleep(ANSWER_MS) });
  await lambda.run({ kind: 'broadcast', announcementId, round: 0, fromId: 0 }, 0);
  const [summary] = await store.fetchLatest(1);
  await store.close();
  await database.drop();
  return {
    status: summary?.status,
    planned: planned.durationMs,
    took: summary!.finishedAt! - summary!.startedAt!,
  };
}

test.each([
  [60_000, 0, 9000],
  [240_000, 6, 15_000],
  [600_000, 4, 24_000],
])(
  '%i a minute with a ramp of %i s, to %i devices: the plan is within 15 percent of what it takes',
  async (...frame) => {
    const { status, planned, took } = await compare(...frame);
    expect(status).toBe('done');
    expect(planned / took).toBeGreaterThan(0.85);
    expect(planned / took).toBeLessThan(1.15);
  },
);

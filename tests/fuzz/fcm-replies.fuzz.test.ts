import type { Outcome } from '../../src/model/delivery.ts';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { judge } from '../../src/fcm/verdict.ts';
import { explainOutage } from '../../src/judge/outage.ts';
import { blameProject, explainFailure } from '../../src/judge/project.ts';
import { settleAll } from '../../src/judge/settle.ts';
import { FINAL_VERDICTS } from '../../src/model/delivery.ts';
import { fuzzing } from '../support/fuzz.ts';
import { expectSound, parseBody, type RawReply, rawReply } from './fcm-reply.ts';

const NOW = Date.parse('2026-11-24T12:00:00Z');
const TARGET = `cVr0Kg2RT6aZ1bYx9mQw3e:APA91b${'x'.repeat(134)}`;
const settings = { maxAttempts: 3, retryMs: 10_000, quotaRetryMs: 60_000, round: 0 };

function judgeRaw({ status, retryAfter, body }: RawReply): Outcome {
  return judge({ status, retryAfter, body: parseBody(body) }, NOW, TARGET);
}

test('whatever FCM answers, the outcome is sound, and no device is marked without a word of FCM', () => {
  fc.assert(
    fc.property(rawReply(TARGET), (reply) => {
      const outcome = judgeRaw(reply);
      expectSound(outcome, TARGET);
      if (!FINAL_VERDICTS.includes(outcome.verdict)) return;
      expect(outcome.verdict === 'delivered').toBe(reply.status === 200);
      const named = outcome.verdict === 'delivered' ? '"name":"' : `"errorCode":"${outcome.reason}"`;
      expect(String(reply.body)).toContain(named);
    }),
    fuzzing(),
  );
});

test('whatever FCM answers to a chunk, it is recorded, and what is said about it is short', () => {
  fc.assert(
    fc.property(fc.array(rawReply(TARGET), { minLength: 1, maxLength: 40 }), (replies) => {
      const outcomes = replies.map(judgeRaw);
      const pushes = outcomes.map((_, nth) => ({
        deviceId: nth + 1,
        target: TARGET,
        targetKind: 'token' as const,
      }));
      const deliveries = settleAll({ ...settings, guarantee: 'at-least-once' }, pushes, outcomes);
      const first = { smallSampleCounts: true };
      const judged = blameProject({ acceptUnregistered: false }, deliveries, outcomes, first);
      expect(judged).toHaveLength(replies.length);
      for (const { retryInMs } of judged)
        expect(retryInMs === null || Number.isSafeInteger(retryInMs)).toBe(true);
      for (const words of [explainFailure(judged, outcomes), explainOutage(outcomes, first)]) {
        expect((words ?? '').length).toBeLessThan(1500);
        expect(words ?? '').not.toContain(TARGET);
      }
    }),
    fuzzing(0.3),
  );
});

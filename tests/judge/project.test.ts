import { type Delivery, type Outcome, TARGET_REPLACED, WRONG_KIND } from '../../src/model/delivery.ts';
import { describe, expect, test } from 'vitest';
import { adviseOn, blameProject, explainFailure } from '../../src/judge/project.ts';
import { explainOutage, keepAttempts } from '../../src/judge/outage.ts';
import { settleAll } from '../../src/judge/settle.ts';
import { delivered, draft, outcome } from '../support/context.ts';

const generic = outcome('rejected', 'INVALID_ARGUMENT');
const ofTarget: Outcome = { ...generic, blamesTarget: true };
const mismatch = outcome('rejected', 'SENDER_ID_MISMATCH');
const payload = outcome('misconfigured', 'INVALID_ARGUMENT');
const settings = { maxAttempts: 3, retryMs: 10_000, quotaRetryMs: 60_000, round: 0, jitter: () => 0 };

const times = (length: number, each: Outcome): Outcome[] => Array.from({ length }, () => each);

/** The chunk as it is recorded. */
function judgeChunk(outcomes: Outcome[], { isFirst = false, isMailing = false } = {}): readonly Delivery[] {
  const own = { content: draft.content, ttlSeconds: null, collapseKey: 'k' };
  const pushes = outcomes.map((_, nth) => ({
    deviceId: nth + 1,
    target: `target-${nth + 1}`,
    targetKind: 'token' as const,
    ...(isMailing ? { messageId: nth + 1, own } : {}),
  }));
  const deliveries = settleAll({ ...settings, guarantee: 'at-least-once' }, pushes, outcomes);
  return blameProject({ acceptUnregistered: false }, deliveries, outcomes, { smallSampleCounts: isFirst });
}

function count(deliveries: readonly Delivery[], verdict: Delivery['verdict']): number {
  return deliveries.filter((each) => each.verdict === verdict).length;
}

describe.each([
  ['INVALID_ARGUMENT without a word about the target', generic],
  ['SENDER_ID_MISMATCH', mismatch],
])('%s', (_, refusal) => {
  test('most of a chunk: nothing is final, and the announcement cannot go on', () => {
    const outcomes = [...times(11, refusal), ...times(9, delivered)];
    const judged = judgeChunk(outcomes);
    expect(count(judged, 'misconfigured')).toBe(11);
    expect(count(judged, 'rejected')).toBe(0);
    expect(explainFailure(judged, outcomes)).toContain('11 of 20 pushes');
  });

  test('half of a chunk: those devices alone are rejected', () => {
    const outcomes = [...times(10, refusal), ...times(10, delivered)];
    const judged = judgeChunk(outcomes);
    expect(count(judged, 'rejected')).toBe(10);
    expect(explainFailure(judged, outcomes)).toBeNull();
  });

  test('all of a small chunk: the fault of the devices, unless it is the first chunk', () => {
    const outcomes = times(9, refusal);
    expect(count(judgeChunk(outcomes), 'rejected')).toBe(9);
    expect(count(judgeChunk(outcomes, { isFirst: true }), 'misconfigured')).toBe(9);
  });
});

test('targets that FCM blames itself are rejected, however many they are', () => {
  expect(count(judgeChunk(times(500, ofTarget), { isFirst: true }), 'rejected')).toBe(500);
});

test('bad targets stay rejected in a chunk that stops for another refusal', () => {
  const judged = judgeChunk([...times(3, ofTarget), ...times(12, generic)]);
  expect(count(judged, 'rejected')).toBe(3);
  expect(count(judged, 'misconfigured')).toBe(12);
});

describe('phones that have moved, and rows whose kind is in doubt, say nothing about the project', () => {
  const gone = outcome('unregistered', 'UNREGISTERED');
  const again = (reason: string): Outcome => ({ ...outcome('retryable', reason), retryAfterMs: 0 });

  test.each([
    ['another row has the phone', { ...gone, isSuperseded: true }],
    ['the row has another target', again(TARGET_REPLACED)],
    ['the row has the wrong kind', again(WRONG_KIND)],
  ])('%s: all others are gone, and that is suspicious', (_, moved) => {
    const judged = judgeChunk([...times(70, gone), ...times(30, moved)]);
    expect(judged.filter(({ verdict }) => verdict === 'misconfigured').length).toBeGreaterThanOrEqual(70);
  });

  test('all have moved: nothing is suspicious', () => {
    expect(count(judgeChunk(times(100, { ...gone, isSuperseded: true })), 'unregistered')).toBe(100);
  });

  test('FCM that refuses targets is not down, and a refused target keeps its own verdict in an outage', () => {
    const down = times(9, outcome('retryable', 'UNAVAILABLE'));
    const options = { smallSampleCounts: true };
    expect(explainOutage([...down, again(WRONG_KIND)], options)).toBeNull();
    const outcomes = [...times(90, outcome('retryable', 'UNAVAILABLE')), ...times(10, again(WRONG_KIND))];
    expect(explainOutage(outcomes, options)).toContain('FCM is down');
    const kept = keepAttempts(outcomes, judgeChunk(outcomes));
    expect([count(kept, 'unsent'), count(kept, 'retryable')]).toEqual([90, 10]);
  });
});

describe.each([
  ['a field of the payload', payload],
  ['no field', generic],
])('messages with their own content, of which FCM blames %s', (_, refusal) => {
  test('a few are rejected alone, also in the first chunk', () => {
    expect(count(judgeChunk(times(9, refusal), { isFirst: true, isMailing: true }), 'rejected')).toBe(9);
  });

  test('most of a larger chunk: nothing is final', () => {
    expect(count(judgeChunk(times(10, refusal), { isMailing: true }), 'misconfigured')).toBe(10);
  });
});

test('the reason for a failure has what FCM says itself, and what to do', () => {
  const refused: Outcome = { ...outcome('misconfigured', 'HTTP_403_SERVICE_DISABLED'), words: 'Enable it.' };
  const outcomes = times(4, refused);
  expect(explainFailure(judgeChunk(outcomes), outcomes)).toBe(
    'FCM refused 4 of 4 pushes, and not because of the devices (HTTP_403_SERVICE_DISABLED): ' +
      `${adviseOn(['HTTP_403_SERVICE_DISABLED'])}. FCM says: Enable it.`,
  );
  expect(adviseOn(['HTTP_403_SERVICE_DISABLED'])).toContain('enable the Firebase Cloud Messaging API');
});

test('of many different reasons only the most frequent are named', () => {
  const outcomes = Array.from({ length: 500 }, (_, nth) => outcome('misconfigured', `NEW_CODE_${nth}`));
  outcomes.push(outcome('misconfigured', 'NEW_CODE_77'));
  const reason = explainFailure(judgeChunk(outcomes), outcomes);
  expect(reason).toMatch(/\(NEW_CODE_77, (NEW_CODE_\d+, ){3}NEW_CODE_\d+ and 495 more\)/);
});

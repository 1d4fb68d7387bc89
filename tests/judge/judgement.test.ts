import { expect, test } from 'vitest';
import { type Answer, Judgement } from '../../src/judge/judgement.ts';
import type { Outcome } from '../../src/model/delivery.ts';
import { delivered, outcome } from '../support/context.ts';

const GROUP = 100;
const gone = outcome('unregistered', 'UNREGISTERED');
const refused = outcome('rejected', 'INVALID_ARGUMENT');
const down = outcome('retryable', 'UNAVAILABLE');

function makeJudgement({ round = 0 } = {}) {
  return new Judgement({
    ...{ maxAttempts: 5, retryMs: 10_000, quotaRetryMs: 60_000, jitter: () => 0 },
    ...{ guarantee: 'at-least-once', round, acceptUnregistered: false, groupSize: GROUP },
  });
}

let devices = 0;
function answers(count: number, one: Outcome, sentAt = 0): Answer[] {
  return Array.from({ length: count }, () => ({
    push: { deviceId: ++devices, target: 't', targetKind: 'token' },
    outcome: one,
    sentAt,
    tookMs: 50,
  }));
}

test('what FCM accepted is recorded at once; a refusal waits until its group is whole', () => {
  const judgement = makeJudgement();
  const first = judgement.rule([...answers(10, delivered), ...answers(1, gone)]);
  expect(first.deliveries.map(({ verdict }) => verdict)).toEqual(
    Array.from({ length: 10 }, () => 'delivered'),
  );
  expect(first).toMatchObject({ isWhole: false, outage: null, failure: null });
  const second = judgement.rule(answers(GROUP - 11, delivered));
  expect(second.isWhole).toBe(true);
  expect(second.deliveries).toHaveLength(GROUP - 10);
  expect(second.deliveries.filter(({ verdict }) => verdict === 'unregistered')).toHaveLength(1);
  // The next group begins empty.
  expect(judgement.rule([], { isWhole: true }).deliveries).toEqual([]);
});

test('a few answers prove nothing of the project: twenty apps that are gone wait for the rest of their group', () => {
  const judgement = makeJudgement();
  expect(judgement.rule(answers(20, gone))).toMatchObject({ deliveries: [], failure: null });
  const whole = judgement.rule(answers(GROUP - 20, delivered));
  expect(whole.failure).toBeNull();
  expect(whole.deliveries.filter(({ verdict }) => verdict === 'unregistered')).toHaveLength(20);
});

test.each([
  ['a payload that FCM refuses', refused, GROUP * 0.6],
  ['apps that are nearly all gone', gone, GROUP * 0.95],
])('%s fails the announcement, and costs no device its push', (_words, refusal, count) => {
  const judgement = makeJudgement();
  const early = judgement.rule([...answers(GROUP - count, delivered), ...answers(count - 1, refusal)]);
  expect(early).toMatchObject({ failure: null, isWhole: false });
  const { failure, deliveries } = judgement.rule(answers(1, refusal));
  expect(failure).toContain(refusal.reason);
  expect(deliveries).toHaveLength(count);
  expect(new Set(deliveries.map(({ verdict }) => verdict))).toEqual(new Set(['misconfigured']));
});

test.each([
  ['refusals of the payload', refused],
  ['apps that are gone', gone],
])(
  'after a failure the answers that are still out are final for no device, though they are few: %s',
  (_words, one) => {
    const judgement = makeJudgement();
    expect(judgement.rule(answers(GROUP, one)).failure).not.toBeNull();
    const rest = judgement.rule([...answers(3, one), ...answers(1, delivered)]);
    expect(rest.deliveries.map(({ verdict }) => verdict)).toEqual([
      ...['misconfigured', 'misconfigured', 'misconfigured', 'delivered'],
    ]);
  },
);

test('an outage shows before the group is whole, and what FCM did not take goes first afterwards', () => {
  const judgement = makeJudgement();
  expect(judgement.rule(answers(9, down, 700)).outage).toBeNull();
  const ruling = judgement.rule(answers(1, down, 900));
  expect(ruling.outage).toContain('FCM is down');
  expect(ruling.failedSince).toBe(700);
  expect(ruling.deliveries.map(({ verdict }) => verdict)).toEqual(Array.from({ length: 10 }, () => 'unsent'));
  // Answers of pushes that were in flight when the outage showed.
  const late = judgement.rule([...answers(1, down), ...answers(1, delivered)]);
  expect(late.deliveries.map(({ verdict }) => verdict)).toEqual(['retryable', 'delivered']);
});

test('a retry round meets no outage: its pushes failed before', () => {
  expect(makeJudgement({ round: 1 }).rule(answers(GROUP, down)).outage).toBeNull();
});

test('the canary is judged though it is small', () => {
  const judgement = makeJudgement();
  const { failure } = judgement.rule(answers(3, refused), { isWhole: true, smallSampleCounts: true });
  expect(failure).toContain('INVALID_ARGUMENT');
});

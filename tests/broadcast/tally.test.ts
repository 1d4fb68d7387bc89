import { describe, expect, test } from 'vitest';
import { Tally } from '../../src/broadcast/tally.ts';
import { countVerdicts, type Delivery, type Push, type Verdict } from '../../src/model/delivery.ts';

const atLeastOnce = { guarantee: 'at-least-once' } as const;
const atMostOnce = { guarantee: 'at-most-once' } as const;

function make(deviceId: number, verdict: Verdict, reason: string | null = null): Delivery {
  return { deviceId, verdict, reason, messageName: null, retryInMs: null };
}

function count(tally: Tally, deliveries: readonly Delivery[], now = 0) {
  return tally.makeBatch(deliveries, countVerdicts(deliveries), now);
}

function pushOf(deviceId: number, was: Verdict): Push {
  return { deviceId, target: 't', targetKind: 'token', was };
}

describe('a tally', () => {
  test('numbers its batches on from those of earlier claimants, and adds to their work', () => {
    const work = {
      ...{ waitMs: 1, readMs: 2, sendMs: 3, recordMs: 4, sent: 5 },
      answers: [0, 5],
      reasons: { UNAVAILABLE: { pushes: 5, firstAt: 10, lastAt: 11 } },
    };
    const tally = new Tally({ round: 0, batches: 7, work }, atLeastOnce);
    Object.assign(tally, { waitMs: 100, readMs: 20 });
    tally.countAnswer(4);
    tally.countAnswer(7);
    const batch = count(tally, [make(1, 'delivered'), make(2, 'retryable', 'UNAVAILABLE')], 50);
    expect(batch).toEqual({
      number: 8,
      counts: { ...countVerdicts([]), delivered: 1, retryable: 1 },
      work: {
        ...{ waitMs: 101, readMs: 22, sendMs: 3, recordMs: 4, sent: 7 },
        answers: [1, 6],
        reasons: { UNAVAILABLE: { pushes: 6, firstAt: 10, lastAt: 50 } },
      },
    });
    expect(count(tally, []).number).toBe(9);
  });

  test('of a retry round takes a push from its earlier verdict, each time it is recorded', () => {
    const tally = new Tally({ round: 1 }, atLeastOnce);
    tally.takePushes([pushOf(1, 'retryable'), pushOf(2, 'unknown')]);
    expect(count(tally, [make(1, 'delivered'), make(2, 'retryable')]).counts).toEqual({
      ...countVerdicts([]),
      ...{ delivered: 1, unknown: -1 },
    });
    expect(count(tally, [make(2, 'delivered')]).counts).toEqual({
      ...countVerdicts([]),
      ...{ delivered: 1, retryable: -1 },
    });
  });

  test('of a retry round at most once takes it from the unknown, as which it was written before it was sent', () => {
    const tally = new Tally({ round: 1 }, atMostOnce);
    tally.takePushes([pushOf(1, 'retryable')]);
    expect(count(tally, [make(1, 'delivered')]).counts).toEqual({
      ...countVerdicts([]),
      ...{ delivered: 1, unknown: -1 },
    });
  });

  test('counts further reasons together, so that the row stays small', () => {
    const tally = new Tally({ round: 0 }, atLeastOnce);
    const { work } = count(
      tally,
      Array.from({ length: 100 }, (_, nth) => make(nth, 'rejected', `REASON_${nth}`)),
    );
    expect(Object.keys(work.reasons)).toHaveLength(31);
    expect(work.reasons['OTHER']).toMatchObject({ pushes: 70 });
  });
});

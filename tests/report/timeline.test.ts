import { expect, test } from 'vitest';
import { PARTS, partsOf, type Part, type TimelineInput } from '../../src/report/timeline.ts';
import { makeEntry, makeHop } from '../support/summaries.ts';

const PACE = { perMinute: 600_000, rampMs: 0 };

/** The parts of such an announcement that are not zero. */
function shareOut(input: Partial<TimelineInput>): Partial<Record<Part, number>> {
  const whole = {
    hops: [],
    audit: [],
    sourceAudit: [],
    startedAt: 0,
    endedAt: 100_000,
    pace: PACE,
    rampFrom: null,
  };
  const { parts, spans, wallMs } = partsOf({ ...whole, ...input });
  const sum = PARTS.reduce((total, part) => total + parts[part], 0);
  expect(sum).toBeCloseTo(wallMs, 6);
  expect(spans.reduce((total, { from, to }) => total + to - from, 0)).toBe(wallMs);
  return Object.fromEntries(Object.entries(parts).filter(([, ms]) => ms > 0));
}

test('the way of one hop has a part for each of its waits', () => {
  const hop = makeHop({
    claimedAt: 1000,
    openedAt: 11_000,
    closedAt: 31_000,
    work: { readMs: 500, sendMs: 20_000 },
  });
  expect(shareOut({ hops: [hop], endedAt: 31_000 })).toEqual({
    starting: 1000,
    database: 500,
    budget: 9500,
    sending: 20_000,
  });
});

test('a moment in which one hop sends is no wait of another, unless that one waits for its slot', () => {
  const first = makeHop({ closedAt: 60_000, work: { sendMs: 60_000 } });
  const second = makeHop({
    fromId: 1001,
    plantedAt: 0,
    claimedAt: 20_000,
    openedAt: 50_000,
    closedAt: 100_000,
    work: { sendMs: 50_000 },
  });
  expect(shareOut({ hops: [first, second] })).toEqual({ sending: 70_000, budget: 30_000 });
});

test('a hop that sends at the full rate is held to the budget', () => {
  const hop = makeHop({ closedAt: 6000, work: { sendMs: 6000, sent: 60_000 } });
  expect(shareOut({ hops: [hop], endedAt: 6000 })).toEqual({ budget: 6000 });
});

test('a ramp counts before the budget, for as long as it lasts and is used', () => {
  const pace = { ...PACE, rampMs: 60_000 };
  const full = makeHop({ closedAt: 100_000, work: { sendMs: 100_000, sent: 1_000_000 } });
  expect(shareOut({ hops: [full], pace, rampFrom: 0 })).toEqual({ ramp: 60_000, budget: 40_000 });
  const slow = makeHop({ closedAt: 100_000, work: { sendMs: 100_000, sent: 1000 } });
  expect(shareOut({ hops: [slow], pace, rampFrom: 0 })).toEqual({ sending: 100_000 });
});

test('a pause, a throttle and an outage count before what hops do meanwhile', () => {
  const hop = makeHop({ closedAt: 100_000, work: { sendMs: 100_000 } });
  const audit = [
    makeEntry('started', 0, { became: 'running' }),
    makeEntry('paused', 80_000, { became: 'paused' }),
    makeEntry('resumed', 90_000, { became: 'running' }),
  ];
  const sourceAudit = [
    makeEntry('throttled', 10_000, { why: 'throttled for 20 s' }),
    makeEntry('outage', 50_000, { why: 'FCM is down (UNAVAILABLE): waiting for 10 s' }),
    makeEntry('outage', 60_000, { why: 'FCM is down (UNAVAILABLE): waiting for 20 s' }),
    makeEntry('outage over', 75_000),
  ];
  const pace = { ...PACE, rampMs: 1 };
  const parts = shareOut({ hops: [hop], audit, sourceAudit, pace });
  expect(parts).toMatchObject({ paused: 10_000, throttled: 20_000, down: 25_000 });
});

test('the gap of a hop whose invocation was killed is stalled, and so is a lost event', () => {
  const killed = makeHop({ closedAt: 50_000, takenOver: 1, woken: 1, work: { sendMs: 10_000 } });
  const lost = makeHop({
    fromId: 1001,
    plantedAt: 50_000,
    claimedAt: 90_000,
    openedAt: 90_000,
    closedAt: 100_000,
    woken: 1,
    work: { sendMs: 10_000 },
  });
  expect(shareOut({ hops: [killed, lost] })).toEqual({ sending: 20_000, stalled: 80_000 });
});

test('a hop that nothing has begun is starting until it should have been, and stalled after', () => {
  const hop = makeHop({ claimedAt: null, openedAt: null });
  expect(shareOut({ hops: [hop] })).toEqual({ starting: 5000, stalled: 95_000 });
  expect(shareOut({ hops: [{ ...hop, woken: 2, leaseUntil: 90_000 }] })).toEqual({ stalled: 100_000 });
});

test('the time until a retry round is due is its own part', () => {
  const first = makeHop({ closedAt: 10_000, work: { sendMs: 10_000 } });
  const retry = makeHop({
    round: 1,
    plantedAt: 10_000,
    claimedAt: 80_000,
    openedAt: 80_000,
    closedAt: 100_000,
    work: { sendMs: 20_000 },
    woken: 1,
  });
  expect(shareOut({ hops: [first, retry] })).toEqual({ sending: 30_000, retries: 70_000 });
});

test('sending that waits for the database is its part', () => {
  const hop = makeHop({ closedAt: 100_000, work: { sendMs: 100_000, recordMs: 80_300, sent: 1000 } });
  expect(shareOut({ hops: [hop] })).toEqual({ sending: 20_000, database: 80_000 });
});

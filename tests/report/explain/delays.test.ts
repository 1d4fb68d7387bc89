import { expect, test } from 'vitest';
import { findCause } from '../../../src/report/explain/causes.ts';
import { tellStory } from '../../../src/report/explain/story.ts';
import { writeHeadline } from '../../../src/report/page/headline.ts';
import type { Report } from '../../../src/report/page/report.ts';
import { rowsOf } from '../../../src/report/page/strip.ts';
import { rampFromOf } from '../../../src/report/ramps.ts';
import { partsOf } from '../../../src/report/timeline.ts';
import type { HopSummary } from '../../../src/model/summary.ts';
import { makeHop } from '../../support/summaries.ts';
import { makeLargeReport } from '../page/made-report.ts';

const PACE = { perMinute: 600_000, rampMs: 0 };

/** A report of such hops, whose broadcast took from 0 to `endedAt`. */
function makeReport(hops: readonly HopSummary[], endedAt: number): Report {
  const whole = { hops, audit: [], sourceAudit: [], pace: PACE };
  const use = partsOf({ ...whole, startedAt: 0, endedAt, rampFrom: null });
  const times = { publishAt: 0, startedAt: 0, finishedAt: endedAt };
  const large = makeLargeReport();
  const totals = { ...large.totals, read: 1000 };
  return { ...large, ...whole, times, totals, use, balance: null, now: endedAt };
}

function lastLineOf(report: Report): string | undefined {
  return writeHeadline(report).lines.at(-1);
}

// An invocation was killed, so that nothing worked for 5 s; then a retry round was due after 9 s.
const KILLED = makeHop({ closedAt: 11_000, takenOver: 1, work: { sendMs: 6000 } });
const ROUND = makeHop({
  ...{ round: 1, plantedAt: 11_000, claimedAt: 20_000, openedAt: 20_000, closedAt: 20_300, woken: 1 },
  work: { sendMs: 300 },
});

test('the headline names what took the most time, sending aside, and the cause of explain does not contradict it', () => {
  const both = makeReport([KILLED, ROUND], 20_300);
  expect(both.use?.parts).toMatchObject({ retries: 9000, stalled: 5000 });
  expect(lastLineOf(both)).toMatch(/It took longer: waiting until retries were due \(9\.0 s of 20\.3 s\)\.$/);
  expect(findCause(both)).toMatchObject({
    code: 'killed',
    cause: expect.stringMatching(
      /^1 invocation ended without .* stood still for 5\.0 s; more of the time went elsewhere: waiting until retries were due \(9\.0 s of 20\.3 s\)$/,
    ) as string,
  });

  const killed = makeReport([KILLED], 11_000);
  expect(lastLineOf(killed)).toMatch(/It took longer: 1 invocation ended without .* for 5\.0 s\.$/);
  expect(findCause(killed).cause).not.toContain('elsewhere');
});

test('rows that another session has locked are told from a database that is down, and suspected behind a slow one', () => {
  const back = 'database: ER_LOCK_WAIT_TIMEOUT: Lock wait timeout exceeded; try restarting transaction';
  const locked = makeHop({ closedAt: 60_000, givenBack: 1, backReason: back, work: { sendMs: 10_000 } });
  const { code, remedy } = findCause(makeReport([locked], 60_000));
  expect(code).toBe('database-down');
  expect(remedy).toMatch(/rows were locked by another session: in MySQL, SHOW PROCESSLIST and .*INNODB_TRX/);
  const slow = makeHop({ closedAt: 60_000, work: { sendMs: 60_000, recordMs: 50_000 } });
  expect(findCause(makeReport([slow], 60_000))).toMatchObject({
    code: 'database-slow',
    remedy: expect.stringMatching(/load and disk.*or another session held locks: .*PROCESSLIST/) as string,
  });
});

test('the story, the strip and the proof agree on which hops were interrupted: the first hop of a round is woken when it is due', () => {
  const due = { ...ROUND, woken: 1 };
  const late = { ...ROUND, fromId: 500, woken: 1 };
  const troubledIn = (hops: readonly HopSummary[]) =>
    rowsOf(hops, 30_000, 100).flatMap(({ cells }) => cells.filter(({ isTroubled }) => isTroubled)).length;
  const toldIn = (hops: readonly HopSummary[]) =>
    tellStory(makeReport(hops, 20_300)).filter(({ says }) => says.includes('woken by the tick')).length;
  for (const [hops, count] of [
    [[due], 0],
    [[late], 1],
    [[{ ...due, woken: 2 }], 1],
  ] as const) {
    expect([troubledIn(hops), toldIn(hops)]).toEqual([count, count]);
  }
});

test('an announcement that ended before the last ramp of its source had a ramp of its own', () => {
  const hops = [makeHop({ openedAt: 500 })];
  expect(rampFromOf({ hops, budget: { rampAgeMs: 1000 }, now: 100_000, endedAt: 9000 })).toBe(500);
  expect(rampFromOf({ hops, budget: { rampAgeMs: 99_000 }, now: 100_000, endedAt: 9000 })).toBe(1000);
});

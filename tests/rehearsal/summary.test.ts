import { expect, test } from 'vitest';
import { VERDICTS } from '../../src/model/delivery.ts';
import type { Measurements } from '../../src/rehearsal/summary.ts';
import { describeSummary, isFlawless, summarize } from '../../src/rehearsal/summary.ts';
import { makeSandboxTally } from '../../src/rehearsal/fcm/stats.ts';
import { makeTally } from '../../src/local/lambda/stats.ts';
import type { QueueProgress } from '../../src/rehearsal/messages.ts';

const progress: QueueProgress = {
  announcement: { status: 'done', statusReason: null },
  counts: {
    ...(Object.fromEntries(VERDICTS.map((verdict) => [verdict, 0])) as QueueProgress['counts']),
    delivered: 1000,
  },
  hops: { open: 0, closed: 1 },
  lambda: { ...makeTally(), queued: 0 },
  seconds: 2,
};

const cpu = { sandboxSeconds: 1.25, workerSeconds: 2.5, databaseSeconds: null, cores: 2, share: 0.934 };

function summaryOf(more: Partial<Measurements> = {}) {
  const chaos = { kills: 0, dbFaults: 0, eventsDuplicated: 0, eventsDropped: 0, inFlightAtKills: 0 };
  const fcm = {
    ...makeSandboxTally(600_000).stats(),
    quotaUse: 0.961,
    peakMinute: 0.3321,
    peakAheadMs: 1234.5,
  };
  return summarize({ devices: 1000, messages: 0, seed: 1 }, progress, {
    moves: { migrated: 0, livingMarked: 0 },
    findings: { lost: 0, duplicated: 0 },
    balances: { balance: null, unbalanced: 0 },
    fcm,
    chaos,
    cpu,
    ...more,
  });
}

test('the summary says who used the CPU, and how the quota was used', () => {
  const text = describeSummary(summaryOf());
  expect(text).toContain(
    'CPU: sandbox, local Lambda and progress 1.3 s, workers 2.5 s; 93% of 2 cores busy\n',
  );
  expect(text).toContain(
    'quota: 96% used in the middle of the broadcast; at most 33% of it within any 60 s, and never more than 1,235 ms ahead of it\n',
  );
  expect(summaryOf()).toMatchObject({ cpu, quotaUse: 0.961, peakMinute: 0.332, peakAheadMs: 1235 });
});

test('the CPU time of the database is part of the line where it is known', () => {
  const text = describeSummary(summaryOf({ cpu: { ...cpu, databaseSeconds: 3, cores: 1 } }));
  expect(text).toContain('workers 2.5 s, database 3.0 s; 93% of 1 core busy');
});

test('a duplicate is no flaw if its first push had no answer in time', () => {
  const fcm = { ...makeSandboxTally(600_000).stats(), ambiguous: 1 };
  const findings = { lost: 0, duplicated: 1 };
  expect(isFlawless(summaryOf({ findings }))).toBe(false);
  expect(describeSummary(summaryOf({ findings }))).toContain(
    'not as guaranteed: 1 duplicated, expected at most 0 (in flight and ambiguous)',
  );
  expect(describeSummary(summaryOf({ findings, fcm }))).not.toContain('not as guaranteed');
  expect(isFlawless(summaryOf({ findings, fcm }))).toBe(true);
});

test('a canary that is silent although its phone lives is a flaw, and canaries are shown only if there are any', () => {
  const canaries = { canaries: 5, canariesAnswered: 3, canariesSilent: 2, canariesMisjudged: 1 };
  expect(isFlawless(summaryOf({ canaries }))).toBe(false);
  expect(isFlawless(summaryOf({ canaries: { ...canaries, canariesMisjudged: 0 } }))).toBe(true);
  expect(describeSummary(summaryOf({ canaries }))).toMatch(/canaries +5 .*\n +answered +3 .*\n +silent +2 /);
  expect(describeSummary(summaryOf())).not.toContain('canaries');
});

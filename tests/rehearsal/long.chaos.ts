import { describe, expect, test } from 'vitest';
import { defaultOptions } from '../../src/rehearsal/options.ts';
import { isFlawless, type Summary } from '../../src/rehearsal/summary.ts';
import { baton } from '../support/baton.ts';
import { type DatabaseKind, databaseKinds, makeDatabase } from '../support/database.ts';
import { PATIENT, rehearseHere, rehearseInProcess as rehearse } from '../support/rehearsal.ts';

const LONG = 120_000;

test(
  'every device of a broadcast is accounted for, and the summary is one JSON object',
  { timeout: LONG },
  async () => {
    const { status, summary, err } = await rehearse(
      ...['--devices', '7000', '--faults', 'unregistered=0.02,invalid=0.01,mismatch=0.005'],
      ...['--latency', '10'],
    );
    expect(status).toBe(0);
    expect(err).toBe('');
    expect(summary).toMatchObject({ status: 'done', reason: null, devices: 7000, lost: 0, duplicated: 0 });
    expect(summary.hops).toBe(3);
    expect(summary.delivered + summary.unregistered + summary.rejected).toBe(7000);
    expect(summary.unregistered).toBeGreaterThan(100);
    expect(summary.rejected).toBeGreaterThan(70);
    expect(summary.retryable + summary.misconfigured + summary.unknown).toBe(0);
    expect(summary.peakRssMb).toBeLessThan(200);
    expect(Object.keys(summary)).toEqual(
      expect.arrayContaining(['seconds', 'perSecond', 'throttled', 'peakConcurrency', 'peakRssMb']),
    );
  },
);

test(
  'both databases and both transports give the same summary for the same seed',
  { timeout: LONG },
  async () => {
    const summarize = async (kind: DatabaseKind, transport: 'http2' | 'sdk') => {
      const database = await makeDatabase(kind, { migrated: false });
      const summary = await rehearseHere(
        {
          ...{ database: database.url, transport, seed: 5, latencyMs: 5, devices: 1000, pageSize: 300 },
          ...{ workers: defaultOptions.workers, faults: 'unregistered=0.02,invalid=0.01,mismatch=0.005' },
        },
        PATIENT,
      );
      await database.drop();
      const { status, delivered, unregistered, rejected, lost, duplicated, hops } = summary;
      return { status, delivered, unregistered, rejected, lost, duplicated, hops };
    };
    const summaries = [];
    for (const transport of ['http2', 'sdk'] as const) {
      // Two at once: they mostly start.
      const both = databaseKinds().map((kind) => summarize(kind, transport));
      summaries.push(...(await Promise.all(both)));
    }
    expect(summaries[0]).toMatchObject({ status: 'done', lost: 0, duplicated: 0, hops: 4 });
    for (const summary of summaries) expect(summary).toEqual(summaries[0]);
  },
);

test('a worker does not grow over 100 hops', { timeout: LONG }, async () => {
  const { err } = await baton([
    ...['rehearse', '--verbose', '--workers', '1', '--devices', '30000', '--page-size', '300'],
    ...['--latency', '1', '--ramp', '0'],
  ]);
  const sizes = [...err.matchAll(/Max Memory Used: (\d+) MB/g)].map(([, size]) => Number(size));
  expect(sizes.length).toBeGreaterThanOrEqual(100);
  expect(Math.max(...sizes)).toBeLessThan(200);
  expect(sizes.at(-1)! - sizes[20]!).toBeLessThan(30);
});

test(
  'a page that takes longer than the time-out continues in repeats of its hop, and Lambda kills no invocation',
  { timeout: LONG },
  async () => {
    const { status, summary } = await rehearse(
      ...['--timeout', '5', '--devices', '9000', '--page-size', '9000', '--latency', '150', '--workers', '1'],
    );
    expect(summary).toMatchObject({ status: 'done', lost: 0, duplicated: 0, hops: 1, timeouts: 0 });
    expect(summary.invocations).toBeGreaterThan(1);
    expect(status).toBe(0);
  },
);

test(
  'while FCM throttles, no worker pushes before the time that FCM asks for; then the rate rises from half',
  { timeout: LONG },
  async () => {
    const { out, err } = await baton([
      ...['rehearse', '--json', '--verbose', '--devices', '16000', '--page-size', '1000', '--latency', '10'],
      // The full rate is reached after five seconds. After the stop at six, it takes two slots and a half to rise again: one
      // that a busy machine reserves late still begins below the full rate.
      ...['--quota', '120000', '--ramp', '100', '--lanes', '2', '--outage', '429@6+3', '--faults', ''],
    ]);
    const summary = JSON.parse(out) as Summary;
    expect(summary).toMatchObject({ status: 'done', delivered: 16_000, lost: 0, duplicated: 0 });
    // One chunk of each lane, and its pushes in flight; nothing more arrives before the three seconds are over.
    expect(summary.throttled).toBeGreaterThan(0);
    expect(summary.throttled).toBeLessThanOrEqual(4 * 500);
    expect(summary.outageHeardMs).toBeLessThan(2500);
    const stop = err.indexOf('source stopped');
    expect(err.slice(stop)).toMatch(/^source stopped.*"pauseMs":[23]000,"reason":"throttled"/);
    const rates = [...err.slice(stop).matchAll(/"perMinute":(\d+)/g)].map(([, rate]) => Number(rate));
    // A little more than half, for the time by which the next slot is late.
    expect(rates[0]).toBeLessThan(75_000);
    expect(rates.at(-1)).toBeGreaterThan(rates[0]!);
  },
);

test(
  'two announcements at once, in lanes: each device gets both once, and the quota is used but not exceeded',
  { timeout: LONG },
  async () => {
    const { status, summary } = await rehearse(
      ...['--announcements', '2', '--lanes', '4', '--devices', '12000', '--page-size', '1000'],
      ...['--quota', '160000', '--ramp', '0', '--latency', '20', '--faults', ''],
    );
    expect(status).toBe(0);
    expect(summary).toMatchObject({
      status: 'done',
      delivered: 24_000,
      lost: 0,
      duplicated: 0,
      throttled: 0,
    });
    expect(summary.quotaUse).toBeGreaterThan(0.7);
    expect(summary.quotaUse).toBeLessThan(1.1);
  },
);

// Two at once: they mostly wait, for leases, ticks and retries.
describe.concurrent.each(databaseKinds())('on %s', (kind) => {
  const FRAME = { workers: defaultOptions.workers, rampSeconds: defaultOptions.rampSeconds, pageSize: 3000 };

  test.each([
    ['as a mailing', { messages: 2000, pageSize: 300, kills: 2, drop: 0.05 }],
    ['from a queue, some records twice', { messages: 500, isQueue: true }],
  ])('messages %s reach the devices of their recipients once', { timeout: LONG }, async (_, options) => {
    const database = await makeDatabase(kind, { migrated: false });
    const faults = { duplicate: 0.2, faults: 'unregistered=0.01,unavailable=0.03' };
    const summary = await rehearseHere(
      { ...FRAME, ...options, ...faults, devices: 600, hurry: 60, latencyMs: 20, database: database.url },
      PATIENT,
    );
    expect(summary).toMatchObject({ status: 'done', lost: 0, retryable: 0 });
    expect(summary.duplicated).toBeLessThanOrEqual(summary.inFlightAtKills);
    expect(summary.eventsDuplicated).toBeGreaterThan(0);
    expect(summary.delivered).toBeGreaterThan(summary.messages);
    expect(isFlawless(summary)).toBe(true);
    await database.drop();
  });

  test('transient faults are retried until every device has a final verdict', { timeout: LONG }, async () => {
    const database = await makeDatabase(kind, { migrated: false });
    const faults = { faults: 'unavailable=0.05,internal=0.02,quota=0.02,goaway=0.005' };
    const summary = await rehearseHere(
      { ...FRAME, ...faults, devices: 2000, pageSize: 500, hurry: 100, latencyMs: 5, database: database.url },
      PATIENT,
    );
    expect(summary).toMatchObject({ status: 'done', retryable: 0, lost: 0, duplicated: 0 });
    expect(summary.delivered + summary.rejected).toBe(2000);
    expect(summary.throttled).toBeGreaterThan(20);
    expect(isFlawless(summary)).toBe(true);
    await database.drop();
  });
});

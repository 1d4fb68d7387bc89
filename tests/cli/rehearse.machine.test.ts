import { describe, expect, test } from 'vitest';
import type { Summary } from '../../src/rehearsal/summary.ts';
import { baton } from '../support/baton.ts';
import { databaseKinds, makeDatabase } from '../support/database.ts';
import { rehearse } from '../support/rehearsal.ts';

const LONG = 60_000;

const FAULTS = 'unregistered=0.02,invalid=0.01,mismatch=0.005';

test(
  'every device of a broadcast is accounted for, and the summary is one JSON object',
  { timeout: LONG },
  async () => {
    const { status, summary, err } = await rehearse(
      '--devices',
      '7000',
      '--faults',
      FAULTS,
      '--latency',
      '10',
    );
    expect(status).toBe(0);
    expect(err).toBe('');
    expect(summary).toMatchObject({
      status: 'done',
      reason: null,
      devices: 7000,
      hops: 3,
      lost: 0,
      duplicated: 0,
    });
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
  'both databases and both transports come to the same summary for the same seed',
  { timeout: LONG },
  async () => {
    const runs = databaseKinds().flatMap((kind) => [
      { kind, transport: 'http2' },
      { kind, transport: 'sdk' },
    ]);
    const tallies = [];
    for (const { kind, transport } of runs) {
      const database = await makeDatabase(kind, { migrated: false });
      const { summary } = await rehearse(
        ...['--database', database.url, '--transport', transport, '--seed', '5', '--latency', '5'],
        ...['--devices', '1000', '--page-size', '300', '--faults', FAULTS],
      );
      const { status, delivered, unregistered, rejected, lost, duplicated, hops } = summary;
      tallies.push({ status, delivered, unregistered, rejected, lost, duplicated, hops });
      await database.drop();
    }
    expect(tallies[0]).toMatchObject({ status: 'done', lost: 0, duplicated: 0, hops: 4 });
    for (const tally of tallies) expect(tally).toEqual(tallies[0]);
  },
);

test(
  'with RecursiveLoop at Terminate the 17th hop is dropped, and the rehearsal says why and what to do',
  { timeout: LONG },
  async () => {
    const { status, summary } = await rehearse(
      ...['--recursive-loop', 'Terminate', '--devices', '2000', '--page-size', '100', '--latency', '5'],
    );
    expect(status).toBe(1);
    expect(summary).toMatchObject({ status: 'running', hops: 16, openHops: 1, lost: 400 });
    expect(summary.reason).toContain('recursive loop detection dropped the next hop after 16');
    expect(summary.reason).toContain('aws lambda put-function-recursion-config');
  },
);

test('a worker does not grow over 100 hops', { timeout: LONG }, async () => {
  const { err } = await baton([
    'rehearse',
    '--verbose',
    '--workers',
    '1',
    '--devices',
    '30000',
    '--page-size',
    '300',
    '--latency',
    '1',
  ]);
  const sizes = [...err.matchAll(/Max Memory Used: (\d+) MB/g)].map(([, size]) => Number(size));
  expect(sizes.length).toBeGreaterThanOrEqual(100);
  expect(Math.max(...sizes)).toBeLessThan(200);
  expect(sizes.at(-1)! - sizes[20]!).toBeLessThan(30);
});

test(
  'a page too long for the time-out goes on in repeats of its hop, and no run is killed',
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
  'FCM that wants less is left alone by every worker until its time, and the rate comes back from half',
  { timeout: LONG },
  async () => {
    const { out, err } = await baton([
      ...['rehearse', '--json', '--verbose', '--devices', '9000', '--page-size', '1000', '--latency', '10'],
      ...['--quota', '120000', '--ramp', '20', '--lanes', '2', '--outage', '429@2+3', '--faults', ''],
    ]);
    const summary = JSON.parse(out) as Summary;
    expect(summary).toMatchObject({ status: 'done', delivered: 9000, lost: 0, duplicated: 0 });
    // One chunk of each lane that was at work, and what it had on its way; nobody came again before the three seconds.
    expect(summary.throttled).toBeGreaterThan(0);
    expect(summary.throttled).toBeLessThanOrEqual(4 * 500);
    expect(summary.outageHeardMs).toBeLessThan(2500);
    const stop = err.indexOf('source stopped');
    expect(err.slice(stop)).toMatch(/^source stopped.*"pauseMs":[23]000,"reason":"throttled"/);
    const after = [...err.slice(stop).matchAll(/"perMinute":(\d+)/g)].map(([, rate]) => Number(rate));
    // A little more for what the next slot is late.
    expect(after[0]).toBeLessThan(75_000);
    expect(after.at(-1)).toBeGreaterThan(after[0]!);
  },
);

test(
  'two announcements at once, in lanes: each device has both once, and the quota is used and kept',
  { timeout: LONG },
  async () => {
    const { status, summary } = await rehearse(
      ...['--announcements', '2', '--lanes', '4', '--devices', '12000', '--page-size', '1000'],
      ...['--quota', '240000', '--ramp', '0', '--latency', '20', '--faults', ''],
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

describe.each(databaseKinds())('on %s', (kind) => {
  test.each([
    ['from the table', ['--messages', '2000', '--page-size', '300', '--kills', '2', '--drop', '0.05']],
    ['from a queue, a fifth of it twice', ['--queue', '500']],
  ])('messages %s: each reaches the devices of its recipient, once', { timeout: LONG }, async (_, args) => {
    const database = await makeDatabase(kind, { migrated: false });
    const { status, summary } = await rehearse(
      ...[...args, '--devices', '600', '--database', database.url, '--duplicate', '0.2', '--hurry', '60'],
      ...['--latency', '20', '--faults', 'unregistered=0.01,unavailable=0.03'],
    );
    expect(summary).toMatchObject({ status: 'done', lost: 0, retryable: 0 });
    expect(summary.duplicated).toBeLessThanOrEqual(summary.inFlightAtKills);
    expect(summary.eventsDuplicated).toBeGreaterThan(0);
    expect(summary.delivered).toBeGreaterThan(summary.messages);
    expect(status).toBe(0);
    await database.drop();
  });

  test(
    'faults that pass are tried again until every device has a final verdict',
    { timeout: LONG },
    async () => {
      const database = await makeDatabase(kind, { migrated: false });
      const { status, summary } = await rehearse(
        ...[
          '--database',
          database.url,
          '--devices',
          '2000',
          '--page-size',
          '500',
          '--latency',
          '5',
          '--hurry',
          '100',
        ],
        ...['--faults', 'unavailable=0.05,internal=0.02,quota=0.02,goaway=0.005'],
      );
      expect(status).toBe(0);
      expect(summary).toMatchObject({ status: 'done', retryable: 0, lost: 0, duplicated: 0 });
      expect(summary.delivered + summary.rejected).toBe(2000);
      expect(summary.throttled).toBeGreaterThan(20);
      await database.drop();
    },
  );
});

test.each([
  [['--devices', 'many'], '--devices: expected a whole number from 0 to 100000000, got "many"'],
  [['--faults', 'sunspots=1'], 'faults: expected NAME=SHARE'],
  [['--faults', 'reset=2'], 'came "reset=2"'],
  [['--outage', '429@soon'], 'outage: expected one of 429, 503, 401, 404, silent, @ the second'],
  [['--drop', '1.5'], '--drop: expected a share from 0 to 1, got "1.5"'],
  [['--transport', 'smoke'], '--transport: expected one of http2, sdk, got "smoke"'],
  [['--frobnicate'], "Unknown option '--frobnicate'"],
])('%j is refused', async (args, words) => {
  const { status, out, err } = await baton(['rehearse', ...args]);
  expect(err).toContain(words);
  expect(err.split('\n')).toHaveLength(2);
  expect(out).toBe('');
  expect(status).toBe(2);
});

test('a database with real devices in it is left alone', async () => {
  const database = await makeDatabase('sqlite');
  const { DatabaseSync } = await import('node:sqlite');
  const file = new DatabaseSync(database.url);
  file.exec("INSERT INTO push_device (target, created_at) VALUES ('a-real-one', 0)");
  const { status, err } = await baton(['rehearse', '--database', database.url]);
  expect(err).toBe(
    'baton rehearse: --database: expected one without real devices in it, got one with 1 devices\n',
  );
  expect(status).toBe(2);
  expect(file.prepare('SELECT COUNT(*) AS devices FROM push_device').get()).toEqual({ devices: 1 });
  file.close();
  await database.drop();
});

import { expect, test } from 'vitest';
import { isFlawless } from '../../src/rehearsal/summary.ts';
import { type DatabaseKind, databaseKinds, makeDatabase } from '../support/database.ts';
import { rehearseHere } from '../support/rehearsal.ts';

const server = databaseKinds().at(-1) ?? 'sqlite';

test('both databases and both transports give the same summary for the same seed', async () => {
  const summaries = [];
  const corners: [DatabaseKind, 'http2' | 'sdk'][] = [
    ['sqlite', 'http2'],
    [server, 'sdk'],
  ];
  for (const [kind, transport] of corners) {
    const database = await makeDatabase(kind, { migrated: false });
    const { status, delivered, unregistered, rejected, lost, duplicated, hops } = await rehearseHere({
      database: database.url,
      transport,
      seed: 5,
      devices: 400,
      pageSize: 120,
      faults: 'unregistered=0.02,invalid=0.01,mismatch=0.005',
    });
    summaries.push({ status, delivered, unregistered, rejected, lost, duplicated, hops });
    await database.drop();
  }
  expect(summaries[0]).toMatchObject({ status: 'done', lost: 0, duplicated: 0, hops: 4 });
  expect(summaries[0]?.unregistered).toBeGreaterThan(0);
  expect(summaries[0]?.rejected).toBeGreaterThan(0);
  expect(summaries[1]).toEqual(summaries[0]);
});

test('with RecursiveLoop at Terminate the 17th hop is dropped, and the summary says why and what to do', async () => {
  const summary = await rehearseHere({ recursiveLoop: 'Terminate', devices: 200, pageSize: 10 });
  expect(summary).toMatchObject({ status: 'running', hops: 16, openHops: 1, lost: 40 });
  expect(summary.reason).toContain('recursive loop detection dropped the next hop after 16');
  expect(summary.reason).toContain('aws lambda put-function-recursion-config');
  expect(isFlawless(summary)).toBe(false);
});

test('a page that takes longer than the time-out continues in repeats of its hop, and Lambda kills no invocation', async () => {
  const summary = await rehearseHere({
    // Three seconds are kept as reserve, and an invocation may wait for two that an earlier one records.
    timeoutMs: 7000,
    devices: 6000,
    pageSize: 6000,
    quotaPerMinute: 60_000,
    hurry: 300,
  });
  expect(summary).toMatchObject({ status: 'done', lost: 0, duplicated: 0, hops: 1, timeouts: 0 });
  expect(summary.invocations).toBeGreaterThan(1);
});

test('canaries answer a round after the broadcast over HTTP, and a dead one is silent', async () => {
  const summary = await rehearseHere({ devices: 20, canaries: 4, deadCanaries: 1 });
  expect(summary).toMatchObject({
    ...{ status: 'done', delivered: 20, lost: 0, duplicated: 0 },
    ...{ canaries: 4, canariesAnswered: 3, canariesSilent: 1, canariesMisjudged: 0 },
  });
  expect(isFlawless(summary)).toBe(true);
});

test('two announcements at once, in lanes: each device gets both once', async () => {
  const summary = await rehearseHere({ announcements: 2, lanes: 2, devices: 400, pageSize: 100, workers: 2 });
  expect(summary).toMatchObject({ status: 'done', delivered: 800, lost: 0, duplicated: 0, throttled: 0 });
  expect(isFlawless(summary)).toBe(true);
});

test.each([
  ['as a mailing', { database: server, messages: 120, isQueue: false, pageSize: 20 }],
  [
    'from a queue, some records twice',
    { database: 'sqlite', messages: 80, isQueue: true, batch: 20, pageSize: 3000 },
  ],
] as const)(
  'messages %s reach the devices of their recipients once',
  async (_, { database: kind, ...options }) => {
    const database = await makeDatabase(kind, { migrated: false });
    const summary = await rehearseHere({
      ...options,
      database: database.url,
      devices: 60,
      duplicate: 0.2,
      hurry: 60,
      faults: 'unregistered=0.01,unavailable=0.03',
    });
    expect(summary).toMatchObject({ status: 'done', lost: 0, duplicated: 0, retryable: 0 });
    expect(summary.eventsDuplicated).toBeGreaterThan(0);
    expect(summary.delivered).toBeGreaterThan(summary.messages);
    expect(isFlawless(summary)).toBe(true);
    await database.drop();
  },
);

test('transient faults are retried until every device has a final verdict', async () => {
  const summary = await rehearseHere({
    devices: 120,
    pageSize: 120,
    hurry: 300,
    faults: 'unavailable=0.04,internal=0.03,quota=0.08,goaway=0.01',
  });
  expect(summary).toMatchObject({ status: 'done', retryable: 0, lost: 0, duplicated: 0 });
  expect(summary.delivered + summary.rejected).toBe(120);
  expect(summary.throttled).toBeGreaterThan(4);
});

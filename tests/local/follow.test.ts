import { expect, test } from 'vitest';
import { PushError } from '../../src/errors.ts';
import { follow, type Progress } from '../../src/local/follow.ts';
import type { LambdaStats } from '../../src/local/lambda/stats.ts';
import type { Announcement, AnnouncementStatus } from '../../src/model/announcement.ts';
import { countVerdicts } from '../../src/model/delivery.ts';
import { makeTestClock } from '../support/clock.ts';
import { draft } from '../support/context.ts';

interface Moment {
  /** Statuses of the announcements 1, 2, … */
  readonly statuses: readonly AnnouncementStatus[];
  readonly delivered?: number;
  readonly errors?: number;
  readonly inFlight?: number;
  readonly queued?: number;
  readonly recursionDropped?: number;
  /** Time that the database takes for an answer. */
  readonly answersInMs?: number;
  /** True: the database is down. */
  readonly isDown?: boolean;
  /** True: an earlier release began the announcements, so that only the ledger knows the counts. */
  readonly isUncounted?: boolean;
}

/** Follows announcements whose state is what `at` says of the seconds since the start. */
async function watch(ids: readonly number[], at: (seconds: number) => Moment) {
  const clock = makeTestClock({ isEager: true });
  const startedAt = clock.now();
  const now = () => at((clock.now() - startedAt) / 1000);
  const reports: Progress[] = [];
  /** Seconds at which the ledger was counted. */
  const counted: number[] = [];
  const announcement = (announcementId: number, status: AnnouncementStatus) =>
    ({ ...draft, announcementId, status, statusReason: null }) as unknown as Announcement;
  const store = {
    fetchAnnouncement: async (id: number) => {
      await clock.sleep(now().answersInMs ?? 0);
      if (now().isDown) throw new PushError('DATABASE', 'database: gone');
      const status = now().statuses[id - 1];
      return status === undefined ? null : announcement(id, status);
    },
    fetchTotals: async (announcementIds: readonly number[]) =>
      new Map(
        announcementIds.map((announcementId) => [
          announcementId,
          {
            ...{ announcementId, audience: null, read: 0, isRead: false, hops: { open: 1, closed: 2 } },
            isCounted: !now().isUncounted,
            counts: { ...countVerdicts([]), delivered: now().isUncounted ? 0 : (now().delivered ?? 0) },
          },
        ]),
      ),
    countDeliveries: async () => {
      counted.push((clock.now() - startedAt) / 1000);
      return { ...countVerdicts([]), delivered: now().delivered ?? 0 };
    },
    countHops: async () => ({ open: 1, closed: 2 }),
  };
  const lambda = {
    stats: () => {
      const { errors = 0, inFlight = 0, queued = 0, recursionDropped = 0 } = now();
      return { errors, inFlight, queued, recursionDropped } as LambdaStats;
    },
  };
  const last = await follow({ lambda, hurry: 20, clock }, store, ids, (each) => reports.push(each));
  return { last, reports, counted };
}

test('follow ends with the announcement, and once no invocation is running', async () => {
  const { last, reports } = await watch([1], (seconds) => ({
    statuses: [seconds < 3 ? 'running' : 'done'],
    delivered: seconds < 3.1 ? 10 : 12,
    inFlight: seconds < 3.1 ? 1 : 0,
  }));
  expect(last.announcement.status).toBe('done');
  expect(last.counts.delivered).toBe(12);
  expect(last.seconds).toBeCloseTo(3, 0);
  expect(reports.length).toBeGreaterThan(10);
});

test('several announcements are added up, and the one that has not ended, or failed, is shown', async () => {
  const { last, reports } = await watch([1, 2, 3], (seconds) => ({
    statuses: ['done', seconds < 2 ? 'running' : 'failed', 'done'],
    delivered: 5,
  }));
  expect(reports[0]).toMatchObject({ announcement: { announcementId: 2, status: 'running' } });
  expect(last).toMatchObject({
    announcement: { announcementId: 2, status: 'failed' },
    counts: { delivered: 15 },
    hops: { open: 3, closed: 6 },
  });
});

test('without progress for 30 s it gives up if invocations fail, and not before', async () => {
  const { last } = await watch([1], (seconds) => ({
    statuses: ['running'],
    delivered: seconds < 40 ? 1 : 2,
    errors: Math.floor(seconds),
  }));
  expect(last.announcement.status).toBe('running');
  // Progress at 0 s and at 40 s; the first 30 s without any begin at 0 s.
  expect(last.seconds).toBeGreaterThan(30);
  expect(last.seconds).toBeLessThan(31);
});

test('without progress it waits on as long as no invocation fails', async () => {
  const { last } = await watch([1], (seconds) => ({ statuses: [seconds < 600 ? 'running' : 'done'] }));
  expect(last.announcement.status).toBe('done');
});

test('a chain that recursive loop detection dropped is given up once nothing runs and nothing is queued', async () => {
  const { last } = await watch([1], (seconds) => ({
    statuses: ['running'],
    recursionDropped: 1,
    inFlight: seconds < 2 ? 1 : 0,
    queued: seconds < 4 ? 1 : 0,
  }));
  expect(last.seconds).toBeCloseTo(4, 0);
});

test('an announcement that does not exist is an error that names its id', async () => {
  await expect(watch([7], () => ({ statuses: ['running'] }))).rejects.toThrow(
    'announcementId: expected the id of a row in push_announcement, got 7',
  );
});

test('a database that is down for less than its patience does not end it; one that stays down does', async () => {
  const { last } = await watch([1], (seconds) => ({
    statuses: [seconds < 30 ? 'running' : 'done'],
    isDown: seconds > 2 && seconds < 25,
  }));
  expect(last.announcement.status).toBe('done');
  await expect(watch([1], (seconds) => ({ statuses: ['running'], isDown: seconds > 2 }))).rejects.toThrow(
    'database: gone',
  );
});

test('one poll that a lock held up does not delay the next; polls that all take long are rarer', async () => {
  const locked = await watch([1], (seconds) => ({
    statuses: [seconds < 24 ? 'running' : 'done'],
    answersInMs: seconds > 1 && seconds < 3 ? 20_000 : 1,
  }));
  expect(locked.last.seconds).toBeLessThan(25);
  const slow = await watch([1], (seconds) => ({
    statuses: [seconds < 100 ? 'running' : 'done'],
    answersInMs: 500,
  }));
  expect(slow.reports.length).toBeLessThan(13);
});

test('only the last numbers are counted in the ledger', async () => {
  const at = (seconds: number): Moment => ({ statuses: [seconds < 3 ? 'running' : 'done'], delivered: 7 });
  const { last, reports, counted } = await watch([1], at);
  expect(reports[0]?.counts.delivered).toBe(7);
  expect(last.counts.delivered).toBe(7);
  expect(counted).toEqual([last.seconds]);
});

test('of an announcement that an earlier release began, the ledger is counted at each poll', async () => {
  const { reports, counted } = await watch([1], (seconds) => ({
    statuses: [seconds < 1 ? 'running' : 'done'],
    delivered: 7,
    isUncounted: true,
  }));
  expect(reports.map(({ counts }) => counts.delivered)).toEqual(reports.map(() => 7));
  expect(counted).toHaveLength(reports.length + 1);
});

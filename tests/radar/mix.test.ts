import { expect, test } from 'vitest';
import { parseConfig } from '../../src/config/config.ts';
import { type Counts, countVerdicts } from '../../src/model/delivery.ts';
import type { DeviceFilter } from '../../src/model/filter.ts';
import type { Signal } from '../../src/model/signal.ts';
import type { Totals } from '../../src/model/summary.ts';
import { TARGETS_SIGNAL } from '../../src/model/targets.ts';
import { judgeMix } from '../../src/radar/mix.ts';
import { judgeTargets } from '../../src/radar/targets.ts';
import type { AnnouncementSummary, Store } from '../../src/store.ts';
import { makeTestClock } from '../support/clock.ts';

const DAY = 86_400_000;
const NOW = Date.UTC(2026, 8, 1);
const clock = makeTestClock({ startMs: NOW });
const config = parseConfig({ FCM_SOURCE: 'shop', FCM_CREDENTIALS_WEB: '/key.json' });

interface Made extends Partial<AnnouncementSummary> {
  /** Pushes of 10,000 by verdict; the others are delivered. */
  readonly counts?: Partial<Counts>;
  readonly pushes?: number;
  readonly filter?: DeviceFilter;
}

/** Broadcasts, the latest first, one a week. */
async function judge(...made: readonly Made[]) {
  const all = made.map(({ counts = {}, pushes = 10_000, filter = null, ...more }, nth) => {
    const announcementId = made.length - nth;
    const at = NOW - DAY - nth * 7 * DAY;
    const summary: AnnouncementSummary = {
      ...{ announcementId, audience: 'devices', source: 'shop', status: 'done', statusReason: null },
      ...{ dryRun: false, title: '', publishAt: at, startedAt: at, finishedAt: at + 60_000 },
      ...more,
    };
    const failed = Object.values(counts).reduce((sum, count) => sum + count, 0);
    const totals: Totals = {
      announcementId,
      audience: { devices: pushes, lastId: pushes, countedAt: at, prunedAt: null },
      ...{ read: pushes, isRead: true, hops: { open: 0, closed: 1 }, isCounted: true },
      counts: { ...countVerdicts([]), delivered: pushes - failed, ...counts },
    };
    return { summary, totals, filter };
  });
  const reads: string[] = [];
  const store = {
    async fetchLatest(limit: number, beforeId = Infinity) {
      reads.push('latest');
      return all
        .map(({ summary }) => summary)
        .filter(({ announcementId }) => announcementId < beforeId)
        .slice(0, limit);
    },
    fetchTotals: async (ids: readonly number[]) => {
      reads.push('totals');
      const found = all.filter(({ totals }) => ids.includes(totals.announcementId));
      return new Map(found.map(({ totals }) => [totals.announcementId, totals]));
    },
    fetchAnnouncement: async (id: number) => all.find(({ totals }) => totals.announcementId === id) ?? null,
    fetchSignals: async () => [],
  } as unknown as Store;
  return { notices: await judgeMix({ store, config, clock }), reads };
}

const usual: Made = { counts: { unregistered: 50, rejected: 5, unknown: 2 } };
const before = [usual, usual, usual, usual, usual];

test('broadcasts as ever raise nothing, by two statements', async () => {
  const swings = [120, 60, 20, 90, 40, 100].map((unregistered) => ({ counts: { unregistered } }));
  expect(await judge(...swings)).toEqual({ notices: [], reads: ['latest', 'totals'] });
  expect(await judge(usual, ...before)).toMatchObject({ notices: [] });
  expect(await judge()).toEqual({ notices: [], reads: ['latest'] });
});

test.each(['unregistered', 'rejected', 'unknown'] as const)(
  'a jump of %s is told with its causes',
  async (verdict) => {
    const { notices } = await judge({ counts: { ...usual.counts, [verdict]: 400 } }, ...before);
    expect(notices).toMatchObject([{ name: `mix:shop:${verdict}`, level: 'amber', dueOn: null }]);
    const [notice] = notices;
    expect(notice?.says).toContain(`source shop: 4.0% of the 10,000 pushes of announcement 6 are ${verdict}`);
    expect(notice?.says).toContain('the 5 broadcasts before had ');
    expect(notice?.says).toContain('likely causes: ');
    expect(notice?.source).toBe('counts of announcements 1, 2, 3, 4, 5, 6');
    expect(notice?.remedy).toContain('`baton report 6`');
  },
);

test('three times as much is no jump if it is less than two points, and two points are none of a share that is high', async () => {
  expect((await judge({ counts: { unregistered: 240 } }, ...before)).notices).toEqual([]);
  const high: Made = { counts: { unregistered: 1000 } };
  expect((await judge({ counts: { unregistered: 1500 } }, high, high, high)).notices).toEqual([]);
  expect((await judge({ counts: { unregistered: 2500 } }, high, high, high)).notices).toMatchObject([
    { level: 'amber' },
  ]);
});

test('a fifth of the phones more is red', async () => {
  const { notices } = await judge({ counts: { unregistered: 2100 } }, ...before);
  expect(notices).toMatchObject([{ level: 'red' }]);
});

test('dry runs, mailings, small and stopped broadcasts, and other sources, are neither judged nor compared with', async () => {
  const gone: Made = { counts: { unregistered: 900 } };
  const left: Made[] = [
    { ...gone, dryRun: true },
    { ...gone, audience: 'messages' },
    { ...gone, status: 'cancelled' },
    { ...gone, status: 'failed' },
    { ...gone, status: 'running' },
    { ...gone, source: 'unknown' },
    { ...gone, pushes: 999 },
  ];
  expect((await judge(...left, usual, ...before)).notices).toEqual([]);
  const jump = await judge(gone, ...left, ...before);
  expect(jump.notices).toMatchObject([{ name: 'mix:shop:unregistered' }]);
});

test('without three broadcasts before, and long after the last one, nothing is said', async () => {
  const gone: Made = { counts: { unregistered: 900 } };
  expect((await judge(gone, usual, usual)).notices).toEqual([]);
  expect((await judge({ ...gone, finishedAt: NOW - 36 * DAY }, ...before)).notices).toEqual([]);
});

test('each source is compared with itself', async () => {
  const web = (each: Made): Made => ({ ...each, source: 'web' });
  const gone: Made = { counts: { unregistered: 900 } };
  const { notices } = await judge(usual, web(gone), ...before, ...before.map(web));
  expect(notices.map(({ name }) => name)).toEqual(['mix:web:unregistered']);
});

test('a long pause, another audience and another size are said beside the jump', async () => {
  const gone: Made = { counts: { unregistered: 900 } };
  const says = async (...made: Made[]) => (await judge(...made)).notices[0]?.says;
  const late = before.map((each, nth) => {
    const at = NOW - (100 + 7 * nth) * DAY;
    return { ...each, startedAt: at, finishedAt: at };
  });
  expect(await says(gone, ...late)).toContain('99 days have passed since the one before, longer than usual');
  const filter = { platforms: ['ios'] } as unknown as DeviceFilter;
  expect(await says({ ...gone, filter }, ...before)).toContain('5 of those before had another audience');
  expect(await says({ ...gone, pushes: 3000 }, ...before)).toContain('those before had 10,000 pushes');
});

function targets(day: string, value: string): Signal {
  return { ...TARGETS_SIGNAL, value, day, times: 1, seenAt: 0 };
}

test('a share of FIDs that moves by five points within a week is told, in both directions', () => {
  const one = targets('2026-08-25', '{"token":9000,"fid":1000}');
  const other = targets('2026-08-31', '{"token":8000,"fid":2000}');
  const [up, ...none] = judgeTargets([other, targets('2026-08-30', 'not JSON'), one]);
  expect(none).toEqual([]);
  expect(up).toMatchObject({ name: 'mix:fid', level: 'amber' });
  expect(up?.says).toBe(
    '20.0% of the devices have a FID, on 2026-08-25 it was 10.0%: an app moves from tokens to FIDs',
  );
  expect(judgeTargets([{ ...other, day: '2026-08-20' }, one])[0]?.says).toContain(
    'go back from FIDs to tokens',
  );
});

test('a share of FIDs that stays, that moves slowly, or that is of few devices, is not told', () => {
  const counts = [2000, 2060, 2120, 2180].map((fid, nth) =>
    targets(`2026-08-2${nth}`, JSON.stringify({ token: 10_000 - fid, fid })),
  );
  expect(judgeTargets(counts)).toEqual([]);
  expect(judgeTargets([targets('2026-08-25', '{"token":9}'), targets('2026-08-26', '{"fid":9}')])).toEqual(
    [],
  );
  expect(judgeTargets([])).toEqual([]);
});

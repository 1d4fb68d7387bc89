import { Script } from 'node:vm';
import { expect, test } from 'vitest';
import { parseConfig } from '../../../src/config/config.ts';
import type { Context } from '../../../src/context.ts';
import { VERDICTS } from '../../../src/model/delivery.ts';
import type { StandingNotice } from '../../../src/model/notice.ts';
import type { Totals } from '../../../src/model/summary.ts';
import { makeDashboardPage, makeLoginPage } from '../../../src/report/dashboard/page.ts';
import { fetchDashboard } from '../../../src/report/dashboard/state.ts';
import type { AnnouncementSummary } from '../../../src/store.ts';
import { clockThatSays } from '../../support/clock.ts';

const NOW = Date.UTC(2026, 11, 24, 18, 7);

const config = parseConfig({ FCM_CREDENTIALS: 'application-default', FCM_RAMP_SECONDS: '60' });
const idle = {
  source: 'default',
  freeInMs: -5,
  rampAgeMs: 90_000,
  brakeMs: -5,
  outages: 0,
  answerMs: 0,
  brakeReason: 'of an earlier brake',
};
const summary: AnnouncementSummary = {
  announcementId: 1,
  audience: 'devices',
  source: 'default',
  status: 'running',
  statusReason: null,
  dryRun: false,
  title: 'T',
  publishAt: null,
  startedAt: NOW,
  finishedAt: null,
};

type Reads = Partial<Context['store']>;

function fetchState(reads: Reads) {
  const store = {
    fetchCurrent: async () => [],
    fetchSchedule: async () => [],
    fetchLatest: async () => [],
    fetchSourceBudgets: async () => [],
    fetchTickAgeMs: async () => 7,
    fetchNotices: async () => [],
    fetchTotals: async () => new Map(),
    fetchEdited: async () => new Map(),
    fetchReceiptCounts: async () => new Map(),
    ...reads,
  } as Reads as Context['store'];
  return fetchDashboard({ store, config, clock: clockThatSays(() => NOW) });
}

test.each([
  ['has never sent', [], { state: 'idle', until: null, reason: null }],
  ['is idle', [idle], { state: 'idle', until: null, reason: null, answerMs: null }],
  ['sends', [{ ...idle, freeInMs: 900, answerMs: 80 }], { state: 'sending', until: NOW + 900, answerMs: 80 }],
  ['ramps up', [{ ...idle, freeInMs: 900, rampAgeMs: 59_999 }], { state: 'ramping' }],
  [
    'is throttled',
    [{ ...idle, brakeMs: 3000, freeInMs: 3000 }],
    { state: 'throttled', until: NOW + 3000, reason: 'of an earlier brake' },
  ],
  ['is down', [{ ...idle, outages: 2 }], { state: 'down', until: null, reason: 'of an earlier brake' }],
] as const)('a source that %s says so', async (_case, budgets, expected) => {
  const { sources } = await fetchState({ fetchSourceBudgets: async () => [...budgets] });
  expect(sources).toMatchObject([{ source: 'default', perMinute: 600_000, ...expected }]);
});

test('what checks have found that is red is in the warning', async () => {
  const notice: StandingNotice = {
    ...{ noticeId: 1, name: 'a', says: 'Node 24 has ended', remedy: 'take a newer image' },
    check: 'radar',
    level: 'red',
    ...{ dueOn: null, source: 's', foundAt: NOW, seenAt: NOW },
  };
  const { checks } = await fetchState({ fetchNotices: async () => [notice, { ...notice, level: 'amber' }] });
  expect(checks).toEqual(['radar: 1 red since 2026-12-24 18:07: Node 24 has ended (take a newer image)']);
});

test('an announcement that failed stays among the current ones for a day', async () => {
  const failed = { ...summary, status: 'failed', startedAt: null } as const;
  const latest = [
    { ...failed, announcementId: 3, finishedAt: NOW - 86_399_999 },
    { ...failed, announcementId: 2, finishedAt: NOW - 86_400_000 },
    { ...summary, announcementId: 1, status: 'done' as const },
  ];
  const { current } = await fetchState({ fetchLatest: async () => latest });
  expect(current.map(({ announcementId }) => announcementId)).toEqual([3]);
});

test('the numbers of an announcement are those of its hops, or none if an earlier release began it', async () => {
  const counts = Object.fromEntries(VERDICTS.map((verdict) => [verdict, 1])) as Totals['counts'];
  const totals: Totals = {
    announcementId: 1,
    audience: { devices: 10, lastId: 10, countedAt: NOW, prunedAt: null },
    read: 10,
    isRead: true,
    counts,
    hops: { open: 1, closed: 0 },
    isCounted: true,
  };
  const balanceFrom = async (one: Totals) =>
    (await fetchState({ fetchCurrent: async () => [summary], fetchTotals: async () => new Map([[1, one]]) }))
      .current[0]?.balance;
  expect(await balanceFrom(totals)).toMatchObject({ audience: 10, delivered: 1, unsent: 6 });
  expect(await balanceFrom({ ...totals, isCounted: false })).toBeNull();
  expect(await balanceFrom({ ...totals, audience: null })).toBeNull();
});

test('an announcement has what phones report of it, or nothing before the first receipt', async () => {
  const receipts = { delivered: 7, opened: 2 };
  const { current } = await fetchState({
    fetchCurrent: async () => [summary, { ...summary, announcementId: 2 }],
    fetchReceiptCounts: async () => new Map([[1, receipts]]),
  });
  expect(current.map((row) => row.receipts)).toEqual([null, receipts]);
});

const options = {
  base: '/live',
  stage: 'prod',
  name: '<b>"ops"</b>',
  maySend: true,
  key: { header: 'x-page-key', value: 'k' },
};

test.each([
  ['dashboard', makeDashboardPage(options)],
  ['sign-in page', makeLoginPage({ base: '/live', isFromElsewhere: false })],
])('the %s has one script, which is JavaScript, and markup of its own only', (_name, { html, policy }) => {
  const scripts = html.match(/<script>[^]*?<\/script>/g) ?? [];
  expect(scripts).toHaveLength(1);
  const script = scripts[0]!.slice('<script>'.length, -'</script>'.length);
  expect(() => new Script(script)).not.toThrow();
  expect(html).not.toContain('<b>');
  expect(html).not.toMatch(/(src|href)="(?!data:)/);
  expect(policy).not.toMatch(/unsafe|\*/);
  expect(Buffer.byteLength(html)).toBeLessThan(48 * 1024);
});

test('no script writes markup, nor keeps anything in the browser', () => {
  const { html } = makeDashboardPage(options);
  expect(html).not.toMatch(
    /innerHTML|outerHTML|insertAdjacent|document\.write|eval\(|Storage|document\.cookie/,
  );
});

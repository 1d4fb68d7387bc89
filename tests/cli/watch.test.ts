import { expect, test } from 'vitest';
import { parseFinishBy } from '../../src/cli/plan.ts';
import { watch } from '../../src/cli/watch.ts';
import { PushError } from '../../src/errors.ts';
import type { AnnouncementStatus } from '../../src/model/announcement.ts';
import { countVerdicts } from '../../src/model/delivery.ts';
import type { Totals } from '../../src/model/summary.ts';
import type { Store } from '../../src/store.ts';
import { makeTerminal, type TestTerminal } from '../support/baton.ts';
import { makeTestClock } from '../support/clock.ts';
import { draft } from '../support/context.ts';

/** Watches an announcement whose status is what `at` says of the seconds since the start. */
async function watchAt(
  at: (seconds: number) => AnnouncementStatus | 'down',
  { terminal = makeTerminal(), json = false }: { terminal?: TestTerminal; json?: boolean } = {},
) {
  const clock = makeTestClock({ isEager: true });
  const startedAt = clock.now();
  const now = () => at((clock.now() - startedAt) / 1000);
  const totals: Totals = {
    announcementId: 7,
    audience: { devices: 200, lastId: 200, countedAt: 0, prunedAt: null },
    read: 100,
    isRead: false,
    counts: { ...countVerdicts([]), delivered: 50 },
    hops: { open: 1, closed: 2 },
    isCounted: true,
  };
  const store = {
    fetchAnnouncement: async () => {
      const status = now();
      if (status === 'down') throw new PushError('DATABASE', 'database: gone');
      return { ...draft, announcementId: 7, status, statusReason: null, problem: null, edited: [] };
    },
    fetchLatest: async () => [],
    fetchTotals: async () => new Map([[7, totals]]),
    fetchReceiptCounts: async () => new Map(),
    fetchHopSummaries: async () => [],
    fetchBudget: async () => ({ outages: 0, brakeMs: 0, turnInMs: 0, rampAgeMs: 1e9 }),
    fetchAudit: async () => [],
    fetchTickAgeMs: async () => 1000,
  } as unknown as Store;
  const status = await watch({ store, clock, paceOf: () => null }, 7, json, terminal);
  return { status, ...terminal.printed, seconds: (clock.now() - startedAt) / 1000 };
}

test('without a terminal there is a line every five seconds, then the whole picture; the status says how it ended', async () => {
  const { status, out, err, seconds } = await watchAt((second) => (second < 10 ? 'running' : 'done'));
  expect(status).toBe(0);
  expect(seconds).toBe(10);
  expect(err).toBe('');
  const line = 'announcement 7 running  [######------------------]  25%  50 of 200  hops 2 done, 1 open\n';
  expect(out).toMatch(
    new RegExp(
      `^${line.replaceAll(/[[\]]/g, '\\$&')}${line.replaceAll(/[[\]]/g, '\\$&')}announcement 7 done; hops 2 done, 1 open\n`,
    ),
  );
  expect(out).toContain('  audience              200\n');
  expect(out).toContain('  unsent                150\n');
  expect((await watchAt(() => 'cancelled')).status).toBe(1);
});

test('at a terminal each picture is drawn over the last one, and the last is a result', async () => {
  const terminal = makeTerminal({ live: true, width: () => 30 });
  const { out, err, seconds } = await watchAt((second) => (second < 2 ? 'running' : 'failed'), { terminal });
  expect(seconds).toBe(2);
  expect(out).toMatch(/^announcement 7 failed/);
  const pictures = err.split('\u001b[0J');
  expect(pictures).toHaveLength(3);
  const lines = pictures[0]!.split('\n');
  expect(lines.at(-1)).toBe(`\u001b[${lines.length - 1}A`);
  for (const line of lines) expect(line.length).toBeLessThan(30);
});

test('with --json it prints one object a line', async () => {
  const { out } = await watchAt((second) => (second < 5 ? 'paused' : 'done'), { json: true });
  const objects = out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { status: string; balance: object });
  expect(objects.map(({ status }) => status)).toEqual(['paused', 'done']);
  expect(objects[0]?.balance).toMatchObject({ audience: 200, delivered: 50, unsent: 150 });
});

test('a database that is down for half a minute does not end it; one that stays down does', async () => {
  expect((await watchAt((second) => (second < 30 ? 'down' : 'done'))).status).toBe(0);
  await expect(watchAt(() => 'down')).rejects.toThrow('database: gone');
});

test('Ctrl-C ends it', async () => {
  const terminal = makeTerminal();
  terminal.interrupt();
  expect((await watchAt(() => 'running', { terminal })).status).toBe(130);
});

test('--finish-by takes the next time of day on this machine, or a time with its zone', () => {
  const now = new Date(2026, 5, 1, 8, 0).getTime();
  expect(parseFinishBy('09:30', now)).toBe(new Date(2026, 5, 1, 9, 30).getTime());
  expect(parseFinishBy('7:30', now)).toBe(new Date(2026, 5, 2, 7, 30).getTime());
  expect(parseFinishBy('2026-06-01T09:30Z', now)).toBe(Date.UTC(2026, 5, 1, 9, 30));
  expect(() => parseFinishBy('24:00', now)).toThrow('--finish-by: expected HH:MM, or a time with its zone');
});

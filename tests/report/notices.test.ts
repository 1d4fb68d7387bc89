import { expect, test } from 'vitest';
import type { AnnouncementStatus } from '../../src/model/announcement.ts';
import type { StandingNotice } from '../../src/model/notice.ts';
import {
  describeChecksFor,
  describeKilled,
  describeNotices,
  describeRun,
  noticesToJson,
} from '../../src/report/notices.ts';

const foundAt = Date.UTC(2026, 10, 26, 9, 30);
const notice: StandingNotice = {
  noticeId: 1,
  check: 'doctor',
  name: 'doctor:database',
  level: 'red',
  says: 'database: it is\nread-only',
  remedy: 'set DATABASE_URL to the writer',
  dueOn: null,
  source: 'baton doctor',
  foundAt,
  seenAt: foundAt + 1000,
};

test('each check that has found something red has one line, since when and what to do', () => {
  const others = [
    { ...notice, name: 'doctor:clock', foundAt: foundAt - 60_000 },
    { ...notice, name: 'doctor:engines', level: 'amber' as const },
    { ...notice, check: 'radar' as const, says: 'Node 24 has ended', remedy: 'take a newer image' },
  ];
  expect(describeNotices([notice, ...others])).toEqual([
    'doctor: 2 red since 2026-11-26 09:29: database: it is read-only, and 1 more (run `baton doctor`)',
    'radar: 1 red since 2026-11-26 09:30: Node 24 has ended (take a newer image)',
  ]);
  expect(describeNotices([{ ...notice, level: 'amber' }])).toEqual([]);
  expect(noticesToJson([notice])).toMatchObject([{ check: 'doctor', foundAt: '2026-11-26T09:30:00.000Z' }]);
});

test('the run for an announcement is known once it has ended', () => {
  const run = { name: 'doctor-42', startedAt: foundAt, endedAt: foundAt, ok: false };
  expect(describeRun(42, [run], foundAt)).toBe('checked 2026-11-26 09:30: red');
  expect(describeRun(42, [{ ...run, ok: true }], foundAt)).toBe('checked 2026-11-26 09:30: nothing red');
  expect(describeRun(42, [{ ...run, endedAt: null, ok: null }], foundAt)).toBe(null);
  expect(describeRun(4, [run], foundAt)).toBe(null);
});

test('a run that has not ended for an hour was killed, and is said', () => {
  const run = { name: 'radar', startedAt: foundAt, endedAt: null, ok: null };
  const later = foundAt + 3_600_000;
  expect(describeKilled([run], later)).toEqual([
    'radar: red: its run of 2026-11-26 09:30 has not ended (look for the end of that invocation in the log; the tick starts ' +
      'the check again)',
  ]);
  expect(describeKilled([run], later - 1)).toEqual([]);
  expect(describeKilled([{ ...run, endedAt: foundAt, ok: true }], later)).toEqual([]);
  expect(describeKilled([{ ...run, startedAt: 0 }], later)).toEqual([]);
  expect(describeRun(42, [{ ...run, name: 'doctor-42' }], later)).toBe(
    "not checked: the doctor's run of 2026-11-26 09:30 has not ended",
  );
});

test('an announcement that has not ended is shown with what is red, and a scheduled one with its own run', () => {
  const runs = [{ name: 'doctor-42', startedAt: foundAt, endedAt: foundAt, ok: false }];
  const checks = { notices: [notice], runs, now: foundAt };
  const red = 'doctor: 1 red since 2026-11-26 09:30: database: it is read-only (run `baton doctor`)';
  const linesOf = (status: AnnouncementStatus) => describeChecksFor({ announcementId: 42, status }, checks);
  expect(linesOf('scheduled')).toEqual(['checked 2026-11-26 09:30: red', red]);
  expect(linesOf('running')).toEqual([red]);
  expect(linesOf('done')).toEqual([]);
});

import { expect, test } from 'vitest';
import type { Signal } from '../../src/model/signal.ts';
import { findTime } from '../../src/radar/announced-times.ts';
import { judgeHeaders } from '../../src/radar/headers.ts';
import { findLink } from '../../src/radar/link.ts';

const NOW = Date.UTC(2026, 8, 1);
const PAGE = 'https://firebase.example.com/docs/retired';

function signal(name: string, value: string, more: Partial<Signal> = {}): Signal {
  return {
    ...{ kind: 'header', source: 'default', name, value },
    ...{ day: '2026-08-31', times: 1, seenAt: NOW - 1000 },
    ...more,
  };
}

test('nothing announced is no notice', () => {
  expect(judgeHeaders([], NOW)).toEqual([]);
});

test('a sunset is amber, red 60 days before its day, and red after it; it has a date, a source and a remedy', () => {
  const judge = (value: string) => judgeHeaders([signal('fcm:sunset', value)], NOW);
  expect(judge('Thu, 31 Dec 2026 23:59:59 GMT')).toEqual([
    {
      name: 'header:fcm:sunset',
      level: 'amber',
      says: 'FCM announces that what Baton calls ends on 2026-12-31',
      remedy:
        "read the service's release notes, then deploy a release of Baton that uses the successor before 2026-12-31",
      dueOn: '2026-12-31',
      source: 'header sunset in answers of FCM to the source default, last seen on 2026-08-31',
    },
  ]);
  expect(judge('Sat, 31 Oct 2026 00:00:00 GMT')).toMatchObject([{ level: 'red', dueOn: '2026-10-31' }]);
  expect(judge('Sun, 01 Nov 2026 00:00:00 GMT')).toMatchObject([{ level: 'amber', dueOn: '2026-11-01' }]);
  const [past] = judge('Mon, 31 Aug 2026 00:00:00 GMT');
  expect(past).toMatchObject({ level: 'red', dueOn: '2026-08-31' });
  expect(past?.says).toContain('that day has come');
  expect(past?.remedy).toMatch(/uses the successor at once$/);
  expect(judge('next summer')).toMatchObject([{ level: 'amber', dueOn: null }]);
});

test('a deprecation is amber, also beside a sunset, and the page in the link is the source of both', () => {
  const notices = judgeHeaders(
    [
      signal('fcm:link', `<${PAGE}?key=secret>; rel="deprecation"; type="text/html"`),
      signal('fcm:deprecation', '@1780272000'),
      signal('fcm:sunset', 'Thu, 01 Oct 2026 00:00:00 GMT'),
    ],
    NOW,
  );
  expect(notices).toMatchObject([
    { name: 'header:fcm:deprecation', level: 'amber', dueOn: '2026-06-01', source: PAGE },
    { name: 'header:fcm:sunset', level: 'red', dueOn: '2026-10-01', source: PAGE },
  ]);
  expect(notices[0]?.says).toBe('FCM announces that what Baton calls is deprecated since 2026-06-01');
  expect(notices[1]?.remedy).toBe(
    `read ${PAGE}, then deploy a release of Baton that uses the successor before 2026-10-01`,
  );
});

test.each([
  ['true', 'is deprecated: "true"', null],
  ['?1', 'is deprecated: "?1"', null],
  ['Fri, 11 Nov 2026 23:59:59 GMT', 'will be deprecated from 2026-11-11', '2026-11-11'],
])('the older draft of a deprecation, %j, is read too', (value, words, dueOn) => {
  const [notice] = judgeHeaders([signal('google-token:deprecation', value)], NOW);
  expect(notice).toMatchObject({ name: 'header:google-token:deprecation', level: 'amber', dueOn });
  expect(notice?.says).toContain(words);
  expect(judgeHeaders([signal('google-token:deprecation', 'false')], NOW)).toEqual([]);
});

test.each([
  ['299 - "this method goes away"', 1],
  ['110 cache "Response is Stale", 299 - "Deprecated API"', 1],
  ['this method goes away', 1],
  ['110 cache "Response is Stale"', 0],
  ['214 proxy "Transformation applied"', 0],
])('the warning %j makes %i notices', (value, count) => {
  expect(judgeHeaders([signal('lambda:warning', value, { source: '' })], NOW)).toHaveLength(count);
});

test('a link alone is amber', () => {
  const link = signal('sns:link', `<${PAGE}>; rel=successor-version`, { source: '' });
  expect(judgeHeaders([link], NOW)).toMatchObject([
    { name: 'header:sns:link', level: 'amber', source: PAGE, dueOn: null },
  ]);
});

test('of several sources the earliest day counts, and of each source the latest value', () => {
  const later = { seenAt: NOW - 10, day: '2026-09-01' };
  const [notice, ...others] = judgeHeaders(
    [
      signal('fcm:sunset', 'Wed, 30 Dec 2026 00:00:00 GMT', later),
      signal('fcm:sunset', 'Sun, 01 Nov 2026 00:00:00 GMT'),
      signal('fcm:sunset', 'Tue, 29 Dec 2026 00:00:00 GMT', { source: 'shop' }),
    ],
    NOW,
  );
  expect(others).toEqual([]);
  expect(notice).toMatchObject({ dueOn: '2026-12-29' });
  expect(notice?.source).toBe(
    'header sunset in answers of FCM to the sources default, shop, last seen on 2026-09-01',
  );
});

test('what a service says is quoted in one line, and no key of it is shown', () => {
  const value = `299 - "ask\n\u001B]0;x\u0007 ${'aB3'.repeat(30)}" https://u:pw@a.example/?key=k`;
  const [notice] = judgeHeaders([signal('fcm:warning', value)], NOW);
  expect(notice?.says).toBe(
    String.raw`FCM warns in its answers: "299 - \"ask ]0;x ...\" https://a.example/"`,
  );
});

test('signals of other kinds and of later releases are left out', () => {
  const odd = [
    signal('targets', '{"token":1}', { kind: 'targets' }),
    signal('fcm:expires', 'soon'),
    signal('x', ''),
  ];
  expect(judgeHeaders(odd, NOW)).toEqual([]);
});

test.each([
  ['Sat, 31 Oct 2026 23:59:59 GMT', '2026-10-31'],
  ['Saturday, 31-Oct-2026 23:59:59 GMT', '2026-10-31'],
  ['Sat, 31 Oct 2026 23:59:59 GMT, Sun, 1 Mar 2026 00:00:00 GMT', '2026-03-01'],
  ['@1688169599', '2023-06-30'],
  ['2026-12-31T00:00:00Z', '2026-12-31'],
  ['2026-12-31', '2026-12-31'],
  ['Wed, 31 Jun 2026 00:00:00 GMT', null],
  ['2026-13-01', null],
  ['@99999999999', null],
  ['@', null],
  ['Sat, 31 Oct 9999 23:59:59 GMT', null],
  ['true', null],
  ['', null],
])('the day in %j is %j', (value, day) => {
  const ms = findTime(value);
  expect(ms === null ? null : new Date(ms).toISOString().slice(0, 10)).toBe(day);
});

test.each([
  [`<${PAGE}>; rel="deprecation"`, PAGE],
  [`<https://a.example/next>; rel="successor-version", <${PAGE}>; rel="sunset"; type="text/html"`, PAGE],
  ['<https://a.example/x>; rel=next, <https://a.example/y>; rel="canonical"', null],
  ['<http://a.example/x>; rel="deprecation"', null],
  ['<javascript:alert(1)>; rel="deprecation"', null],
  ['</docs/relative>; rel="deprecation"', null],
  [`<https://u:pw@a.example/x?y=z#f>; title="a, b"; rel="other deprecation"`, 'https://a.example/x'],
  ['rel="deprecation"', null],
])('the page in the link %j is %j', (value, page) => {
  expect(findLink(value)).toBe(page);
});

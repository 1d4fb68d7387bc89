import { expect, test } from 'vitest';
import { parseHTML } from 'linkedom';
import { countVerdicts } from '../../../src/model/delivery.ts';
import { writeHeadline } from '../../../src/report/page/headline.ts';
import { renderPage } from '../../../src/report/page/page.tsx';
import type { Report } from '../../../src/report/page/report.ts';
import { partsOf } from '../../../src/report/timeline.ts';
import { HOSTILE, makeLargeReport, STARTED_AT } from './made-report.ts';

const large = makeLargeReport();
const page = renderPage(large, (verdict) => `/live/announcements/42/deliveries.csv?verdict=${verdict}`);

/** The text of a page, as a person reads it, and its elements. */
function read(html: string) {
  const { document } = parseHTML(html);
  const texts = (selector: string): string[] =>
    Array.from(document.querySelectorAll(selector), ({ textContent }) => textContent ?? '');
  return { document, texts, text: texts('body').join(' ').replaceAll(/\s+/g, ' ') };
}

test('the page of 667 hops is below 400 KB, with twenty hops as bars', () => {
  expect(Buffer.byteLength(page)).toBeLessThan(400_000);
  const { texts } = read(page);
  expect(texts('h3')).toContain('The slowest 20');
  expect(texts('.hops tbody tr')).toHaveLength(20);
});

test('the page says whether everybody was reached, and balances', () => {
  const { texts } = read(page);
  expect(texts('h1')).toEqual(['Reached 1,816,935 of 2,000,214 phones in 4 min 36 s.']);
  const [audience = 0, ...parts] = texts('.balance .number').map((each) => Number(each.replaceAll(',', '')));
  expect(audience).toBe(2_000_214);
  expect(parts.reduce((sum, each) => sum + each, 0)).toBe(audience);
});

test('what phones report, and what FCM says of Android, stand below the balance with what they leave out', () => {
  const outcome = { delivered: 91.25, pending: 5, collapsed: 0.5, dropped: 3.25 };
  const days = [
    { label: 'baton-42', day: '2026-11-25', accepted: 1_200_000, outcome },
    { label: 'baton-42', day: '2026-11-26', accepted: 7, outcome: null },
  ];
  const receipts = { delivered: 900_000, opened: 12_000 };
  const { text } = read(renderPage({ ...large, receipts, deliveryData: days }, null));
  expect(text).toContain('Phones report it: received by 900,000 (');
  expect(text).toContain('Only apps that send receipts are counted');
  expect(text).toContain(
    'of 1,200,000 accepted on 2026-11-25, 91.3% delivered, 5.0% waiting for the device, 0.5% replaced by a later push, 3.3% dropped; ' +
      'of 7 accepted on 2026-11-26, no shares are given. Android alone',
  );
  expect(read(page).text).not.toMatch(/Phones report|delivery data/);
});

test('the page has the sections that a person looks for', () => {
  expect(read(page).texts('h2')).toEqual([
    'The balance',
    'Speed',
    'Where the time went',
    'Hops',
    'FCM’s answers',
    'Errors',
    'Compared with the last 5 announcements of default',
    'Cost',
    'The message',
    'Who changed what',
  ]);
});

test('the page asks for nothing and runs nothing', () => {
  const { document } = read(page);
  expect(
    document.querySelectorAll('script, link, img, iframe, object, embed, form, [onerror], [src]'),
  ).toHaveLength(0);
  expect(page).not.toMatch(/url\(|@import|javascript:/);
  const addresses = Array.from(document.querySelectorAll('[href]'), (each) => each.getAttribute('href'));
  expect(addresses).toEqual(
    ['delivered', 'unregistered', 'rejected', 'unknown'].map(
      (verdict) => `/live/announcements/42/deliveries.csv?verdict=${verdict}`,
    ),
  );
});

test('text of a person stays text, and its marks of direction end with it', () => {
  expect(page).not.toContain('<img');
  expect(page).not.toContain('<script');
  expect(page.match(/<\/style>/g)).toHaveLength(1);
  const { texts } = read(page);
  expect(texts('bdi').filter((each) => each === HOSTILE.title).length).toBeGreaterThan(2);
  // Every mark of direction is inside an element that isolates it.
  expect(page.replaceAll(/<bdi[^]*?<\/bdi>/g, '')).not.toMatch(/[\u202A-\u202E\u2066-\u2069]/);
});

test('a text of 4 KB is cut between characters, and its length is told', () => {
  const { text } = read(page);
  expect(text).toContain('Title 53 characters, text 1,234 characters.');
  expect(page).not.toContain('w'.repeat(100));
});

test('without addresses the numbers are plain', () => {
  const { document, texts } = read(renderPage(change(few)));
  expect(document.querySelectorAll('a')).toHaveLength(0);
  expect(texts('.balance .number')).toContain('1,816,935');
});

function change(changes: Partial<Report>, of: Partial<Report['announcement']> = {}): Report {
  return { ...large, ...changes, announcement: { ...large.announcement, ...of } };
}

/** A page of few hops is made sooner. */
const few = { hops: large.hops.slice(0, 9) };
const empty = { hops: [], audit: [], sourceAudit: [], earlier: [], use: null, balance: null };
const notStarted = { ...empty, times: { publishAt: STARTED_AT, startedAt: null, finishedAt: null } };

test.each([
  [change({}, { audience: 'messages' }), 'Delivered 1,816,935 of 2,000,214 messages in 4 min 36 s.'],
  [change({}, { dryRun: true }), 'FCM accepted 1,816,935 of 2,000,214 phones in 4 min 36 s.'],
  [change({}, { status: 'running' }), 'Reached 1,816,935 of 2,000,214 phones so far, in 4 min 36 s.'],
  [
    change({}, { status: 'failed', statusReason: 'FCM refused the key' }),
    'Reached 1,816,935 of 2,000,214 phones in 4 min 36 s, then it failed.',
  ],
  [
    change({}, { status: 'cancelled' }),
    'Reached 1,816,935 of 2,000,214 phones in 4 min 36 s, until it was cancelled.',
  ],
  [change({ balance: null }), 'Reached 1,816,935 phones in 4 min 36 s.'],
  [change(notStarted, { status: 'scheduled' }), 'Not started yet: due 2026-12-24 18:07:00 UTC.'],
  [change(notStarted, { status: 'draft' }), 'Not started yet.'],
  [change(notStarted, { status: 'cancelled' }), 'Cancelled before it started.'],
])('the headline says how far it came (%#)', (report, headline) => {
  expect(writeHeadline(report).headline).toBe(headline);
});

test('an announcement that has not started has a page', () => {
  const { texts } = read(renderPage(change(notStarted, { status: 'draft', content: null })));
  expect(texts('h1')).toEqual(['Not started yet.']);
  expect(texts('h2')).toEqual(['The balance']);
});

test('an announcement that has just started has a page', () => {
  const { hops, audit, sourceAudit, pace, rampFrom } = { ...large, hops: [] };
  const endedAt = STARTED_AT;
  const use = partsOf({ hops, audit, sourceAudit, pace, rampFrom, startedAt: STARTED_AT, endedAt });
  const totals = { ...large.totals, counts: countVerdicts([]), read: 0 };
  const report = change({ hops, use, totals, balance: null }, { status: 'running' });
  expect(read(renderPage(report)).texts('h1')).toEqual(['Reached 0 phones so far, in 0 ms.']);
});

test('after the retention the numbers stay, and the page says what is gone', () => {
  const { audience } = large.totals;
  const prunedAt = Date.UTC(2027, 2, 24);
  const totals = { ...large.totals, audience: audience && { ...audience, prunedAt } };
  const { text, document } = read(renderPage(change({ ...few, totals }), (verdict) => `/${verdict}`));
  expect(text).toContain('The list of devices was deleted on 2027-03-24 00:00:00 UTC');
  expect(text).toContain('1,816,935');
  expect(document.querySelectorAll('a')).toHaveLength(0);
});

test('a source that the configuration does not have has no budget in the chart', () => {
  const { text } = read(renderPage(change({ ...few, isPaceKnown: false })));
  expect(text).toMatch(/The peak is [\d,]+ a second\./);
  expect(text).not.toMatch(/budget (allows|alone)/);
});

test('a reason of a failure is told, but never twice', () => {
  const statusReason = 'FCM refused 100 of 100 pushes (HTTP_401): the access token was refused';
  const { lines } = writeHeadline(change({}, { status: 'failed', statusReason }));
  expect(lines.filter((line) => line.includes('HTTP_401'))).toEqual([`${statusReason}.`]);
});

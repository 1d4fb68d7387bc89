import { expect, test } from 'vitest';
import { composeAlert, failuresOf, type Occasion } from '../../src/alert/compose.ts';
import { toPayload, toSlack, toText } from '../../src/alert/format.ts';
import { parseConfig } from '../../src/config/config.ts';
import { ANNOUNCEMENT_ALERT_KINDS } from '../../src/model/alert.ts';
import { countVerdicts } from '../../src/model/delivery.ts';

const config = parseConfig({ STAGE: 'prod' });
const counts = {
  ...countVerdicts([]),
  delivered: 1_812_344,
  unregistered: 120_000,
  rejected: 3000,
  unknown: 12,
};
const occasion: Occasion = {
  kind: 'failed',
  at: Date.UTC(2026, 10, 26, 18, 0, 5),
  announcement: { announcementId: 42, source: 'shop', dryRun: false },
  totals: {
    announcementId: 42,
    audience: { devices: 2_000_000, lastId: 2_100_000, countedAt: 0, prunedAt: null },
    read: 1_999_990,
    isRead: true,
    counts,
    hops: { open: 1, closed: 666 },
    isCounted: true,
  },
  counts,
  isOver: true,
  reason: 'HTTP_403: <allow> the "role" & go on',
};

test('an alert says in plain words what happened, the numbers, the reason and the next step', () => {
  expect(toText(composeAlert({ config }, occasion)).split('\n')).toEqual([
    '[prod] Announcement 42 has failed: 1,812,344 of 2,000,000 pushes delivered.',
    'Reason: HTTP_403: <allow> the "role" & go on',
    'Audience 2,000,000: excluded 10, delivered 1,812,344, unregistered 120,000, rejected 3,000, unknown 12, unsent 64,634',
    'Next: Fix the reason, then `baton resume 42`: it continues where it stopped. `baton explain 42` says more.',
    'Source shop, 2026-11-26T18:00:05.000Z',
  ]);
});

test.each([
  ['started', 'Announcement 42 has started (by cli:ada): 2,000,000 pushes to send.'],
  ['paused', 'Announcement 42 was paused at its start: it waits for a person.'],
  ['done', 'Announcement 42 is done: 1,812,344 of 2,000,000 pushes delivered.'],
  [
    'stalled',
    'Announcement 42 has made no progress for 7 min, although nothing holds it up: 1,812,344 of 2,000,000 pushes delivered.',
  ],
  [
    'throttled',
    'Announcement 42 waits for FCM: it was throttled, or FCM was down, for 7 min in all: 1,812,344 of 2,000,000 pushes delivered.',
  ],
  [
    'failure-rate',
    'Announcement 42 fails too often: 0.2% of 1,935,356 pushes were rejected or not answered.',
  ],
] as const)('the sentence of %s', (kind, text) => {
  const alert = composeAlert({ config }, { ...occasion, kind, actor: 'cli:ada', lastedMs: 7.9 * 60_000 });
  expect(alert.text).toBe(text);
});

test('an announcement whose audience was not counted has its deliveries alone; one without any numbers has none', () => {
  const totals = { ...occasion.totals, audience: null };
  const text = toText(composeAlert({ config }, { ...occasion, totals }));
  expect(text).toContain('has failed: 1,812,344 pushes delivered.');
  expect(text).toContain('Deliveries: delivered 1,812,344, unregistered 120,000,');
  expect(toText(composeAlert({ config }, { ...occasion, totals, counts: null }))).toContain(
    '42 has failed.\nReason',
  );
});

test('a webhook gets type, timestamp and data; Slack gets a text without signs of its own', () => {
  const alert = composeAlert({ config }, { ...occasion, kind: 'failure-rate' });
  expect(toPayload(alert)).toEqual({
    type: 'announcement.failure_rate',
    timestamp: '2026-11-26T18:00:05.000Z',
    data: {
      ...{ kind: 'failure-rate', stage: 'prod', source: 'shop', announcementId: 42, counts },
      text: expect.stringContaining('fails too often'),
      reason: occasion.reason,
      balance: expect.objectContaining({ audience: 2_000_000, unsent: 64_634 }),
      next: expect.stringContaining('baton explain 42'),
    },
  });
  expect(toSlack(alert).text).toContain('HTTP_403: &lt;allow&gt; the "role" &amp; go on');
});

test('a reason of any length is cut, and every kind has a next step', () => {
  const alert = composeAlert({ config }, { ...occasion, reason: 'x'.repeat(100_000) });
  expect(alert.reason).toHaveLength(1001);
  for (const kind of ANNOUNCEMENT_ALERT_KINDS)
    expect(composeAlert({ config }, { ...occasion, kind }).next).toMatch(/`baton (explain|status) 42`/);
});

test('a device without the app is no failure, and a push without an answer is one only at the end', () => {
  const few = { ...countVerdicts([]), delivered: 80, unregistered: 10, rejected: 6, unknown: 4 };
  expect(failuresOf(few, true)).toEqual({ percent: 10, answered: 100 });
  expect(failuresOf(few, false)).toEqual({ percent: 6.25, answered: 96 });
  expect(failuresOf(null, true)).toEqual({ percent: 0, answered: 0 });
});

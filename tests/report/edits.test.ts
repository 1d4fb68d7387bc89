import { expect, test } from 'vitest';
import { describeAudience } from '../../src/report/audience-text.ts';
import { describeEdits } from '../../src/report/edits.ts';

test.each([
  [null, 'every device'],
  [{ platform: ['ios', 'web'], locale: ['de'] } as const, 'devices with platform ios or web, locale de'],
  [
    { tags: { plan: ['gold'] }, memberIds: ['a', 'b'], appVersion: { from: '4.1' } },
    'devices with appVersion {"from":"4.1"}, tag plan gold, memberIds: 2 members',
  ],
  [
    { locale: ['a1', 'b1', 'c1', 'd1', 'e1', 'f1', 'g1'], sample: '0-10%' },
    'devices with locale a1 or b1 or c1 or d1 or e1 or 2 more, sample 0-10%',
  ],
])('the filter %j is %s', (filter, words) => {
  expect(describeAudience({ audience: 'devices', filter })).toBe(words);
});

test('a mailing is for the recipients of its messages', () => {
  expect(describeAudience({ audience: 'messages', filter: null })).toBe('the recipients of its messages');
});

test('whoever edits a row without effect is told how the edits would count', () => {
  expect(describeEdits({ announcementId: 42, edited: [] })).toEqual([]);
  const edited = ['title', 'body'];
  expect(describeEdits({ announcementId: 42, edited })).toEqual([
    'edited since its start, without effect: title, body; `baton resume 42 --accept-edits` sends the rest as edited, once it is paused or has failed',
  ]);
  expect(describeEdits({ announcementId: 42, edited, approvedBy: 'cli:ben' })).toEqual([
    'edited since its approval, without effect: title, body; `baton approve 42` by a second person approves it as edited, unless it is running',
  ]);
});

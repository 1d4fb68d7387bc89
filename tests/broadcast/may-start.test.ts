import { expect, test } from 'vitest';
import {
  audienceIn,
  fetchParent,
  findReasonToWait,
  type Startable,
  waitsForApproval,
} from '../../src/broadcast/may-start.ts';
import { draft } from '../support/context.ts';

const broadcast: Startable = { ...draft, announcementId: 1, audience: 'devices', problem: null };
const off = { approval: 'off' } as const;
const required = { approval: 'required' } as const;

test.each([
  [null, 0, null],
  [20_000, 20_000, null],
  [20_000, 18_000, null],
  [20_000, 22_000, null],
  [20_000, 17_999, 'audience: expected about 20,000, got 17,999: resume to send it all the same'],
  [20_000, 22_001, 'audience: expected about 20,000, got 22,001: resume to send it all the same'],
  [20_000, 412_000, 'audience: expected about 20,000, got 412,000: resume to send it all the same'],
  [20_000, 0, 'audience: expected about 20,000, got 0: resume to send it all the same'],
  [1, 1, null],
  [1, 2, 'audience: expected about 1, got 2: resume to send it all the same'],
  [0, 0, null],
  [0, 1, 'audience: expected about 0, got 1: resume to send it all the same'],
])(
  'an announcement that expects %s pushes and has %i waits if they differ by more than 10%%',
  (expected, pushes, reason) => {
    expect(findReasonToWait({ ...broadcast, expectedAudience: expected }, pushes, off)).toBe(reason);
  },
);

test.each<[string, Partial<Startable>, typeof off | typeof required, string | null]>([
  ['a broadcast that nobody has approved', {}, required, 'waits for approval'],
  ['one that somebody has approved', { approvedBy: 'api:ben' }, required, null],
  ['one where approval is off', {}, off, null],
  ['a mailing', { audience: 'messages' }, required, null],
  ['a dry run', { dryRun: true }, required, null],
])('%s: approval', (_, fields, config, reason) => {
  expect(findReasonToWait({ ...broadcast, ...fields }, 10, config)).toBe(reason);
});

test('all reasons are named, and each is found again in the words', () => {
  const reason = findReasonToWait({ ...broadcast, expectedAudience: 2000 }, 10, required);
  expect(reason).toBe(
    'audience: expected about 2,000, got 10: resume to send it all the same; waits for approval',
  );
  expect(audienceIn(reason)).toEqual({ words: 'expected about 2,000, got 10', pushes: 10 });
  expect(audienceIn('audience: expected about 5, got 412,000: resume')?.pushes).toBe(412_000);
  expect(waitsForApproval({ status: 'paused', statusReason: reason })).toBe(true);
  expect(waitsForApproval({ status: 'scheduled', statusReason: reason })).toBe(false);
});

test.each([null, '', 'FCM refused: audience: expected about 2, got 3', 'it waits for approval of FCM'])(
  'the reason %j is none of the two',
  (reason) => {
    expect(audienceIn(reason)).toBeNull();
    expect(waitsForApproval({ status: 'paused', statusReason: reason })).toBe(false);
  },
);

const repeat = { at: '0 9 * * *', zone: 'UTC' };
const whole: Startable = { ...broadcast, filter: { platform: ['ios'] }, approvedBy: 'api:ben', repeat };
const part: Startable = {
  ...whole,
  approvedBy: null,
  repeat: null,
  partOf: 1,
  filter: { ...whole.filter, timeZone: ['Asia/Tokyo'] },
};

test.each<[string, Startable, Startable, boolean]>([
  ['a part for one zone of an approved announcement', part, whole, true],
  ['an occurrence', { ...whole, approvedBy: null, partOf: 1 }, whole, true],
  ['a part of one that nobody has approved', part, { ...whole, approvedBy: null }, false],
  ['a part with another text', { ...part, content: { ...draft.content, title: 'A joke' } }, whole, false],
  ['a part for other devices', { ...part, filter: { timeZone: ['Asia/Tokyo'] } }, whole, false],
  ['a part for all devices', { ...part, filter: null }, whole, false],
  ['a part with texts for locales', { ...part, locales: {} }, whole, false],
  ['a push of an approved dry run', part, { ...whole, dryRun: true }, false],
  ['a part with another guarantee', { ...part, guarantee: 'at-most-once' }, whole, false],
  ['a part that FCM may hold for longer', { ...part, ttlSeconds: 60 }, whole, false],
  ['a part of one that is not sent in parts', part, { ...whole, repeat: null }, false],
  ['a part of one at a local time', part, { ...whole, repeat: null, localTime: '2026-12-24T18:00' }, true],
  ['a part of another source', { ...part, source: 'shop' }, whole, false],
  [
    'a part for a zone of the whole',
    part,
    { ...whole, filter: { ...whole.filter, timeZone: ['Asia/Tokyo', null] } },
    true,
  ],
  ['a part for another zone', part, { ...whole, filter: { ...whole.filter, timeZone: [null] } }, false],
  [
    'a part for all zones',
    { ...part, filter: whole.filter ?? null },
    { ...whole, filter: { ...whole.filter, timeZone: [null] } },
    false,
  ],
])('%s: the approval of the whole counts for what it covers', (_, announcement, parent, isCovered) => {
  expect(findReasonToWait(announcement, 10, { ...required, parent })).toBe(
    isCovered ? null : 'waits for approval',
  );
});

test('a parent is read only for a part without an approval of its own', async () => {
  const read: number[] = [];
  const store = {
    fetchAnnouncement: async (id: number) => {
      read.push(id);
      return null;
    },
  };
  await fetchParent({ store }, { partOf: null });
  await fetchParent({ store }, { partOf: 3, approvedBy: 'api:ben' });
  expect(read).toEqual([]);
  expect(await fetchParent({ store }, { partOf: 4 })).toBeNull();
  expect(read).toEqual([4]);
});

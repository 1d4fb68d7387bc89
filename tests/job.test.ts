import { nextJob, sameJob } from '../src/job.ts';
import { expect, test } from 'vitest';

const hop = {
  announcementId: 42,
  round: 0,
  fromId: 3001,
  owner: 'me',
  claims: 1,
  toId: null,
  page: null,
  handedOver: false,
  isCanary: false,
};

test('the next job differs from this one in its cursor alone', () => {
  expect(sameJob(hop)).toEqual({ kind: 'broadcast', announcementId: 42, round: 0, fromId: 3001 });
  expect(nextJob(hop, 6001)).toEqual({ kind: 'broadcast', announcementId: 42, round: 0, fromId: 6001 });
});

test.each([3001, 3000, 0, -1, Number.NaN])('a cursor that does not advance (%d) is refused', (cursor) => {
  expect(() => nextJob(hop, cursor)).toThrow('the next cursor: expected more than 3001');
});

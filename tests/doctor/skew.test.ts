import { expect, test } from 'vitest';
import { judgeSkew } from '../../src/doctor/skew.ts';

test('the time that an answer takes is not counted as skew', () => {
  expect(judgeSkew(-40_000, 20_000, "FCM's").ok).toBe(true);
  expect(judgeSkew(-40_000, 1000, "FCM's")).toMatchObject({
    ok: false,
    says: expect.stringContaining('behind'),
  });
  expect(judgeSkew(40_000, 0, "FCM's")).toMatchObject({ ok: false, says: expect.stringContaining('ahead') });
});

import { expect, test } from 'vitest';
import { parseConfig } from '../../src/config/config.ts';
import { green } from '../../src/doctor/check.ts';
import { judgeConcurrency, judgeImage, judgeMemory, judgeTimeout } from '../../src/doctor/lambda-limits.ts';

test.each([
  ['123456789012.dkr.ecr.eu-central-1.amazonaws.com/baton@sha256:abc', true],
  ['123456789012.dkr.ecr.eu-central-1.amazonaws.com/baton:latest@sha256:abc', true],
  ['123456789012.dkr.ecr.eu-central-1.amazonaws.com/baton:4c6192f', true],
  ['localhost:5000/baton:latest', false],
  ['localhost:5000/baton', false],
])('the image %s is pinned: %s', (uri, ok) => {
  expect(judgeImage(uri).ok).toBe(ok);
});

const UNMEASURED = new Map<string, number>();

test('concurrency must be enough for the budgets of all sources, and is never 1', () => {
  const slow = parseConfig({ FCM_MESSAGES_PER_MINUTE: '6000' });
  expect(judgeConcurrency(1, slow, UNMEASURED).ok).toBe(false);
  expect(judgeConcurrency(2, slow, UNMEASURED).ok).toBe(false);
  expect(judgeConcurrency(3, slow, UNMEASURED).ok).toBe(true);
  expect(judgeConcurrency(8, parseConfig({}), UNMEASURED).ok).toBe(true);
  expect(judgeConcurrency(7, parseConfig({}), UNMEASURED).ok).toBe(false);
  expect(judgeConcurrency(11, parseConfig({ FCM_CREDENTIALS_B: 'b.json' }), UNMEASURED).ok).toBe(false);
  expect(judgeConcurrency(null, parseConfig({}), UNMEASURED).ok).toBe(true);
  const none = judgeConcurrency(0, slow, UNMEASURED);
  expect(none).toMatchObject({ ok: false, says: '0 reserved: the function is stopped' });
});

test('the concurrency that is needed follows from the answer time that broadcasts have measured', () => {
  const config = parseConfig({});
  const needed = (answerMs: number) => judgeConcurrency(null, config, new Map([['default', answerMs]])).says;
  // A page takes 300 ms of the budget; sending it 300 ms and the last answers 200 ms; the rest 500 ms.
  expect(needed(50)).toBe(
    "nothing reserved; about 5 of the account's are enough (50 ms an answer, measured (default))",
  );
  // A window of 3000 is answered in 1000 ms: a page takes 1.1 s, and its last answers 4 s.
  expect(needed(1000)).toContain('about 20 of');
});

test('the time-out must be longer than a lease, and longer than a chunk with its reserve', () => {
  expect(judgeTimeout(30, parseConfig({})).ok).toBe(false);
  expect(judgeTimeout(31, parseConfig({})).ok).toBe(true);
  expect(judgeTimeout(31, parseConfig({ DEADLINE_RESERVE_MS: '25000' })).ok).toBe(false);
});

test('memory for less than a full vCPU is reported, and too little memory fails', () => {
  expect(judgeMemory(1769)).toEqual(green('1769 MB'));
  expect(judgeMemory(1024)).toMatchObject({ ok: true, says: expect.stringContaining('1769') });
  expect(judgeMemory(128).ok).toBe(false);
});

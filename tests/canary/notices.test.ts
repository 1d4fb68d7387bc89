import { expect, test } from 'vitest';
import { judgePushes } from '../../src/canary/notices.ts';
import { ANSWER_WITHIN_MS, type Canary, type CanaryPush, MAX_CANARIES } from '../../src/model/canary.ts';

const NOW = Date.UTC(2026, 10, 26, 9);
const DAY = 86_400_000;

function phone(deviceId: number, platform: Canary['platform'] = null, fields: Partial<Canary> = {}): Canary {
  return {
    ...{ deviceId, target: `t-${deviceId}`, targetKind: 'token', platform, unregisteredAt: null },
    ...fields,
  };
}

/** A push of some days ago; of today, an hour ago. */
function push(deviceId: number, fields: Partial<CanaryPush> = {}, daysAgo = 0): CanaryPush {
  const ageMs = daysAgo * DAY + 3_600_000;
  return {
    ...{ round: `canary-${daysAgo}`, deviceId, sentAt: NOW - ageMs, ageMs },
    ...{ verdict: 'delivered', reason: null, answeredAt: null },
    ...fields,
  };
}
const answered = { answeredAt: NOW };
const gone = { verdict: 'unregistered', reason: 'UNREGISTERED' } as const;
const refused = (reason: string) => ({ verdict: 'misconfigured', reason }) as const;

const shown = (phones: readonly Canary[], pushes: readonly CanaryPush[]) =>
  judgePushes(phones, pushes).map(({ name, level }) => `${name} ${level}`);

test('a phone that answers, or may still answer, is no news; nor is one that was never sent to', () => {
  const waiting = { ageMs: ANSWER_WITHIN_MS - 1 };
  expect(shown([phone(1), phone(2), phone(3)], [push(1, answered), push(2, waiting)])).toEqual([]);
  expect(shown([], [push(1)])).toEqual([]);
  // Also where Baton does not know what FCM said.
  expect(shown([phone(1)], [push(1, { ...answered, verdict: null })])).toEqual([]);
});

test('FCM accepted the push and the phone did not answer: red, with what it was, what to do and where it is written', () => {
  const phones = [phone(16, 'ios'), phone(17, 'ios'), phone(18)];
  const found = judgePushes(phones, [push(16, answered), push(17), push(18, answered)]);
  expect(found).toEqual([
    {
      name: 'canary:17',
      level: 'red',
      says: 'FCM accepted the push to canary 17 (ios) and the phone did not answer in 15 minutes',
      remedy: expect.stringContaining('force-quit'),
      dueOn: null,
      source: 'push_canary, round canary-0',
    },
  ]);
});

test('what was found stands while the next push may still be answered', () => {
  const phones = [phone(1), phone(2)];
  const waiting = { ageMs: 1000, sentAt: NOW - 1000, round: 'canary-now' };
  const before = [push(1), push(2, answered)];
  expect(shown(phones, [push(1, waiting), push(2, waiting), ...before])).toEqual(['canary:1 red']);
  expect(shown(phones, [push(1, { ...waiting, ...answered }), ...before])).toEqual([]);
});

test('a phone that is silent for more than two rounds is amber from then on, and since when is said', () => {
  const phones = [phone(1, 'android'), phone(2, 'ios')];
  const rounds = (silentDays: number) =>
    [0, 1, 2, 3, 4].flatMap((day) => [
      push(1, answered, day),
      push(2, day < silentDays ? {} : answered, day),
    ]);
  expect(shown(phones, rounds(1))).toEqual(['canary:2 red']);
  expect(shown(phones, rounds(2))).toEqual(['canary:2 red']);
  expect(shown(phones, rounds(3))).toEqual(['canary:2 amber']);
  expect(judgePushes(phones, rounds(3))[0]?.says).toBe(
    'Canary 2 (ios) has answered no push since that of 2026-11-23; FCM accepts them',
  );
  expect(judgePushes(phones, rounds(5))[0]?.says).toContain(
    'no push since 2026-11-22, the first that is known',
  );
});

test('as long as no phone answers it is red, however long: with a remedy for Firebase and the app', () => {
  const days = [0, 1, 2, 3, 4];
  const phones = [phone(1, 'ios'), phone(2, 'android')];
  const pushes = days.flatMap((day) => [push(1, {}, day), push(2, {}, day)]);
  expect(judgePushes(phones, pushes)).toMatchObject([
    {
      name: 'canary:all',
      level: 'red',
      says: 'FCM accepted the pushes to all 2 canaries (1, 2), and no phone answered in 15 minutes',
      remedy: expect.stringContaining('APNs key'),
    },
  ]);
  expect(
    shown(
      [phone(1)],
      days.map((day) => push(1, {}, day)),
    ),
  ).toEqual(['canary:1 red']);
});

test('no phone of a platform answers, but others do: one red notice for the platform', () => {
  const phones = [phone(1, 'ios'), phone(2, 'ios'), phone(3, 'android'), phone(4, 'android')];
  const pushes = [push(1), push(2), push(3), push(4, answered)];
  expect(shown(phones, pushes)).toEqual(['canary:ios red', 'canary:3 red']);
  expect(judgePushes(phones, pushes)[0]?.remedy).toContain('APNs key');
});

test('what FCM refuses is told by its reason at once: red if it is a fault of the project, or if no phone had its push accepted', () => {
  const now = { ageMs: 0 };
  const phones = [phone(1, 'ios'), phone(2, 'ios'), phone(3, 'android')];
  const apns = { ...refused('THIRD_PARTY_AUTH_ERROR'), ...now };
  expect(judgePushes(phones, [push(1, apns), push(2, apns), push(3, answered)])).toMatchObject([
    {
      name: 'canary:THIRD_PARTY_AUTH_ERROR',
      level: 'red',
      says: 'The push to 2 canaries (1, 2) was not accepted: THIRD_PARTY_AUTH_ERROR',
      remedy: expect.stringContaining('upload a new one'),
    },
  ]);
  const down = { verdict: 'retryable', reason: 'UNAVAILABLE', ...now } as const;
  expect(shown(phones, [push(1, down), push(3, answered)])).toEqual(['canary:UNAVAILABLE amber']);
  expect(shown(phones, [push(1, down), push(2, down), push(3, down)])).toEqual(['canary:UNAVAILABLE red']);
  const odd = { verdict: 'rejected', reason: 'HTTP 400\u00a0é' } as const;
  expect(shown(phones, [push(1, odd), push(3, answered)])).toEqual(['canary:HTTP-400- amber']);
});

test('a phone whose app is gone is reported; if FCM says so of all phones, it is red', () => {
  const phones = [phone(1), phone(2), phone(3, 'web', { unregisteredAt: NOW - 3 * DAY })];
  const unregistered = 'canary:3 amber';
  expect(shown(phones, [push(1, gone), push(2, answered)])).toEqual(['canary:1 amber', unregistered]);
  expect(shown(phones, [push(1, gone)])).toEqual(['canary:1 red', unregistered]);
  expect(shown(phones, [push(1, gone), push(2, gone)])).toEqual(['canary:UNREGISTERED red', unregistered]);
  expect(judgePushes(phones, []).at(-1)?.says).toBe(
    'Canary 3 (web) gets no pushes: FCM reported on 2026-11-23 that its app is gone',
  );
});

test('a push whose answer of FCM was lost is not known to have been sent', () => {
  const lost = { verdict: null };
  const phones = [phone(1), phone(2)];
  expect(shown(phones, [push(1, lost), push(2, answered)])).toEqual(['canary:not-known amber']);
  expect(shown(phones, [push(1, { ...lost, ageMs: 1000 }), push(2, answered)])).toEqual([]);
});

test('more canaries than a round goes to are named', () => {
  const phones = Array.from({ length: MAX_CANARIES + 1 }, (_, nth) => phone(nth + 1));
  expect(shown(phones, [])).toEqual(['canary:number amber']);
  const all = phones.map(({ deviceId }) => push(deviceId));
  const [silent] = judgePushes(phones, all);
  expect(silent?.says).toContain('all 100 canaries (1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and others)');
});

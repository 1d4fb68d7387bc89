import { expect, test } from 'vitest';
import { makeService, type ServiceOptions } from '../../../src/rehearsal/fcm/decide.ts';
import { NO_TAIL } from '../../../src/rehearsal/fcm/latency.ts';
import { openAcceptedLog } from '../../../src/rehearsal/fcm/log.ts';
import { parseOutage } from '../../../src/rehearsal/fcm/outage.ts';
import { makeSandboxTally } from '../../../src/rehearsal/fcm/stats.ts';
import { makeTestClock } from '../../support/clock.ts';

function makeSandbox(options: Partial<ServiceOptions>) {
  const clock = makeTestClock();
  const log = openAcceptedLog(undefined);
  const tally = makeSandboxTally(options.quotaPerMinute ?? 600_000);
  const decide = makeService(
    { log, tally, clock, isAuthorized: () => true },
    { seed: 1, latencyMs: 0, sigma: 0.4, tail: NO_TAIL, quotaPerMinute: 600_000, faults: {}, ...options },
  );
  let messages = 0;
  const send = (project = 'p') => {
    const body = JSON.stringify({ message: { token: `token-${messages++}` } });
    const decision = decide({
      path: `/v1/projects/${project}/messages:send`,
      authorization: 'Bearer t',
      body,
    });
    if (decision.kind !== 'answer') return { kind: decision.kind };
    const { status, retryAfterSeconds } = decision.reply;
    return { status, retryAfterSeconds };
  };
  return { clock, send, tally, log };
}

test('the quota is full again a minute after the first message, not on the minutes of the wall clock', async () => {
  const { clock, send } = makeSandbox({ quotaPerMinute: 2 });
  await clock.advance(40_000);
  expect([send().status, send().status]).toEqual([200, 200]);
  await clock.advance(50_000);
  expect(send()).toEqual({ status: 429, retryAfterSeconds: 10 });
  await clock.advance(9_999);
  expect(send()).toEqual({ status: 429, retryAfterSeconds: 1 });
  await clock.advance(1);
  expect([send().status, send().status, send().status]).toEqual([200, 200, 429]);
});

test('an outage begins and ends on the second since the first message, and 429 says when it ends', async () => {
  const { clock, send, tally } = makeSandbox({ outage: parseOutage('429@5+10') });
  expect(send().status).toBe(200);
  await clock.advance(4_999);
  expect(send().status).toBe(200);
  await clock.advance(1);
  expect(send()).toEqual({ status: 429, retryAfterSeconds: 10 });
  await clock.advance(9_500);
  expect(send()).toEqual({ status: 429, retryAfterSeconds: 1 });
  await clock.advance(500);
  expect(send().status).toBe(200);
  expect(tally.stats()).toMatchObject({ requests: 5, accepted: 3, outageHeardMs: 9_500 });
});

test.each([
  ['503', { status: 503, retryAfterSeconds: undefined }],
  ['401', { status: 401, retryAfterSeconds: undefined }],
  ['404', { status: 404, retryAfterSeconds: undefined }],
  ['silent', { kind: 'silence' }],
])('an outage of kind %s hits every message alike', (kind, expected) => {
  const { send, log } = makeSandbox({ outage: parseOutage(`${kind}@0+10`) });
  expect([send(), send()]).toEqual([expected, expected]);
  expect(log.accepted.size).toBe(0);
});

test('the quota that was used is a share of the quota over the time of the messages', async () => {
  const { clock, send, tally } = makeSandbox({ quotaPerMinute: 60_000 });
  for (let nth = 0; nth < 2000; nth++) {
    send();
    await clock.advance(2);
  }
  expect(tally.stats().quotaUse).toBeCloseTo(0.5, 2);
});

test('the peak is that of any 60 s, not of the minutes in which the quota is filled, and each project has its own', async () => {
  const { clock, send, tally } = makeSandbox({ quotaPerMinute: 600 });
  send();
  await clock.advance(50_000);
  for (let nth = 0; nth < 450; nth++) send();
  send('other');
  await clock.advance(10_000);
  // The bucket is full again: FCM lets these pass, though they are within a minute of the 450.
  for (let nth = 0; nth < 450; nth++) expect(send().status).toBe(200);
  expect(tally.stats()).toMatchObject({ peakMinute: 1.5, throttled: 0 });
  expect(tally.stats().peakAheadMs).toBeCloseTo(450 * 100 - 10_000 + 450 * 100, 5);
});

test('messages at an even rate of the quota are never ahead of it by more than one', async () => {
  const { clock, send, tally } = makeSandbox({ quotaPerMinute: 6000 });
  for (let nth = 0; nth < 600; nth++) {
    send();
    await clock.advance(10);
  }
  expect(tally.stats().peakAheadMs).toBeCloseTo(10, 5);
  expect(tally.stats().peakMinute).toBeCloseTo(0.1, 5);
});

test.each([
  [{ topic: 'news' }, 'news'],
  [{ condition: "'news' in topics" }, "'news' in topics"],
  [{ topic: '/topics/news' }, null],
  [{ topic: '' }, null],
  [{ topic: 5 }, null],
  [{ condition: 'news' }, null],
  [{ topic: 'news', condition: "'news' in topics" }, null],
])('the sandbox takes a topic and a condition as FCM does: %j', (recipient, target) => {
  const log = openAcceptedLog(undefined);
  const decide = makeService(
    { log, tally: makeSandboxTally(600_000), clock: makeTestClock(), isAuthorized: () => true },
    { seed: 1, latencyMs: 0, sigma: 0.4, tail: NO_TAIL, quotaPerMinute: 600_000, faults: {} },
  );
  const decision = decide({
    path: '/v1/projects/p/messages:send',
    authorization: 'Bearer t',
    body: JSON.stringify({ message: recipient }),
  });
  expect(decision).toMatchObject({ reply: { status: target === null ? 400 : 200 } });
  expect([...log.accepted.keys()]).toEqual(target === null ? [] : [target]);
});

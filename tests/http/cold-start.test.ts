import { expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { PushError, type PushErrorCode } from '../../src/errors.ts';
import { makeHandler } from '../../src/handler.ts';
import { makeLog } from '../../src/log.ts';
import { noDoctor } from '../support/api.ts';
import { fixture, makeRequest } from '../support/events.ts';

const WHY = 'connect ECONNREFUSED 10.0.0.7:3306';

function makeCold(code: PushErrorCode | null, log: string[] = []) {
  const error = code === null ? new Error(WHY) : new PushError(code, WHY);
  const handle = makeHandler(
    () => Promise.reject(error),
    noDoctor,
    makeLog(systemClock, {}, (line) => log.push(line)),
  );
  return (event: unknown) =>
    handle(event, {
      awsRequestId: 'request-1',
      invokedFunctionArn: 'baton',
      getRemainingTimeInMillis: () => 29_000,
    });
}

const health = { ...fixture('alb'), httpMethod: 'GET', path: '/health', body: '' };

test.each<[PushErrorCode | null, string, string]>([
  ['DATABASE', 'DATABASE', 'database'],
  ['BAD_CONFIG', 'BAD_CONFIG', 'function'],
  [null, 'INTERNAL', 'function'],
])(
  'a function that cannot start (%s) answers HTTP with 503, and says what is down',
  async (code, shown, down) => {
    const log: string[] = [];
    const call = makeCold(code, log);
    const problem = expect.stringContaining(`"code":"${shown}"`);
    expect(await call(health)).toMatchObject({
      statusCode: 503,
      statusDescription: '503 Service Unavailable',
      headers: { 'content-type': 'application/problem+json' },
      body: problem,
    });
    const reply = await call(makeRequest({ path: '/messages', body: { messages: [] } }));
    expect(reply).toMatchObject({ statusCode: 503, body: problem });
    expect(JSON.stringify(reply)).toContain(`down\\":[\\"${down}\\"]`);
    expect(JSON.stringify(reply)).not.toContain('10.0.0.7');
    expect(log.map((line) => JSON.parse(line) as unknown)).toMatchObject([
      { level: 'error', event: 'request failed', status: 503, message: expect.stringContaining(WHY) },
      { requestId: 'request-1' },
    ]);
  },
);

test('HEAD of a function that cannot start has no body', async () => {
  expect(await makeCold('DATABASE')({ ...health, httpMethod: 'HEAD' })).toMatchObject({
    statusCode: 503,
    body: '',
  });
});

test('an event that is not HTTP fails, so that Lambda retries it', async () => {
  await expect(makeCold('DATABASE')({ kind: 'scan' })).rejects.toThrow(WHY);
});

import { expect, test } from 'vitest';
import { openConfig } from '../../src/config/live.ts';
import { PushError } from '../../src/errors.ts';
import { makeHandler } from '../../src/handler.ts';
import type { Store } from '../../src/store.ts';
import { noDoctor } from '../support/api.ts';
import { makeTestClock } from '../support/clock.ts';
import { makeContext } from '../support/context.ts';
import { API_TOKEN, makeRequest } from '../support/events.ts';

const ARN = 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:baton/tokens-AbCdEf';
const OTHER_TOKEN = 'another-token-of-the-same-length';
const MAX_AGE_MS = 300_000;

async function begin() {
  const clock = makeTestClock();
  const world = { tokens: API_TOKEN, reads: 0, fails: false };
  const live = await openConfig({ API_TOKEN: ARN }, clock, async () => {
    world.reads++;
    if (world.fails) throw new Error('no route');
    return { API_TOKEN: world.tokens };
  });
  return { clock, world, live };
}

test('secrets are read anew when they are too old, once for all that ask at the same time', async () => {
  const { clock, world, live } = await begin();
  world.tokens = OTHER_TOKEN;
  await clock.advance(MAX_AGE_MS);
  expect((await live.fetch(MAX_AGE_MS)).api.tokens.find(API_TOKEN)).not.toBeNull();
  await clock.advance(1);
  const [one] = await Promise.all([live.fetch(MAX_AGE_MS), live.fetch(MAX_AGE_MS)]);
  expect(one.api.tokens.find(API_TOKEN)).toBeNull();
  expect(one.api.tokens.find(OTHER_TOKEN)).not.toBeNull();
  expect(world.reads).toBe(2);
});

test('secrets that cannot be read leave the configuration as it was, and are read again after ten seconds', async () => {
  const { clock, world, live } = await begin();
  await clock.advance(MAX_AGE_MS + 1);
  world.fails = true;
  await expect(live.fetch(MAX_AGE_MS)).rejects.toThrow('no route');
  expect(await live.fetch(MAX_AGE_MS)).toBe(live.config);
  expect(world.reads).toBe(2);
  world.fails = false;
  await clock.advance(10_000);
  await live.fetch(MAX_AGE_MS);
  expect(world.reads).toBe(3);
});

test('a revoked token of the API is refused by a warm function after five minutes', async () => {
  const { clock, world, live } = await begin();
  const ctx = makeContext({} as Store, { clock });
  const services = { ...ctx, config: live.config, fetchConfig: () => live.fetch(MAX_AGE_MS) };
  const handle = makeHandler(async () => services, noDoctor);
  const ask = async (): Promise<unknown> =>
    handle(makeRequest({ method: 'GET', path: '/openapi.json' }), {
      awsRequestId: 'request-1',
      invokedFunctionArn: 'baton',
      getRemainingTimeInMillis: () => 29_000,
    });
  expect(await ask()).toMatchObject({ statusCode: 200 });
  world.tokens = OTHER_TOKEN;
  await clock.advance(MAX_AGE_MS + 1);
  expect(await ask()).toMatchObject({ statusCode: 401 });
});

/** A process whose variables are read again, such as those of `.env`. */
async function beginWithFile() {
  const clock = makeTestClock();
  const world = { env: { API_TOKEN } as Record<string, string>, reads: 0, fails: false };
  const live = await openConfig(() => {
    world.reads++;
    if (world.fails) throw new PushError('BAD_CONFIG', '.env, line 2: expected NAME=value');
    return world.env;
  }, clock);
  const isValid = async (token: string): Promise<boolean> =>
    (await live.fetch(MAX_AGE_MS)).api.tokens.find(token) !== null;
  return { clock, world, live, isValid };
}

test('a token that is gone from a file of settings is refused after five minutes', async () => {
  const { clock, world, isValid } = await beginWithFile();
  world.env = { API_TOKEN: OTHER_TOKEN };
  await clock.advance(MAX_AGE_MS);
  expect(await isValid(API_TOKEN)).toBe(true);
  expect(world.reads).toBe(1);
  await clock.advance(1);
  expect(await isValid(API_TOKEN)).toBe(false);
  expect(await isValid(OTHER_TOKEN)).toBe(true);
  expect(world.reads).toBe(2);
});

test('variables that have changed are read at once if they are refused, also soon after the last time', async () => {
  const { world, live, clock } = await beginWithFile();
  await clock.advance(1);
  await live.fetch(0);
  world.env = { API_TOKEN: OTHER_TOKEN };
  await clock.advance(1);
  await live.fetch(0);
  expect(live.env).toBe(world.env);
});

test('a file that cannot be read is one error every ten seconds, and the configuration stays as it was', async () => {
  const { clock, world, live, isValid } = await beginWithFile();
  world.fails = true;
  await clock.advance(MAX_AGE_MS + 1);
  await expect(live.fetch(MAX_AGE_MS)).rejects.toThrow('.env, line 2');
  expect(await isValid(API_TOKEN)).toBe(true);
  await clock.advance(10_000);
  await expect(live.fetch(MAX_AGE_MS)).rejects.toThrow('.env, line 2');
});

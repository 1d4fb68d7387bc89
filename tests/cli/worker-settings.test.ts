import { expect, test } from 'vitest';
import { workerSettings } from '../../src/cli/environment.ts';
import { openConfig } from '../../src/config/live.ts';
import { MARK } from '../support/secret.ts';
import { makeTestClock } from '../support/clock.ts';

const DATABASE_URL = `mysql://baton:${MARK}@127.0.0.1:3306/shop`;

const PROXY = { https_proxy: 'http://proxy:3128', NO_PROXY: '.googleapis.com' };

async function begin() {
  const world = {
    env: { DATABASE_URL, FCM_CREDENTIALS_SHOP_B: 'b.json', STAGE: 'prod', ...PROXY },
    errors: 0,
  };
  const clock = makeTestClock();
  const live = await openConfig(() => world.env, clock);
  await clock.advance(1);
  return { clock, world, ...workerSettings(live, () => world.errors++) };
}

test('the environment of a worker has ARNs in place of keys and passwords, and the proxy for access tokens', async () => {
  const { env } = await begin();
  expect(env).toEqual({
    DATABASE_URL: expect.stringMatching(/^arn:aws:secretsmanager:.*DATABASE_URL$/),
    FCM_CREDENTIALS_SHOP_B: expect.stringMatching(/^arn:aws:secretsmanager:.*FCM_CREDENTIALS_SHOP_B$/),
    STAGE: 'prod',
    ...PROXY,
  });
});

test('a worker finds each secret as it is now, and a path made absolute', async () => {
  const { clock, world, env, secrets } = await begin();
  const fetchSecret = (name: string) => secrets.fetch(env[name] ?? '');
  expect(await fetchSecret('DATABASE_URL')).toBe(DATABASE_URL);
  world.env = { ...world.env, DATABASE_URL: DATABASE_URL.replace('shop', 'other') };
  await clock.advance(1);
  expect(await fetchSecret('DATABASE_URL')).toBe(DATABASE_URL.replace('shop', 'other'));
  expect(await fetchSecret('FCM_CREDENTIALS_SHOP_B')).toBe(`${process.cwd()}/b.json`);
  expect(await secrets.fetch('arn:aws:secretsmanager:us-east-1:123456789012:secret:local/STAGE')).toBeNull();
});

test('settings that are no longer valid leave workers the last valid ones, and are reported', async () => {
  const { world, env, secrets } = await begin();
  world.env = { ...world.env, DATABASE_URL: `"${MARK}` };
  expect(await secrets.fetch(env['DATABASE_URL'] ?? '')).toBe(DATABASE_URL);
  expect(world.errors).toBe(1);
});

import { expect, test } from 'vitest';
import { openConfig } from '../../src/config/live.ts';
import { PushError } from '../../src/errors.ts';
import { openRenewingStore } from '../../src/db/renewing-store.ts';
import type { Store } from '../../src/store.ts';
import { makeTestClock } from '../support/clock.ts';

const ARN = 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:baton/database-AbCdEf';

const denied = (): PushError =>
  new PushError('DATABASE', 'no connection', {
    cause: Object.assign(new Error('Access denied'), { code: 'ER_ACCESS_DENIED_ERROR' }),
  });

/** A database whose password rotates, and a process that has read the first one. */
async function begin(env: Record<string, string> = { DATABASE_URL: ARN }) {
  const clock = makeTestClock();
  const world = {
    password: 'first',
    secret: 'first',
    reads: 0,
    opened: [] as string[],
    closed: 0,
    failsToRead: false,
  };
  const live = await openConfig(env, clock, async () => {
    world.reads++;
    if (world.failsToRead) throw new PushError('BAD_CONFIG', 'no route to Secrets Manager');
    return { DATABASE_URL: `mysql://baton:${world.secret}@db/shop` };
  });
  const store = await openRenewingStore(live, async ({ database }) => {
    const url = database.kind === 'mysql' ? database.url : '';
    world.opened.push(new URL(url).password);
    const mine = world.secret;
    const countDevices = async (): Promise<number> => {
      if (mine !== world.password) throw denied();
      return 7;
    };
    return { countDevices, close: async () => void world.closed++ } as Partial<Store> as Store;
  });
  await clock.advance(60_000);
  return { clock, live, world, store };
}

test('a refused password is read anew once, and the call is made again', async () => {
  const { world, store } = await begin();
  expect(await store.countDevices()).toBe(7);
  world.password = world.secret = 'second';
  expect(await Promise.all([store.countDevices(), store.countDevices()])).toEqual([7, 7]);
  expect(world).toMatchObject({ reads: 2, opened: ['first', 'second'], closed: 1 });
  expect(await store.countDevices()).toBe(7);
  expect(world.reads).toBe(2);
});

test('a password that stays refused is the error of the database, after one reading', async () => {
  const { world, store } = await begin();
  world.password = 'unknown';
  await expect(store.countDevices()).rejects.toThrow('no connection');
  await expect(store.countDevices()).rejects.toThrow('no connection');
  expect(world).toMatchObject({ reads: 2, opened: ['first'], closed: 0 });
});

test('if the secrets cannot be read, the error is that of the database', async () => {
  const { world, store } = await begin();
  world.password = 'second';
  world.failsToRead = true;
  await expect(store.countDevices()).rejects.toThrow('no connection');
});

test('the secrets are read again later, and then the new password is used', async () => {
  const { clock, world, store } = await begin();
  world.password = 'second';
  await expect(store.countDevices()).rejects.toThrow('no connection');
  world.secret = 'second';
  await clock.advance(11_000);
  expect(await store.countDevices()).toBe(7);
});

test('without secrets in Secrets Manager nothing is read again', async () => {
  const { world, store } = await begin({ DATABASE_URL: 'mysql://baton:first@db/shop' });
  world.password = world.secret = 'second';
  await expect(store.countDevices()).rejects.toThrow('no connection');
  expect(world.reads).toBe(1);
});

test('the store is closed as it is now', async () => {
  const { world, store } = await begin();
  await store.close();
  expect(world.closed).toBe(1);
});

import { expect, test } from 'vitest';
import { openConfig } from '../../src/config/live.ts';
import type { Batch, Senders } from '../../src/context.ts';
import { PushError } from '../../src/errors.ts';
import { makeRenewingSenders } from '../../src/fcm/renewing-senders.ts';
import { makeTestClock } from '../support/clock.ts';
import { delivered, draft, outcome } from '../support/context.ts';

const ARN = 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:baton/account-AbCdEf';

const BATCH: Batch = {
  ...draft,
  collapseKey: 'k',
  devices: [1, 2, 3].map((deviceId) => ({
    deviceId,
    target: `target-${deviceId}`,
    targetKind: 'token' as const,
  })),
};
const signal = new AbortController().signal;

/** Google, which accepts one key; `refusesBy` says how it refuses another one. */
async function begin(env: Record<string, string>, refusesBy: 'throwing' | 'answers' = 'throwing') {
  const clock = makeTestClock();
  const world = { key: '{first}', secret: '{first}', reads: 0, sent: [] as string[], closed: 0 };
  const live = await openConfig(env, clock, async () => {
    world.reads++;
    return { ...env, ...(env['FCM_CREDENTIALS'] === ARN ? { FCM_CREDENTIALS: world.secret } : {}) };
  });
  const senders = makeRenewingSenders(live, clock, (config): Senders => {
    const credentials = config.sources.get('default')?.credentials;
    // A file is read when it is opened.
    const key = credentials?.kind === 'inline' ? credentials.json : world.secret;
    return {
      check: () => {},
      close: async () => void world.closed++,
      of: async () => ({
        close: async () => {},
        async send({ devices }) {
          const isValid = key === world.key;
          if (!isValid && refusesBy === 'throwing') throw new PushError('BAD_CREDENTIALS', 'invalid_grant');
          return devices.map(({ target }) => {
            // The first device's push was accepted before the key was refused.
            if (!isValid && target !== 'target-1')
              return outcome('misconfigured', 'HTTP_401_UNAUTHENTICATED');
            world.sent.push(target);
            return delivered;
          });
        },
      }),
    };
  });
  await clock.advance(60_000);
  return { clock, world, senders };
}

const ALL = ['target-1', 'target-2', 'target-3'];

test('refused credentials are read anew once, and the batch is sent with the new ones', async () => {
  const { world, senders } = await begin({ FCM_CREDENTIALS: ARN });
  world.key = world.secret = '{second}';
  const sender = await senders.of('default');
  expect(await sender.send(BATCH, signal)).toEqual([delivered, delivered, delivered]);
  expect(world).toMatchObject({ reads: 2, sent: ALL });
  await senders.close();
  expect(world.closed).toBe(2);
});

test('of a batch whose access token FCM refuses, only what was refused is sent again', async () => {
  const { world, senders } = await begin({ FCM_CREDENTIALS: ARN }, 'answers');
  world.key = world.secret = '{second}';
  const sender = await senders.of('default');
  expect(await sender.send(BATCH, signal)).toEqual([delivered, delivered, delivered]);
  expect(world.sent).toEqual(ALL);
});

test('credentials that stay refused are the error, or the answer, after one reading', async () => {
  const { world, senders } = await begin({ FCM_CREDENTIALS: ARN });
  world.key = '{unknown}';
  const sender = await senders.of('default');
  await expect(sender.send(BATCH, signal)).rejects.toThrow('invalid_grant');
  await expect(sender.send(BATCH, signal)).rejects.toThrow('invalid_grant');
  expect(world.reads).toBe(2);
  const answering = await begin({ FCM_CREDENTIALS: ARN }, 'answers');
  answering.world.key = '{unknown}';
  const outcomes = await (await answering.senders.of('default')).send(BATCH, signal);
  expect(outcomes.map(({ verdict }) => verdict)).toEqual(['delivered', 'misconfigured', 'misconfigured']);
});

test('a file of credentials that was replaced is read again', async () => {
  const { world, senders } = await begin({ FCM_CREDENTIALS: '/run/secrets/account.json' });
  world.key = world.secret = '{second}';
  const sender = await senders.of('default');
  expect(await sender.send(BATCH, signal)).toEqual([delivered, delivered, delivered]);
  expect(world).toMatchObject({ reads: 1, sent: ALL });
});

import type { Device } from '../../src/model/device.ts';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Credential } from 'firebase-admin/app';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Batch, Sender } from '../../src/context.ts';
import { PushError } from '../../src/errors.ts';
import { type Http2SenderOptions, makeHttp2Sender } from '../../src/fcm/http2/sender.ts';
import { makeSdkSender } from '../../src/fcm/sdk.ts';
import { type FcmSandbox, type FcmSandboxOptions, startFcmSandbox } from '../../src/rehearsal/fcm/sandbox.ts';
import { redirectSdk } from '../../src/rehearsal/fcm/sdk-redirect.ts';
import { makeTestClock, type TestClock } from '../support/clock.ts';
import { type Proxy, startProxy } from '../support/proxy.ts';
import { until } from './loopback.ts';

const credential: Credential = {
  getAccessToken: async () => ({ access_token: 'a-token', expires_in: 3600 }),
};
const access = { credential, projectId: 'contract' };

type MakeSender = (options: Http2SenderOptions) => Sender;

const TRANSPORTS: [string, MakeSender][] = [
  ['http2', makeHttp2Sender],
  [
    'sdk',
    ({ endpoint, access: account, clock }) => {
      const restore = redirectSdk(endpoint);
      const sender = makeSdkSender({ access: account, clock });
      return { ...sender, close: () => sender.close().finally(restore) };
    },
  ],
];

/** A signal that never aborts. */
const never = new AbortController().signal;

const devicesNamed = (...targets: string[]): Device[] =>
  targets.map((target, nth) => ({ deviceId: nth + 1, target, targetKind: 'token' }));

const manyDevices = (count: number): Device[] =>
  devicesNamed(...Array.from({ length: count }, (_, nth) => `target-${nth}`));

const batchFor = (devices: readonly Device[], change: Partial<Batch> = {}): Batch => ({
  content: {
    title: 'Straße "1" 🎉',
    body: 'line\nbreak',
    image: 'https://example.com/a.png',
    data: { k: 'v' },
    options: {},
  },
  collapseKey: 'baton-1',
  ttlSeconds: null,
  dryRun: false,
  devices,
  ...change,
});

describe.each(TRANSPORTS)('the %s transport', (_, makeSender) => {
  let clock: TestClock;
  let sandbox: FcmSandbox;
  let proxy: Proxy;
  let sender: Sender;
  let folder: string;

  beforeEach(() => {
    clock = makeTestClock();
    folder = mkdtempSync(join(tmpdir(), 'baton-sender-'));
  });

  afterEach(async () => {
    await sender.close();
    await proxy.close();
    await sandbox.close();
    rmSync(folder, { recursive: true });
  });

  async function begin(options: FcmSandboxOptions = {}, account = access): Promise<void> {
    sandbox = await startFcmSandbox({ seed: 3, ...options });
    proxy = await startProxy(Number(new URL(sandbox.endpoint).port));
    sender = makeSender({ endpoint: `http://127.0.0.1:${proxy.port}`, access: account, clock });
  }

  test("sends one message to every device, and the nth outcome is the nth device's", async () => {
    await begin({ faults: { unregistered: 0.2, invalid: 0.1 } });
    const devices = manyDevices(700);
    const outcomes = await sender.send(batchFor(devices), never);
    expect(outcomes).toHaveLength(700);
    devices.forEach(({ target }, nth) => {
      expect(outcomes[nth]?.verdict === 'delivered', target).toBe(sandbox.accepted.get(target) === 1);
    });
    const verdicts = new Set(outcomes.map(({ verdict }) => verdict));
    expect(verdicts).toEqual(new Set(['delivered', 'unregistered', 'rejected']));
    expect(outcomes.find(({ verdict }) => verdict === 'delivered')?.messageName).toMatch(
      /^projects\/contract\/messages\//,
    );
    expect(outcomes.find(({ verdict }) => verdict === 'unregistered')?.reason).toBe('UNREGISTERED');
  });

  test('a Firebase installation id is a target like a token', async () => {
    await begin();
    const [outcome] = await sender.send(
      batchFor([{ deviceId: 1, target: 'an-installation', targetKind: 'fid' }]),
      never,
    );
    expect(outcome?.verdict).toBe('delivered');
    expect(sandbox.accepted.get('an-installation')).toBe(1);
  });

  test('a device with a message of its own gets that one, and the others the common one', async () => {
    await begin();
    const { content } = batchFor([]);
    const own = {
      content: { ...content, data: { order: '17' } },
      ttlSeconds: 60,
      collapseKey: 'baton-m17',
    };
    const [first, second, third] = devicesNamed('a', 'b', 'c');
    const devices = [first!, { ...second!, own }, third!];
    const outcomes = await sender.send(batchFor(devices), never);
    expect(outcomes.map(({ verdict }) => verdict)).toEqual(Array(3).fill('delivered'));
    expect(Object.fromEntries(sandbox.acceptedOf('baton-m17'))).toEqual({ b: 1 });
    expect(Object.fromEntries(sandbox.acceptedOf('baton-1'))).toEqual({ a: 1, c: 1 });
  });

  test('a dry run is validated and shown on no phone', async () => {
    await begin();
    const outcomes = await sender.send(batchFor(manyDevices(20), { dryRun: true }), never);
    expect(outcomes.every(({ verdict }) => verdict === 'delivered')).toBe(true);
    expect(sandbox.stats().validated).toBe(20);
    expect(sandbox.accepted.size).toBe(0);
  });

  test('an empty batch is an empty answer', async () => {
    await begin();
    expect(await sender.send(batchFor([]), never)).toEqual([]);
  });

  test('a message beyond the quota is retryable', async () => {
    await begin({ quotaPerMinute: 5 });
    const outcomes = await sender.send(batchFor(manyDevices(8)), never);
    const throttled = outcomes.filter(({ reason }) => reason === 'QUOTA_EXCEEDED');
    expect(throttled).toHaveLength(3);
    expect(new Set(throttled.map(({ verdict }) => verdict))).toEqual(new Set(['retryable']));
  });

  test('a message without an answer is `unknown`, never `delivered`, as soon as the time is up', async () => {
    await begin({ faults: { silent: 1 } });
    let isSettled = false;
    const sending = sender.send(batchFor(manyDevices(4)), clock.timeout(300)).finally(() => {
      isSettled = true;
    });
    await until(() => sandbox.stats().requests === 4);
    await clock.advance(299);
    expect(isSettled).toBe(false);
    await clock.advance(1);
    const outcomes = await sending;
    expect(outcomes.map(({ verdict }) => verdict)).toEqual(Array(4).fill('unknown'));
  });

  test('a server that closes without an answer leaves no call unsettled', async () => {
    await begin({ latencyMs: 5000 });
    const sending = sender.send(batchFor(manyDevices(60)), clock.timeout(1500));
    await until(() => sandbox.stats().requests === 60);
    proxy.finish();
    await clock.advance(1500);
    const outcomes = await sending;
    expect(outcomes.map(({ verdict }) => verdict)).toEqual(Array(60).fill('unknown'));
  });

  test('a bad payload is not the fault of the device', async () => {
    await begin();
    const content = { title: 'x'.repeat(5000), body: 'b', image: null, data: {}, options: {} };
    const [outcome] = await sender.send(batchFor(manyDevices(1), { content }), never);
    expect(outcome?.verdict).toBe('misconfigured');
  });

  test('credentials without an access token are one error, and nothing is sent', async () => {
    const broken: Credential = { getAccessToken: () => Promise.reject(new Error('invalid_grant')) };
    await begin({}, { ...access, credential: broken });
    const sending = sender.send(batchFor(manyDevices(3)), never);
    await expect(sending).rejects.toThrow(PushError);
    await expect(sending).rejects.toMatchObject({ code: 'BAD_CREDENTIALS' });
    expect(sandbox.stats().requests).toBe(0);
  });

  test('without an access token in time every push is retryable', async () => {
    const slow: Credential = { getAccessToken: () => new Promise(() => {}) };
    await begin({}, { ...access, credential: slow });
    const sending = sender.send(batchFor(manyDevices(3)), clock.timeout(100));
    await clock.advance(100);
    const outcomes = await sending;
    expect(outcomes).toMatchObject(
      Array.from({ length: 3 }, () => ({ verdict: 'retryable', reason: 'NO_ACCESS_TOKEN' })),
    );
    expect(sandbox.stats().requests).toBe(0);
  });
});

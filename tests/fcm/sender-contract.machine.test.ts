import { clockThatSays } from '../support/clock.ts';
import type { Device } from '../../src/model/device.ts';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Credential } from 'firebase-admin/app';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Batch, Sender } from '../../src/context.ts';
import { PushError } from '../../src/errors.ts';
import { makeHttp2Sender } from '../../src/fcm/http2/sender.ts';
import { makeSdkSender } from '../../src/fcm/sdk.ts';
import { type FcmSandbox, type FcmSandboxOptions, startFcmSandbox } from '../../src/rehearsal/fcm/sandbox.ts';
import { redirectSdk } from '../../src/rehearsal/fcm/sdk-redirect.ts';
import { type Proxy, startProxy } from '../support/proxy.ts';

const clock = clockThatSays(() => Date.now());
const credential: Credential = {
  getAccessToken: async () => ({ access_token: 'a-token', expires_in: 3600 }),
};
const access = { credential, projectId: 'contract' };

type Make = (endpoint: string, use?: typeof access) => Sender;

const TRANSPORTS: [string, Make][] = [
  ['http2', (endpoint, use = access) => makeHttp2Sender({ endpoint, access: use, clock })],
  [
    'sdk',
    (endpoint, use = access) => {
      const restore = redirectSdk(endpoint);
      const sender = makeSdkSender({ access: use, clock });
      return { ...sender, close: () => sender.close().finally(restore) };
    },
  ],
];

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

describe.each(TRANSPORTS)('the %s transport', (_, make) => {
  let sandbox: FcmSandbox;
  let proxy: Proxy;
  let sender: Sender;
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'baton-sender-'));
  });

  afterEach(async () => {
    await sender.close();
    await proxy.close();
    await sandbox.close();
    rmSync(folder, { recursive: true });
  });

  async function begin(options: FcmSandboxOptions = {}, use?: typeof access): Promise<void> {
    sandbox = await startFcmSandbox({ seed: 3, ...options });
    proxy = await startProxy(Number(new URL(sandbox.endpoint).port));
    sender = make(`http://127.0.0.1:${proxy.port}`, use);
  }

  test("sends one message to every device, and the nth outcome is the nth device's", async () => {
    await begin({ faults: { unregistered: 0.2, invalid: 0.1 } });
    const devices = manyDevices(700);
    const outcomes = await sender.send(batchFor(devices), AbortSignal.timeout(10_000));
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
      AbortSignal.timeout(10_000),
    );
    expect(outcome?.verdict).toBe('delivered');
    expect(sandbox.accepted.get('an-installation')).toBe(1);
  });

  test('who has a message of their own gets that one, and the others the common one', async () => {
    await begin();
    const { content } = batchFor([]);
    const own = {
      content: { ...content, data: { order: '17' } },
      ttlSeconds: 60,
      collapseKey: 'baton-m17',
    };
    const [first, second, third] = devicesNamed('a', 'b', 'c');
    const devices = [first!, { ...second!, own }, third!];
    const outcomes = await sender.send(batchFor(devices), AbortSignal.timeout(10_000));
    expect(outcomes.map(({ verdict }) => verdict)).toEqual(Array(3).fill('delivered'));
    expect(Object.fromEntries(sandbox.acceptedOf('baton-m17'))).toEqual({ b: 1 });
    expect(Object.fromEntries(sandbox.acceptedOf('baton-1'))).toEqual({ a: 1, c: 1 });
  });

  test('a dry run is validated and shown to nobody', async () => {
    await begin();
    const outcomes = await sender.send(
      batchFor(manyDevices(20), { dryRun: true }),
      AbortSignal.timeout(10_000),
    );
    expect(outcomes.every(({ verdict }) => verdict === 'delivered')).toBe(true);
    expect(sandbox.stats().validated).toBe(20);
    expect(sandbox.accepted.size).toBe(0);
  });

  test('an empty batch is an empty answer', async () => {
    await begin();
    expect(await sender.send(batchFor([]), AbortSignal.timeout(1000))).toEqual([]);
  });

  test('the quota used up is retryable', async () => {
    await begin({ quotaPerMinute: 5 });
    const outcomes = await sender.send(batchFor(manyDevices(8)), AbortSignal.timeout(10_000));
    const throttled = outcomes.filter(({ reason }) => reason === 'QUOTA_EXCEEDED');
    expect(throttled).toHaveLength(3);
    expect(new Set(throttled.map(({ verdict }) => verdict))).toEqual(new Set(['retryable']));
  });

  test('no answer is `unknown`, never `delivered`, and never takes longer than the time given', async () => {
    await begin({ faults: { silent: 1 } });
    const startedAt = performance.now();
    const outcomes = await sender.send(batchFor(manyDevices(4)), AbortSignal.timeout(300));
    expect(performance.now() - startedAt).toBeLessThan(5000);
    expect(outcomes.map(({ verdict }) => verdict)).toEqual(Array(4).fill('unknown'));
  });

  test('a server that closes without an answer leaves no call hanging', async () => {
    await begin({ latencyMs: 5000 });
    const sending = sender.send(batchFor(manyDevices(60)), AbortSignal.timeout(1500));
    await sleep(300);
    proxy.finish();
    const outcomes = await sending;
    expect(outcomes.map(({ verdict }) => verdict)).toEqual(Array(60).fill('unknown'));
  });

  test("a bad payload is nobody's device's fault", async () => {
    await begin();
    const content = { title: 'x'.repeat(5000), body: 'b', image: null, data: {}, options: {} };
    const [outcome] = await sender.send(batchFor(manyDevices(1), { content }), AbortSignal.timeout(10_000));
    expect(outcome?.verdict).toBe('misconfigured');
  });

  test('credentials that give no access token are one error, and nothing is sent', async () => {
    const broken: Credential = { getAccessToken: () => Promise.reject(new Error('invalid_grant')) };
    await begin({}, { ...access, credential: broken });
    const sending = sender.send(batchFor(manyDevices(3)), AbortSignal.timeout(10_000));
    await expect(sending).rejects.toThrow(PushError);
    await expect(sending).rejects.toMatchObject({ code: 'BAD_CREDENTIALS' });
    expect(sandbox.stats().requests).toBe(0);
  });

  test('an access token that does not come in time leaves every push to be tried again', async () => {
    const slow: Credential = { getAccessToken: () => new Promise(() => {}) };
    await begin({}, { ...access, credential: slow });
    const outcomes = await sender.send(batchFor(manyDevices(3)), AbortSignal.timeout(100));
    expect(outcomes).toMatchObject(
      Array.from({ length: 3 }, () => ({ verdict: 'retryable', reason: 'NO_ACCESS_TOKEN' })),
    );
    expect(sandbox.stats().requests).toBe(0);
  });
});

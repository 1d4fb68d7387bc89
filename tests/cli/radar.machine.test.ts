import { afterEach, expect, onTestFinished, test, vi } from 'vitest';
import { scan } from '../../src/broadcast/scan.ts';
import { makeWorkplace } from '../support/baton.ts';
import { makeContext } from '../support/context.ts';
import { startReceiver } from '../support/receiver.ts';

const SECRET = `whsec_${Buffer.alloc(24, 9).toString('base64')}`;

afterEach(() => {
  vi.useRealTimers();
});

test('baton radar names a deprecated field, one that is gone and a Node past its date; the tick sends what it recorded', async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.UTC(2028, 5, 1) });
  await using here = await makeWorkplace({
    discovery: { deprecated: ['AndroidConfig.ttl'], gone: ['FcmOptions.analyticsLabel'] },
  });
  const receiver = await startReceiver(SECRET);
  onTestFinished(() => receiver.close());
  const store = await here.openStore();

  const text = await here.baton(['radar']);
  expect(text).toMatchObject({ status: 1, err: '' });
  expect(text.out).toMatch(
    /^red {4}now {2}discovery:message\.fcm_options\.analytics_label {2}.*→ upgrade Baton/m,
  );
  expect(text.out).toMatch(/^amber {2}now {2}discovery:message\.android\.ttl {2}.*→ upgrade Baton/m);
  expect(text.out).toMatch(/^red {4}2028-04-30 {2}lifecycle:nodejs24\.x {2}.*→ use a later Node.*https:/m);
  const json = JSON.parse((await here.baton(['radar', '--json'])).out) as object;
  expect(json).toMatchObject({ ok: false, looks: expect.any(Array) });
  // The terminal's own Node is not recorded.
  const names = async () => (await store.fetchNotices()).map(({ name }) => name);
  expect(await names()).not.toContain('lifecycle:nodejs24.x');
  expect(await names()).toContain('discovery:message.android.ttl');

  const env = { ...here.env, ALERT_WEBHOOK_URL: receiver.url, ALERT_WEBHOOK_SECRET: SECRET };
  const ctx = makeContext(store, { env });
  await scan(ctx);
  expect(receiver.received.map(({ body }) => body).join('\n')).toContain('message.android.ttl');
});

test('a quiet stack has nothing to say; without FCM it says so, and what stands stays', async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.UTC(2026, 10, 27) });
  await using here = await makeWorkplace();
  const store = await here.openStore();
  const quiet = await here.baton(['radar']);
  expect(quiet).toMatchObject({ status: 0, err: '' });
  expect(quiet.out).toMatch(/^nothing found\nlooked at:\n {2}FCM API/);
  expect(await store.fetchNotices()).toEqual([]);

  const unreachable = await here.baton(['radar'], { FCM_ENDPOINT: 'http://127.0.0.1:9' });
  expect(unreachable.status).toBe(0);
  expect(unreachable.out).toMatch(
    /^nothing found, but 1 of 12 parts could not look\n[^]*FCM API {9}no verdict: /,
  );
});

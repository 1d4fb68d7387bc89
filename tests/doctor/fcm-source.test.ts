import type { Outcome } from '../../src/model/delivery.ts';
import { expect, test } from 'vitest';
import { parseConfig } from '../../src/config/config.ts';
import { sourceChecks } from '../../src/doctor/fcm-source.ts';
import { delivered, fixedSender, outcome } from '../support/context.ts';
import { makeTestClock } from '../support/clock.ts';

const config = parseConfig({ FCM_CREDENTIALS: 'application-default', FCM_PROJECT_ID: 'p' });

/** The finding of the check that sends a message, if FCM answers so. */
async function checkSend(answer: Outcome) {
  const senders = fixedSender({ send: async () => [answer], close: async () => {} });
  const parts = { config, senders, clock: makeTestClock(), limitMs: 1000, needsFor: () => [] };
  const [source] = config.sources.values();
  const check = sourceChecks(parts, 'default', source!).find(({ name }) => name.startsWith('FCM send'));
  return check!.run();
}

test("a refusal is shown with FCM's own words, and with what to do", async () => {
  const words = 'The API is disabled. Enable it by visiting https://console.example/ then retry.';
  expect(await checkSend({ ...outcome('misconfigured', 'HTTP_403_SERVICE_DISABLED'), words })).toEqual({
    ok: false,
    says: `FCM refuses a message: HTTP_403_SERVICE_DISABLED: ${words}`,
    advice: expect.stringContaining('enable the Firebase Cloud Messaging API') as string,
  });
  expect(await checkSend(outcome('misconfigured', 'HTTP_403_PERMISSION_DENIED'))).toMatchObject({
    says: 'FCM refuses a message: HTTP_403_PERMISSION_DENIED',
    advice: expect.stringContaining('role') as string,
  });
});

test('a message whose made-up token alone is refused shows that FCM works', async () => {
  expect(await checkSend(delivered)).toMatchObject({ ok: true });
  expect(await checkSend(outcome('rejected', 'INVALID_ARGUMENT'))).toMatchObject({ ok: true });
});

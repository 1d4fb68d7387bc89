import { expect, test } from 'vitest';
import { fetchAccessToken } from '../../src/fcm/credentials.ts';
import { MARK } from '../support/secret.ts';

const failing = (message: string) => ({
  projectId: 'p',
  credential: { getAccessToken: () => Promise.reject(new Error(message)) },
});

test('the reason for having no access token is one short line, whatever the token service or a proxy answers', async () => {
  const page = `<html>\r\n\u001B[31m${'Bad gateway '.repeat(10_000)}</html>`;
  const error: unknown = await fetchAccessToken(failing(page)).catch((each: unknown) => each);
  expect(String(error)).toMatch(/^PushError: no access token for FCM: <html> \[31mBad gateway .*…$/);
  expect(String(error).length).toBeLessThan(400);
});

test('the reason for having no access token shows no assertion or token', async () => {
  const assertion = `eyJhbGciOiJSUzI1NiJ9.${MARK}${'x'.repeat(300)}`;
  await expect(fetchAccessToken(failing(`invalid_grant: Invalid JWT: ${assertion}`))).rejects.toThrow(
    'no access token for FCM: invalid_grant: Invalid JWT: eyJhbGciOiJSUzI1NiJ9.…',
  );
});

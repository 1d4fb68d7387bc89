import { generateKeyPairSync } from 'node:crypto';
import { expect, test, vi } from 'vitest';
import { fetchAccessToken, openCredentials } from '../../src/fcm/credentials.ts';
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

test('a service account is used without a warning on the terminal', async () => {
  // A key this short signs nothing, so that no request is made.
  const { privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 512,
    ...{ publicKeyEncoding: { type: 'spki', format: 'pem' } },
    ...{ privateKeyEncoding: { type: 'pkcs8', format: 'pem' } },
  } as const);
  const account = {
    type: 'service_account',
    project_id: 'p',
    client_email: 'a@b.c',
    private_key: privateKey,
  };
  const json = JSON.stringify(account);
  const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
  try {
    const access = openCredentials({ credentials: { kind: 'inline', json }, projectId: null });
    await expect(fetchAccessToken(access)).rejects.toThrow('no access token for FCM');
    expect(warn).not.toHaveBeenCalled();
    // Only the first token makes the warning: no later one touches the console.
    const replaced = vi.fn();
    const own = Object.getOwnPropertyDescriptor(console, 'warn') ?? {};
    Object.defineProperty(console, 'warn', { configurable: true, get: () => warn, set: replaced });
    try {
      await expect(fetchAccessToken(access)).rejects.toThrow('no access token for FCM');
    } finally {
      Object.defineProperty(console, 'warn', own);
    }
    expect(replaced).not.toHaveBeenCalled();
    expect(warn).not.toHaveBeenCalled();
  } finally {
    warn.mockRestore();
  }
});

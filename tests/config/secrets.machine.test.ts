import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { resolveSecrets } from '../../src/config/secrets.ts';

const ARN = 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:baton/database-AbCdEf';

let server: Server;
let requestedIds: unknown[];

/** A server that answers GetSecretValue as Secrets Manager does. */
beforeEach(async () => {
  requestedIds = [];
  server = createServer((request, response) => {
    void json(request).then((body) => {
      const { SecretId } = body as { SecretId: string };
      requestedIds.push(SecretId);
      response.writeHead(SecretId === ARN ? 200 : 400, { 'content-type': 'application/x-amz-json-1.1' });
      const refusal = { __type: 'ResourceNotFoundException', message: "Secrets Manager can't find it." };
      response.end(JSON.stringify(SecretId === ARN ? { SecretString: 'mysql://u:p@h/d' } : refusal));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  vi.stubEnv('AWS_ENDPOINT_URL_SECRETS_MANAGER', `http://127.0.0.1:${port}`);
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'local');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'local');
});
afterEach(async () => {
  vi.unstubAllEnvs();
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
});

test('a variable that is the ARN of a secret becomes the secret, and the others stay as they are', async () => {
  const env = { STAGE: 'prod', DATABASE_URL: ARN, FCM_CREDENTIALS: 'arn.json', EMPTY: undefined };
  expect(await resolveSecrets(env)).toEqual({ ...env, DATABASE_URL: 'mysql://u:p@h/d' });
  expect(requestedIds).toEqual([ARN]);
});

test('without such a variable Secrets Manager is not asked', async () => {
  const env = { FCM_CREDENTIALS: 'account.json' };
  expect(await resolveSecrets(env)).toBe(env);
  expect(requestedIds).toEqual([]);
});

test('a secret that cannot be read is an error that names its variable', async () => {
  await expect(resolveSecrets({ FCM_CREDENTIALS: `${ARN}-2` })).rejects.toThrow(
    "FCM_CREDENTIALS: its secret cannot be read: ResourceNotFoundException: Secrets Manager can't find it.",
  );
});

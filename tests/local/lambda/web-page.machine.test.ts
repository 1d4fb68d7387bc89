import { request } from 'node:http';
import { fileURLToPath } from 'node:url';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type LocalLambda, startLocalLambda } from '../../../src/local/lambda/lambda.ts';
import { startRuntimeApi } from '../../../src/local/lambda/runtime-api.ts';

const PATH = '/2015-03-31/functions/probe/invocations';

let lambda: LocalLambda;
beforeEach(async () => {
  lambda = await startLocalLambda({
    functionName: 'probe',
    handlerFile: fileURLToPath(new URL('../../fixtures/handlers/probe.ts', import.meta.url)),
    env: {},
    workers: 1,
  });
});
afterEach(() => lambda.close());

/** Sends a request with exactly these headers; resolves to the status and the headers of the reply. */
async function ask(method: string, headers: Record<string, string>, body = '') {
  const { hostname, port } = new URL(lambda.endpoint);
  return new Promise<{ status: number; headers: object }>((resolve, reject) => {
    request({ hostname, port, method, path: PATH, headers }, (reply) => {
      reply.resume();
      reply.on('end', () => resolve({ status: reply.statusCode ?? 0, headers: reply.headers }));
    })
      .on('error', reject)
      .end(body);
  });
}

/** What a browser sends for a page without asking first: a simple request of the Fetch standard. */
const simple = { 'content-type': 'text/plain', 'x-amz-invocation-type': 'Event' };
const broadcast = '{"title": "From a web page", "body": "to every device"}';

test.each<[string, string, Record<string, string>]>([
  ['a form', 'POST', { 'content-type': 'text/plain' }],
  ['a form that hides its origin', 'POST', { 'content-type': 'text/plain', origin: 'null' }],
  ['a page of another origin', 'POST', { ...simple, origin: 'https://evil.example' }],
  ['a page whose name resolves to this machine', 'POST', { ...simple, host: 'rebound.example' }],
  [
    'a page that asks first',
    'OPTIONS',
    { origin: 'https://evil.example', 'access-control-request-method': 'POST' },
  ],
  [
    'a page that knows the old credentials',
    'POST',
    { authorization: 'AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/lambda/aws4_request' },
  ],
])('%s cannot invoke the function', async (_case, method, headers) => {
  const reply = await ask(method, headers, broadcast);
  expect(reply.status).toBe(403);
  expect(Object.keys(reply.headers).join()).not.toContain('access-control');
  expect(lambda.stats()).toMatchObject({ invocations: 0, queued: 0, inFlight: 0 });
});

test('an AWS client with the credentials of the run can', async () => {
  const settings = { endpoint: lambda.endpoint, region: 'us-east-1', maxAttempts: 1 };
  const client = new LambdaClient({ ...settings, credentials: lambda.credentials });
  const reply = await client.send(new InvokeCommand({ FunctionName: 'probe', Payload: '{"a": 1}' }));
  expect(reply.Payload?.transformToString()).toContain('"event":{"a":1}');
  const other = { accessKeyId: 'LOCAL0', secretAccessKey: 'local' };
  const stranger = new LambdaClient({ ...settings, credentials: other });
  await expect(stranger.send(new InvokeCommand({ FunctionName: 'probe' }))).rejects.toMatchObject({
    name: 'UnrecognizedClientException',
    message: 'The security token included in the request is invalid.',
  });
  client.destroy();
  stranger.destroy();
});

test('the Runtime API of a worker gives no invocation to anybody else', async () => {
  let asked = 0;
  const api = await startRuntimeApi(
    { next: () => asked++, answer: () => false, initError: () => asked++ },
    's',
  );
  const url = `http://${api.address}/2018-06-01/runtime`;
  expect((await fetch(`${url}/invocation/next`)).status).toBe(403);
  expect((await fetch(`${url}/init/error`, { method: 'POST', body: '{}' })).status).toBe(403);
  expect(asked).toBe(0);
  api.close();
});

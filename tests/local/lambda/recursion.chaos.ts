import { fileURLToPath } from 'node:url';
import { InvokeCommand, LambdaClient, PutFunctionRecursionConfigCommand } from '@aws-sdk/client-lambda';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type LocalLambda, startLocalLambda } from '../../../src/local/lambda/lambda.ts';

const FunctionName = 'self-invoking';

let lambda: LocalLambda;
let client: LambdaClient;
beforeEach(async () => {
  lambda = await startLocalLambda({
    functionName: FunctionName,
    handlerFile: fileURLToPath(new URL('../../fixtures/handlers/self-invoking.ts', import.meta.url)),
    env: {},
    workers: 20,
  });
  const { credentials } = lambda;
  client = new LambdaClient({ endpoint: lambda.endpoint, region: 'us-east-1', credentials, maxAttempts: 1 });
});
afterEach(async () => {
  client.destroy();
  await lambda.close();
});

async function invoke(event: object, InvocationType: 'Event' | 'RequestResponse'): Promise<unknown> {
  const Payload = JSON.stringify(event);
  const reply = await client.send(new InvokeCommand({ FunctionName, InvocationType, Payload }));
  return JSON.parse(reply.Payload?.transformToString() || 'null') as unknown;
}

test('parallel chains are counted separately: each may have 16 invocations', async () => {
  await Promise.all([
    invoke({ left: 30, type: 'Event' }, 'Event'),
    invoke({ left: 9, type: 'Event' }, 'Event'),
  ]);
  await lambda.idle();
  expect(lambda.stats()).toMatchObject({ invocations: 26, recursionDropped: 1 });
});

test('a chain is not stopped if RecursiveLoop is Allow', async () => {
  const put = await client.send(
    new PutFunctionRecursionConfigCommand({ FunctionName, RecursiveLoop: 'Allow' }),
  );
  expect(put.RecursiveLoop).toBe('Allow');
  await invoke({ left: 30, type: 'Event' }, 'Event');
  await lambda.idle();
  expect(lambda.stats()).toMatchObject({ invocations: 31, recursionDropped: 0, eventsDropped: 0 });
});

test('the 17th call of a chain of synchronous calls is refused', async () => {
  const reply = await invoke({ left: 18, type: 'RequestResponse' }, 'RequestResponse');
  expect(reply).toEqual({ depth: 16, stoppedBy: 'RecursiveInvocationException' });
  expect(lambda.stats()).toMatchObject({ invocations: 16, recursionDropped: 1 });
});

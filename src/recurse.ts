import { InvocationType, InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import type { Invoker } from './context.ts';
import { PushError } from './errors.ts';

/** An Event invoke is answered in milliseconds: Lambda only queues it. The SDK's own default is to wait for ever. */
const CONNECT_TIMEOUT_MS = 3000;
const ANSWER_TIMEOUT_MS = 10_000;

/**
 * Lambda's asynchronous Invoke. Region, credentials and endpoint are the SDK's standard ones (AWS_REGION,
 * AWS_ENDPOINT_URL_LAMBDA, ...). The SDK retries an invoke that was accepted but not answered, so one call may start
 * several runs: the claim lets one of them through.
 */
export function makeInvoker(): Invoker {
  const client = new LambdaClient({
    requestHandler: {
      connectionTimeout: CONNECT_TIMEOUT_MS,
      requestTimeout: ANSWER_TIMEOUT_MS,
      throwOnRequestTimeout: true,
    },
  });
  return {
    async invoke(functionName, job) {
      const command = new InvokeCommand({
        FunctionName: functionName,
        InvocationType: InvocationType.Event,
        Payload: JSON.stringify(job),
      });
      try {
        await client.send(command);
      } catch (cause) {
        const why = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
        throw new PushError('INVOKE_FAILED', `${functionName} could not be invoked: ${why}`, { cause });
      }
    },
    close: () => client.destroy(),
  };
}

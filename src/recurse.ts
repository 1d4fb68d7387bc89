import { InvocationType, InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { hearAnswers, makeHearer } from './announced.ts';
import type { Invoker, Signals } from './context.ts';
import { messageOf, PushError } from './errors.ts';
import { noSignals } from './signals.ts';

/** Lambda only queues an Event invoke, and answers it in milliseconds. The SDK's default is to wait without a limit. */
const CONNECT_TIMEOUT_MS = 3000;
const ANSWER_TIMEOUT_MS = 10_000;

/**
 * Makes an invoker over Lambda's asynchronous Invoke. Region, credentials and endpoint come from the SDK's standard variables
 * (AWS_REGION, AWS_ENDPOINT_URL_LAMBDA, …). The SDK retries an invoke that was accepted but not answered, so one call can start
 * several invocations: only one of them can claim the hop.
 */
export function makeInvoker(signals: Pick<Signals, 'note'> = noSignals): Invoker {
  const hear = makeHearer(signals, 'lambda');
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
        await hearAnswers(hear, () => client.send(command));
      } catch (cause) {
        const why = cause instanceof Error ? `${cause.name}: ${cause.message}` : messageOf(cause);
        throw new PushError('INVOKE_FAILED', `${functionName} could not be invoked: ${why}`, { cause });
      }
    },
    close: () => client.destroy(),
  };
}

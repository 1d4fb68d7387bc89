import {
  GetFunctionConcurrencyCommand,
  GetFunctionRecursionConfigCommand,
  LambdaClient,
} from '@aws-sdk/client-lambda';
import { withoutQualifier } from './lambda.ts';

/** Milliseconds that AWS may take to answer. */
const LIMIT_MS = 5000;

/** Asks AWS for the two settings of a function that stop a broadcast. Throws what the SDK throws. */
export async function fetchFunctionState(
  functionName: string,
): Promise<{ recursiveLoop: string | null; reservedConcurrency: number | null }> {
  const client = new LambdaClient({
    maxAttempts: 1,
    requestHandler: { connectionTimeout: LIMIT_MS, requestTimeout: LIMIT_MS, throwOnRequestTimeout: true },
  });
  const FunctionName = withoutQualifier(functionName);
  try {
    const { RecursiveLoop } = await client.send(new GetFunctionRecursionConfigCommand({ FunctionName }));
    const { ReservedConcurrentExecutions } = await client.send(
      new GetFunctionConcurrencyCommand({ FunctionName }),
    );
    return {
      recursiveLoop: RecursiveLoop ?? null,
      reservedConcurrency: ReservedConcurrentExecutions ?? null,
    };
  } finally {
    client.destroy();
  }
}

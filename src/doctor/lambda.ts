import {
  type FunctionConfiguration,
  GetFunctionCommand,
  GetFunctionConcurrencyCommand,
  GetFunctionConfigurationCommand,
  GetFunctionRecursionConfigCommand,
  InvocationType,
  InvokeCommand,
  LambdaClient,
  PutFunctionRecursionConfigCommand,
} from '@aws-sdk/client-lambda';
import type { Config } from '../config/config.ts';
import { suffixOf } from '../config/sources.ts';
import { messageOf } from '../errors.ts';
import { type Check, type Finding, green, type NeedsFor, red } from './check.ts';
import { hostOfLambda, judgeIpv6 } from './ipv6.ts';
import { adviseOnLambda, adviseToAllowLoop } from './lambda-advice.ts';
import { judgeConcurrency, judgeImage, judgeMemory, judgeTimeout } from './lambda-limits.ts';

/** Makes a check that needs the IAM permission `lambda:ACTION`. */
function makeCheck(
  name: string,
  needs: readonly string[],
  action: string,
  run: () => Promise<Finding>,
): Check {
  return { name, needs, run, advise: (error) => adviseOnLambda(error, action) };
}

/** Checks the function as AWS has it. `functionName` may be an ARN, and may have a qualifier. */
export function lambdaChecks(
  functionName: string,
  config: Config,
  {
    limitMs,
    fix,
    needsFor,
    fetchAnswerMs,
  }: {
    limitMs: number;
    fix: boolean;
    needsFor: NeedsFor;
    /** FCM's mean answer time by source, where it has been measured. */
    fetchAnswerMs: () => Promise<ReadonlyMap<string, number>>;
  },
): { checks: Check[]; close: () => void } {
  const client = new LambdaClient({
    maxAttempts: 1,
    requestHandler: { connectionTimeout: limitMs, requestTimeout: limitMs, throwOnRequestTimeout: true },
  });
  const unqualified = { FunctionName: withoutQualifier(functionName) };
  let fetching: Promise<FunctionConfiguration> | null = null;
  const fetchConfiguration = (): Promise<FunctionConfiguration> =>
    (fetching ??= client.send(new GetFunctionConfigurationCommand({ FunctionName: functionName })));
  const budgets = [...config.sources.keys()].map(
    (source) => `FCM_MESSAGES_PER_MINUTE${suffixOf(source, config)}`,
  );
  const needsForConcurrency = needsFor(['PAGE_SIZE', 'WINDOW', ...budgets]);
  const needsForTimeout = needsFor(['FCM_TIMEOUT_MS', 'LEASE_MS', 'DEADLINE_RESERVE_MS']);

  const checks = [
    makeCheck('self-invoke', [], 'InvokeFunction', async () => {
      await client.send(
        new InvokeCommand({ FunctionName: functionName, InvocationType: InvocationType.DryRun }),
      );
      return green(`${functionName} may be invoked from here`);
    }),
    makeCheck('function', [], 'GetFunctionConfiguration', async () => checkState(await fetchConfiguration())),
    makeCheck('recursive loop', ['function'], 'GetFunctionRecursionConfig', async () => {
      const { RecursiveLoop } = await client.send(new GetFunctionRecursionConfigCommand(unqualified));
      if (RecursiveLoop === 'Allow') return green('Allow');
      const setting = String(RecursiveLoop);
      if (fix) return allowLoop(client, unqualified, setting);
      return red(
        `${setting}: Lambda drops the 17th invocation of a chain`,
        adviseToAllowLoop(unqualified.FunctionName),
      );
    }),
    makeCheck('concurrency', ['function', ...needsForConcurrency], 'GetFunctionConcurrency', async () => {
      const reply = await client.send(new GetFunctionConcurrencyCommand(unqualified));
      // The database has a check of its own.
      const answerMs = await fetchAnswerMs().catch(() => new Map<string, number>());
      return judgeConcurrency(reply.ReservedConcurrentExecutions ?? null, config, answerMs);
    }),
    makeCheck('time-out', ['function', ...needsForTimeout], 'GetFunctionConfiguration', async () =>
      judgeTimeout((await fetchConfiguration()).Timeout ?? 0, config),
    ),
    makeCheck('memory', ['function'], 'GetFunctionConfiguration', async () =>
      judgeMemory((await fetchConfiguration()).MemorySize ?? 0),
    ),
    makeCheck('image', ['function'], 'GetFunction', async () => {
      const { PackageType } = await fetchConfiguration();
      if (PackageType !== 'Image') return green('a Zip package, which has no tag');
      const { Code } = await client.send(new GetFunctionCommand({ FunctionName: functionName }));
      return judgeImage(Code?.ImageUri ?? '');
    }),
    {
      name: 'IPv6',
      needs: ['function'],
      run: async () =>
        judgeIpv6(await fetchConfiguration(), config.fcm.endpoint, (useDualstack) =>
          hostOfLambda(client, useDualstack),
        ),
      advise: () => "see the VPC's name server: the names of FCM and AWS have to resolve",
    },
  ];
  return { checks, close: () => client.destroy() };
}

async function allowLoop(
  client: LambdaClient,
  unqualified: { FunctionName: string },
  before: string,
): Promise<Finding> {
  try {
    await client.send(new PutFunctionRecursionConfigCommand({ ...unqualified, RecursiveLoop: 'Allow' }));
    return green(`Allow, set just now; it was ${before}`);
  } catch (error) {
    return red(
      `${before}, and it cannot be set: ${messageOf(error)}`,
      adviseOnLambda(error, 'PutFunctionRecursionConfig'),
    );
  }
}

function checkState({ FunctionName, State, StateReason, LastUpdateStatus }: FunctionConfiguration): Finding {
  const says = `${String(FunctionName)} is ${String(State)}, its last update ${String(LastUpdateStatus)}`;
  if (State === 'Active' && LastUpdateStatus === 'Successful') return green(says);
  return red(
    StateReason ? `${says}: ${StateReason}` : says,
    'wait for the update to end (`aws lambda wait function-updated-v2`); if it failed, deploy again',
  );
}

/** The name or ARN without its qualifier: some settings belong to the function, not to a version or an alias. */
export function withoutQualifier(functionName: string): string {
  const parts = functionName.split(':');
  return functionName.startsWith('arn:') ? parts.slice(0, 7).join(':') : (parts[0] ?? functionName);
}

import type { Config } from '../config/config.ts';
import {
  GetFunctionCommand,
  GetFunctionConcurrencyCommand,
  GetFunctionConfigurationCommand,
  type FunctionConfiguration,
  GetFunctionRecursionConfigCommand,
  InvocationType,
  InvokeCommand,
  LambdaClient,
  PutFunctionRecursionConfigCommand,
} from '@aws-sdk/client-lambda';
import { codeOf, messageOf } from '../errors.ts';
import { type Check, type Finding, green, red } from './check.ts';

/** Where Lambda gives one full vCPU, and what a worker with a page of 3000 does not come near to, with Node around it. */
const FULL_CPU_MB = 1769;
const MIN_MEMORY_MB = 512;

/** A cautious guess of what a chunk takes, answers of FCM and record included. */
const CHUNK_MS = 500;

/** `action`: what lambda: permission it takes. */
function check(name: string, needs: readonly string[], action: string, run: () => Promise<Finding>): Check {
  return { name, needs, run, advise: (error) => adviseOnAws(error, action) };
}

/** The function as AWS has it. `functionName` may be an ARN, and may have a qualifier. */
export function lambdaChecks(
  functionName: string,
  config: Config,
  {
    limitMs,
    fix,
    needsFor,
  }: { limitMs: number; fix: boolean; needsFor: (variables: RegExp) => readonly string[] },
): { checks: Check[]; close: () => void } {
  const client = new LambdaClient({
    maxAttempts: 1,
    requestHandler: { connectionTimeout: limitMs, requestTimeout: limitMs, throwOnRequestTimeout: true },
  });
  const unqualified = withoutQualifier(functionName);
  let asked: Promise<FunctionConfiguration> | null = null;
  const configuration = (): Promise<FunctionConfiguration> =>
    (asked ??= client.send(new GetFunctionConfigurationCommand({ FunctionName: functionName })));

  const checks = [
    check('self-invoke', [], 'InvokeFunction', async () => {
      await client.send(
        new InvokeCommand({ FunctionName: functionName, InvocationType: InvocationType.DryRun }),
      );
      return green(`${functionName} may be invoked from here`);
    }),
    check('function', [], 'GetFunctionConfiguration', async () => checkState(await configuration())),
    check('recursive loop', ['function'], 'GetFunctionRecursionConfig', async () => {
      const asks = { FunctionName: unqualified };
      const { RecursiveLoop } = await client.send(new GetFunctionRecursionConfigCommand(asks));
      if (RecursiveLoop === 'Allow') return green('Allow');
      const was = String(RecursiveLoop);
      if (fix) return allowLoop(client, unqualified, was);
      return red(`${was}: Lambda drops the 17th run of a chain`, adviseToAllow(unqualified));
    }),
    check(
      'concurrency',
      ['function', ...needsFor(/^(PAGE_SIZE|CHUNK_SIZE|FCM_MESSAGES_PER_MINUTE.*)$/)],
      'GetFunctionConcurrency',
      async () => {
        const asks = { FunctionName: unqualified };
        const { ReservedConcurrentExecutions } = await client.send(new GetFunctionConcurrencyCommand(asks));
        return judgeConcurrency(ReservedConcurrentExecutions ?? null, config);
      },
    ),
    check(
      'time-out',
      ['function', ...needsFor(/^(FCM_TIMEOUT_MS|LEASE_MS|DEADLINE_RESERVE_MS)$/)],
      'GetFunctionConfiguration',
      async () => judgeTimeout((await configuration()).Timeout ?? 0, config),
    ),
    check('memory', ['function'], 'GetFunctionConfiguration', async () =>
      judgeMemory((await configuration()).MemorySize ?? 0),
    ),
    check('image', ['function'], 'GetFunction', async () => {
      if ((await configuration()).PackageType !== 'Image') return green('a Zip package, which has no tag');
      const { Code } = await client.send(new GetFunctionCommand({ FunctionName: functionName }));
      return judgeImage(Code?.ImageUri ?? '');
    }),
  ];
  return { checks, close: () => client.destroy() };
}

async function allowLoop(client: LambdaClient, FunctionName: string, was: string): Promise<Finding> {
  try {
    await client.send(new PutFunctionRecursionConfigCommand({ FunctionName, RecursiveLoop: 'Allow' }));
    return green(`Allow, set just now; it was ${was}`);
  } catch (error) {
    return red(
      `${was}, and it cannot be set: ${messageOf(error)}`,
      adviseOnAws(error, 'PutFunctionRecursionConfig'),
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

/** With too little the next hop queues behind this one, and a run of 1 waits for itself. */
export function judgeConcurrency(
  reserved: number | null,
  { sources, pageSize, chunkSize }: Pick<Config, 'sources' | 'pageSize' | 'chunkSize'>,
): Finding {
  const hopMs = Math.ceil(pageSize / chunkSize) * CHUNK_MS;
  const needed = [...sources.values()].reduce((sum, { pace }) => {
    const slotMs = (pageSize / pace.perMinute) * 60_000;
    // Those at work, and the one that waits for its slot.
    return sum + Math.max(1, Math.ceil(hopMs / slotMs)) + 1;
  }, 0);
  const advice = `reserve ${needed} or more, or nothing (\`aws lambda delete-function-concurrency\`)`;
  if (reserved === null) return green(`nothing reserved; about ${needed} of the account's are enough`);
  if (reserved === 0) return red('0 reserved: the function is stopped', advice);
  if (reserved >= needed) return green(`${reserved} reserved, about ${needed} are enough`);
  return red(`${reserved} reserved, but the budgets take about ${needed}`, advice);
}

export function judgeTimeout(seconds: number, { leaseMs, reserveMs, fcm }: Config): Finding {
  const least = Math.ceil(Math.max(leaseMs, reserveMs + fcm.timeoutMs) / 1000);
  if (seconds > least) return green(`${seconds} s`);
  return red(
    `${seconds} s, which has to be more than ${least} (LEASE_MS, and DEADLINE_RESERVE_MS with FCM_TIMEOUT_MS)`,
    'set it to 300 s (`aws lambda update-function-configuration --timeout 300`)',
  );
}

export function judgeMemory(mb: number): Finding {
  if (mb >= FULL_CPU_MB) return green(`${mb} MB`);
  if (mb >= MIN_MEMORY_MB) return green(`${mb} MB; ${FULL_CPU_MB} would be a whole vCPU`);
  return red(`${mb} MB`, `set it to ${FULL_CPU_MB} MB, a whole vCPU; ${MIN_MEMORY_MB} at the least`);
}

/** A tag that moves makes it a matter of luck what the next deployment runs. */
export function judgeImage(uri: string): Finding {
  const name = uri.slice(uri.lastIndexOf('/') + 1);
  if (name.includes('@sha256:')) return green(`by digest: ${name}`);
  const tag = name.split(':')[1] ?? 'latest';
  if (tag !== 'latest') return green(`tag ${tag}`);
  return red(
    `${uri}: the tag latest moves`,
    'deploy it by its digest, or by a tag of its own, as build.sh does',
  );
}

function adviseToAllow(name: string): string {
  return (
    'run the doctor with --fix, or `aws lambda put-function-recursion-config --recursive-loop Allow ' +
    `--function-name ${name}\``
  );
}

/** Errors of the Lambda API, of the SDK's search for credentials and region, and of the network. */
function adviseOnAws(error: unknown, action: string): string {
  const name = error instanceof Error ? error.name : '';
  if (name === 'AccessDeniedException') {
    return `allow lambda:${action} on the function to whoever asks: inside the function, that is its role`;
  }
  if (name === 'ResourceNotFoundException')
    return "set the function's name right, and AWS_REGION to its region";
  if (/Credentials|UnrecognizedClient|InvalidSignature|ExpiredToken/.test(name)) {
    return 'give credentials of the AWS account, as for the aws command line (AWS_PROFILE)';
  }
  if (/^region (is missing|not accepted)/i.test(messageOf(error)))
    return 'set AWS_REGION to the region of the function';
  if (name === 'TimeoutError' || codeOf(error) !== null) {
    return "give it a route to Lambda's API: in a VPC, a NAT gateway or an interface endpoint for Lambda";
  }
  return 'see what it says';
}

/** Some settings are the function's, not those of a version or an alias. */
function withoutQualifier(functionName: string): string {
  const parts = functionName.split(':');
  return functionName.startsWith('arn:') ? parts.slice(0, 7).join(':') : (parts[0] ?? functionName);
}

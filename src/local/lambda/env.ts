import { basename, dirname, extname } from 'node:path';

/** What a program needs of the machine to run at all; nothing else of the parent's environment reaches the function. */
const FROM_THE_MACHINE = ['PATH', 'HOME', 'LANG', 'TMPDIR'] as const;

export interface FunctionSettings {
  readonly functionName: string;
  readonly handlerFile: string;
  readonly region: string;
  readonly memoryMb: number;
  /** The function's own variables. */
  readonly env: Readonly<Record<string, string>>;
  /** Of the local Lambda, so that a function that invokes itself stays here. */
  readonly endpoint: string;
}

/** `file.export`, as Lambda has it; the file part has no dot. */
export function handlerName(handlerFile: string): string {
  return `${basename(handlerFile, extname(handlerFile))}.handler`;
}

export function logGroupName(functionName: string): string {
  return `/aws/lambda/${functionName}`;
}

/**
 * A worker's environment: the function's variables and those that Lambda defines
 * (docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html), which the function's cannot replace.
 */
export function workerEnv(
  { functionName, handlerFile, region, memoryMb, env, endpoint }: FunctionSettings,
  machine: NodeJS.ProcessEnv,
  logStreamName: string,
  runtimeApi: string,
): Record<string, string> {
  const basics = FROM_THE_MACHINE.flatMap((name): [string, string][] => {
    const value = machine[name];
    return value === undefined ? [] : [[name, value]];
  });
  return {
    ...Object.fromEntries(basics),
    TZ: ':UTC',
    AWS_ACCESS_KEY_ID: 'local',
    AWS_SECRET_ACCESS_KEY: 'local',
    ...env,
    AWS_REGION: region,
    AWS_DEFAULT_REGION: region,
    AWS_ENDPOINT_URL_LAMBDA: endpoint,
    AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x',
    AWS_LAMBDA_FUNCTION_NAME: functionName,
    AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(memoryMb),
    AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
    AWS_LAMBDA_LOG_GROUP_NAME: logGroupName(functionName),
    AWS_LAMBDA_LOG_STREAM_NAME: logStreamName,
    AWS_LAMBDA_RUNTIME_API: runtimeApi,
    LAMBDA_TASK_ROOT: dirname(handlerFile),
    _HANDLER: handlerName(handlerFile),
  };
}

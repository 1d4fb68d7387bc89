import { basename, dirname, extname } from 'node:path';
import type { LocalCredentials } from './access.ts';

/** Variables that any program needs. No other variable of the parent process reaches the function. */
const MACHINE_VARIABLES = ['PATH', 'HOME', 'LANG', 'TMPDIR'] as const;

export interface FunctionSettings {
  readonly functionName: string;
  readonly handlerFile: string;
  readonly region: string;
  readonly memoryMb: number;
  /** The function's own variables. */
  readonly env: Readonly<Record<string, string>>;
  /** Address of the local Lambda, so that a function that invokes itself stays on this machine. */
  readonly endpoint: string;
  readonly credentials: LocalCredentials;
}

/** `handlerName` is `file.export`, the form that Lambda uses; the file part has no dot. */
export function handlerName(handlerFile: string): string {
  return `${basename(handlerFile, extname(handlerFile))}.handler`;
}

export function logGroupName(functionName: string): string {
  return `/aws/lambda/${functionName}`;
}

/**
 * `workerEnv` makes a worker's environment: the function's own variables, and those that Lambda defines, which the function's
 * own cannot replace. https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
 */
export function workerEnv(
  { functionName, handlerFile, region, memoryMb, env, endpoint, credentials }: FunctionSettings,
  machine: NodeJS.ProcessEnv,
  logStreamName: string,
  runtimeApi: string,
): Record<string, string> {
  const basics = MACHINE_VARIABLES.flatMap((name): [string, string][] => {
    const value = machine[name];
    return value === undefined ? [] : [[name, value]];
  });
  return {
    ...Object.fromEntries(basics),
    TZ: ':UTC',
    ...env,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
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

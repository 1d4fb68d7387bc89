import type { IncomingMessage, ServerResponse } from 'node:http';
import { declaredBytes, type Room } from '../http-body.ts';
import { checkAccess, type LocalCredentials } from './access.ts';
import { handlerName, logGroupName } from './env.ts';
import {
  badParameter,
  badValue,
  LambdaApiError,
  serviceFailure,
  throttled,
  unknownOperation,
} from './errors.ts';
import type { LambdaFunction } from './function.ts';
import { invoke, type InvokeCall, readObject, type Reply, SYNC_LIMIT_BYTES } from './invoke.ts';
import { type FunctionIdentity, type FunctionReference, resolveFunction } from './names.ts';
import { getSecretValue, isForSecrets, type LocalSecrets } from './secrets.ts';

/** `/{version}/functions/{name}/{what}`: the version is the date on which AWS introduced the operation. */
const FUNCTION_PATH = /^\/(\d{4}-\d\d-\d\d)\/functions\/([^/]+)(?:\/([^/]+))?$/;

/** The rest of a refused body up to this size is read and discarded, so that the connection can be used again. */
const MAX_DISCARDED_BYTES = 64 * 1024;

export interface FunctionDescription extends FunctionIdentity {
  readonly handlerFile: string;
  readonly timeoutMs: number;
  readonly memoryMb: number;
  readonly startedAt: string;
  /** Names of the API in the header Host. */
  readonly hosts: readonly string[];
  readonly credentials: LocalCredentials;
  /** Room for the payloads of all requests. */
  readonly payloads: Room;
  readonly secrets: LocalSecrets | null;
}

interface Call extends InvokeCall {
  readonly about: FunctionDescription;
}

type Operation = (call: Call) => Reply | Promise<Reply>;

/** Paths and methods are those of the API model that the SDKs and the aws command line are generated from. */
const OPERATIONS: Readonly<Record<string, Operation>> = {
  'POST 2015-03-31 invocations': invoke,
  'GET 2015-03-31 ': ({ about, fn, reference }) => ({
    status: 200,
    body: {
      Configuration: configuration(about, reference),
      Code: { RepositoryType: 'S3', Location: `file://${about.handlerFile}` },
      ...(fn.settings.reservedConcurrency === null ? {} : { Concurrency: concurrency(fn) }),
    },
  }),
  'GET 2015-03-31 configuration': ({ about, reference }) => ({
    status: 200,
    body: configuration(about, reference),
  }),
  'GET 2024-08-31 recursion-config': unqualified(({ fn }) => ({
    status: 200,
    body: { RecursiveLoop: fn.settings.recursiveLoop },
  })),
  'PUT 2024-08-31 recursion-config': unqualified(async ({ request, fn }) => {
    const { RecursiveLoop } = await readObject(request);
    if (RecursiveLoop !== 'Allow' && RecursiveLoop !== 'Terminate') {
      throw badValue(RecursiveLoop, 'recursiveLoop', 'satisfy enum value set: [Terminate, Allow]');
    }
    fn.settings.recursiveLoop = RecursiveLoop;
    return { status: 200, body: { RecursiveLoop } };
  }),
  'GET 2019-09-30 concurrency': unqualified(({ fn }) => ({ status: 200, body: concurrency(fn) })),
  'PUT 2017-10-31 concurrency': unqualified(async ({ request, fn }) => {
    const { ReservedConcurrentExecutions: reserved } = await readObject(request);
    if (typeof reserved !== 'number' || !Number.isSafeInteger(reserved) || reserved < 0) {
      const constraint = 'have value greater than or equal to 0';
      throw badValue(reserved, 'reservedConcurrentExecutions', constraint);
    }
    fn.reserve(reserved);
    return { status: 200, body: concurrency(fn) };
  }),
  'DELETE 2017-10-31 concurrency': unqualified(({ fn }) => {
    fn.reserve(null);
    return { status: 204 };
  }),
};

/** `answer` answers one request to the Lambda API, also if the request fails. */
export async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  requestId: string,
  fn: LambdaFunction,
  about: FunctionDescription,
): Promise<void> {
  const declared = declaredBytes(request);
  const bytes = Math.min(declared ?? SYNC_LIMIT_BYTES, SYNC_LIMIT_BYTES);
  let isAdmitted = false;
  let reply: Reply;
  try {
    // Before anything else is read of the request.
    checkAccess(request.headers, about.hosts, about.credentials);
    isAdmitted = about.payloads.take(bytes);
    if (!isAdmitted) throw throttled('ConcurrentInvocationLimitExceeded');
    const { secrets } = about;
    reply =
      secrets !== null && isForSecrets(request)
        ? await getSecretValue(request, secrets)
        : await operate(request, requestId, fn, about);
  } catch (cause) {
    const error = cause instanceof LambdaApiError ? cause : serviceFailure(cause);
    reply = { status: error.status, headers: { 'x-amzn-ErrorType': error.type }, body: error.body };
  } finally {
    if (isAdmitted) about.payloads.give(bytes);
  }
  // Node would read a long body to its end, and even what is thrown away takes memory for a while.
  const leavesBody = !isAdmitted && (declared === null || declared > MAX_DISCARDED_BYTES);
  const { status, headers = {}, body } = reply;
  response.writeHead(status, {
    'Content-Type': 'application/json',
    'x-amzn-RequestId': requestId,
    ...headers,
    ...(leavesBody ? { Connection: 'close' } : {}),
  });
  response.end(body === undefined || Buffer.isBuffer(body) ? body : JSON.stringify(body));
}

async function operate(
  request: IncomingMessage,
  requestId: string,
  fn: LambdaFunction,
  about: FunctionDescription,
): Promise<Reply> {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost');
  const [, version, name, what = ''] = FUNCTION_PATH.exec(pathname) ?? [];
  const operation = OPERATIONS[`${request.method} ${version} ${what}`];
  if (!operation || name === undefined) throw unknownOperation(request.method ?? '', pathname);
  const reference = resolveFunction(about, decode(name), searchParams.get('Qualifier'));
  return operation({ request, requestId, reference, fn, about });
}

/** `unqualified` refuses an operation that names a version or an alias of the function. */
function unqualified(operation: Operation): Operation {
  return (call) => {
    if (call.reference.qualifier === null) return operation(call);
    throw badParameter(
      'This operation is permitted on Lambda functions only. Aliases and versions do not support this operation. ' +
        'Please specify either a function name or an unqualified function ARN.',
    );
  };
}

function concurrency({ settings: { reservedConcurrency } }: LambdaFunction): object {
  return reservedConcurrency === null ? {} : { ReservedConcurrentExecutions: reservedConcurrency };
}

/** `configuration` omits the environment variables: AWS shows them to authorized callers alone. */
function configuration(about: FunctionDescription, { arn }: FunctionReference): object {
  return {
    FunctionName: about.name,
    FunctionArn: arn,
    Runtime: 'nodejs24.x',
    Role: 'arn:aws:iam::123456789012:role/local',
    Handler: handlerName(about.handlerFile),
    CodeSize: 0,
    Description: '',
    Timeout: Math.ceil(about.timeoutMs / 1000),
    MemorySize: about.memoryMb,
    LastModified: about.startedAt,
    Version: '$LATEST',
    TracingConfig: { Mode: 'PassThrough' },
    State: 'Active',
    LastUpdateStatus: 'Successful',
    PackageType: 'Zip',
    Architectures: [process.arch === 'arm64' ? 'arm64' : 'x86_64'],
    LoggingConfig: { LogFormat: 'Text', LogGroup: logGroupName(about.name) },
  };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

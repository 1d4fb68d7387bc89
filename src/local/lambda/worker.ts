/**
 * A worker process. It imports the handler file that its argument names, and then performs one invocation after the other
 * through Lambda's Runtime API, like the runtime interface client in AWS's Node image.
 */
import { readFileSync } from 'node:fs';
import { Agent, type IncomingHttpHeaders, request } from 'node:http';
import { connect } from 'node:net';
import { pathToFileURL } from 'node:url';

type Handler = (event: unknown, context: object) => unknown;

interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

type Call = (
  method: 'GET' | 'POST',
  path: string,
  body?: string,
  headers?: Record<string, string>,
) => Promise<Reply>;

/** A failure of the runtime; Lambda's names for them start with `Runtime.`. */
class RuntimeFailure extends Error {
  constructor(type: string, message: string, cause?: unknown) {
    super(message, { cause });
    this.name = `Runtime.${type}`;
  }
}

async function work(env: NodeJS.ProcessEnv, handlerFile: string): Promise<void> {
  const [host = '', port = ''] = (env['AWS_LAMBDA_RUNTIME_API'] ?? '').split(':');
  const call = makeCall(host, Number(port), env['BATON_WORKER_SECRET']);
  delete env['BATON_WORKER_SECRET'];
  const current: { requestId: string | null } = { requestId: null };

  // This connection is never used. It breaks when the parent process has ended: nothing else would stop this worker then.
  // It is unreferenced, so that it does not keep a worker alive that has nothing else to wait for.
  connect(Number(port), host)
    .unref()
    .on('error', () => process.exit(1))
    .on('close', () => process.exit(1));

  process.on('uncaughtException', (error, origin) => {
    const failure =
      origin === 'unhandledRejection'
        ? new RuntimeFailure('UnhandledPromiseRejection', textOf(error))
        : error;
    // 129 is the exit status of AWS's client in both cases.
    postError(call, current.requestId, failure)
      .finally(() => process.exit(129))
      .catch(() => {});
  });

  let handler: Handler;
  try {
    handler = await importHandler(handlerFile, env['_HANDLER'] ?? '');
  } catch (error) {
    await postError(call, null, error);
    process.exit(1);
  }
  for (;;) {
    const { headers, body } = await call('GET', 'invocation/next');
    const requestId = header(headers, 'lambda-runtime-aws-request-id');
    current.requestId = requestId;
    // The SDK sends it with every invoke of this invocation.
    env['_X_AMZN_TRACE_ID'] = header(headers, 'lambda-runtime-trace-id');
    try {
      const result = serialize(await handler(JSON.parse(body), makeContext(env, headers)));
      await call('POST', `invocation/${requestId}/response`, result, usage());
    } catch (error) {
      await postError(call, requestId, error);
    }
    current.requestId = null;
  }
}

async function importHandler(file: string, name: string): Promise<Handler> {
  const module = await importModule(file);
  const handler = module['handler'];
  if (typeof handler !== 'function') {
    throw new RuntimeFailure('HandlerNotFound', `${name} is undefined or not exported`);
  }
  if (handler.length >= 3) {
    throw new RuntimeFailure(
      'CallbackHandlerDeprecated',
      'ERROR: AWS Lambda has removed support for callback-based function handlers starting with Node.js 24. ' +
        'You need to modify this function to use a supported handler signature to use Node.js 24 or later. ' +
        'For more information see https://docs.aws.amazon.com/lambda/latest/dg/nodejs-handler.html.',
    );
  }
  return handler as Handler;
}

async function importModule(file: string): Promise<Record<string, unknown>> {
  try {
    return (await import(pathToFileURL(file).href)) as Record<string, unknown>;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : '';
    if (code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND') {
      throw new RuntimeFailure('ImportModuleError', String(error), error);
    }
    if (error instanceof SyntaxError) throw new RuntimeFailure('UserCodeSyntaxError', String(error), error);
    throw error;
  }
}

function makeContext(env: NodeJS.ProcessEnv, headers: IncomingHttpHeaders): object {
  const deadlineMs = Number(header(headers, 'lambda-runtime-deadline-ms'));
  const clientContext = headers['lambda-runtime-client-context'];
  return {
    awsRequestId: header(headers, 'lambda-runtime-aws-request-id'),
    invokedFunctionArn: header(headers, 'lambda-runtime-invoked-function-arn'),
    functionName: env['AWS_LAMBDA_FUNCTION_NAME'],
    functionVersion: env['AWS_LAMBDA_FUNCTION_VERSION'],
    memoryLimitInMB: env['AWS_LAMBDA_FUNCTION_MEMORY_SIZE'],
    logGroupName: env['AWS_LAMBDA_LOG_GROUP_NAME'],
    logStreamName: env['AWS_LAMBDA_LOG_STREAM_NAME'],
    clientContext: typeof clientContext === 'string' ? (JSON.parse(clientContext) as unknown) : undefined,
    identity: undefined,
    getRemainingTimeInMillis: () => deadlineMs - Date.now(),
  };
}

function serialize(result: unknown): string {
  try {
    // JSON has no undefined: Lambda answers null instead.
    return JSON.stringify(result) ?? 'null';
  } catch (error) {
    throw new RuntimeFailure('JSONStringifyError', 'Unable to stringify response body', error);
  }
}

/** The text of whatever the handler threw; of an object that has none, its type. */
function textOf(error: unknown): string {
  try {
    return String(error);
  } catch {
    return typeof error;
  }
}

/** `postError` reports an error to Lambda and to the log; `requestId` null: it happened before the first invocation. */
async function postError(call: Call, requestId: string | null, error: unknown): Promise<void> {
  const body = JSON.stringify(
    error instanceof Error
      ? { errorType: error.name, errorMessage: error.message, trace: (error.stack ?? '').split('\n') }
      : { errorType: typeof error, errorMessage: textOf(error), trace: [] },
  );
  const what = requestId === null ? 'Init Error' : 'Invoke Error';
  process.stderr.write(`${new Date().toISOString()}\t${requestId ?? ''}\tERROR\t${what}\t${body}\n`);
  const type = error instanceof Error ? error.name : typeof error;
  await call('POST', requestId === null ? 'init/error' : `invocation/${requestId}/error`, body, {
    'Lambda-Runtime-Function-Error-Type': encodeURIComponent(type),
    ...usage(),
  });
}

/** `usage` makes the headers from which the local Lambda writes the REPORT line. */
function usage(): Record<string, string> {
  const { userCPUTime, systemCPUTime } = process.resourceUsage();
  return {
    'Baton-Worker-Max-Rss-Kb': String(peakRssKb()),
    'Baton-Worker-Cpu-Us': String(userCPUTime + systemCPUTime),
  };
}

/**
 * `peakRssKb` avoids `maxRSS`: on Linux that begins with the size of the parent process (measured: 605 MB for a worker of
 * 42 MB that a process of 640 MB started).
 */
function peakRssKb(): number {
  try {
    const [, kb] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
    if (kb !== undefined) return Number(kb);
  } catch {
    // This system has no /proc.
  }
  return process.resourceUsage().maxRSS;
}

/** `secret` is absent where Lambda's own runtime API, or a test's, asks for none. */
function makeCall(host: string, port: number, secret: string | undefined): Call {
  const agent = new Agent({ keepAlive: true });
  return (method, path, body = '', headers = {}) =>
    new Promise((resolve, reject) => {
      const options = {
        agent,
        host,
        port,
        method,
        path: `/2018-06-01/runtime/${path}`,
        headers: {
          ...headers,
          ...(secret === undefined ? {} : { 'Baton-Worker-Secret': secret }),
          ...(method === 'POST'
            ? { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) }
            : {}),
        },
      };
      request(options, (response) => {
        const chunks: Buffer[] = [];
        response
          .on('data', (chunk: Buffer) => chunks.push(chunk))
          .on('error', reject)
          .on('end', () =>
            resolve({
              status: response.statusCode ?? 0,
              headers: response.headers,
              body: Buffer.concat(chunks).toString(),
            }),
          );
      })
        .on('error', reject)
        .end(body);
    });
}

function header(headers: IncomingHttpHeaders, name: string): string {
  const value = headers[name];
  return typeof value === 'string' ? value : '';
}

await work(process.env, process.argv[2] ?? '');

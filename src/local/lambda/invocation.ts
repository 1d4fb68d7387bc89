/** One invocation, in the form that a worker receives it. */
export interface Invocation {
  readonly requestId: string;
  readonly payload: Buffer;
  /** ARN with the qualifier that the caller used. */
  readonly functionArn: string;
  /** Value of _X_AMZN_TRACE_ID. */
  readonly trace: string;
  /** JSON; null: the caller sent none. */
  readonly clientContext: string | null;
}

/** Kind of an invocation's end. With `crash` the worker process ended, or failed before it was ready for an invocation. */
export type EndingKind = 'ok' | 'error' | 'timeout' | 'crash';

export interface Result {
  readonly kind: EndingKind;
  readonly payload: Buffer;
  readonly errorType: string | null;
}

/** The end of an invocation. */
export interface Ending extends Result {
  /** Peak memory of the worker; 0 if it does not report it. */
  readonly maxRssMb: number;
  /** CPU time that the worker has used since its previous invocation ended; 0 if it does not report it. */
  readonly cpuMs: number;
  /** The end of the log in base64, for X-Amz-Log-Result. */
  readonly logTail: string;
}

/** Limit that AWS names in its own error message: 6 MB and 100 bytes. */
const RESPONSE_LIMIT_BYTES = 6_291_556;
/** LogResult of the Invoke API: "the last 4 KB of the execution log". */
const LOG_TAIL_BYTES = 4096;

export function responseResult(body: Buffer): Result {
  if (body.length <= RESPONSE_LIMIT_BYTES) return { kind: 'ok', payload: body, errorType: null };
  const message = `Response payload size exceeded maximum allowed payload size (${RESPONSE_LIMIT_BYTES} bytes).`;
  return failure('error', 'Function.ResponseSizeTooLarge', message);
}

/** `errorResult` takes the error type from the body: the header for it is optional. */
export function errorResult(kind: 'error' | 'crash', payload: Buffer): Result {
  return { kind, payload, errorType: errorTypeOf(payload.toString()) };
}

function errorTypeOf(json: string): string {
  try {
    const error = JSON.parse(json) as { errorType?: unknown } | null;
    if (typeof error?.errorType === 'string') return error.errorType;
  } catch {
    // The body is not the JSON of the runtime.
  }
  return 'Unknown';
}

export function failure(kind: EndingKind, errorType: string, errorMessage: string): Result {
  return { kind, errorType, payload: Buffer.from(JSON.stringify({ errorType, errorMessage })) };
}

/** Names of the usual signals in Go, the language of Lambda's own runtime supervisor. */
const SIGNAL_WORDS: Readonly<Partial<Record<NodeJS.Signals, string>>> = {
  SIGKILL: 'killed',
  SIGTERM: 'terminated',
  SIGINT: 'interrupt',
  SIGABRT: 'aborted',
  SIGSEGV: 'segmentation fault',
};

/** `exitWords` describes the end of a worker process in the words of Lambda. */
export function exitWords(code: number | null, signal: NodeJS.Signals | null): string {
  if (signal !== null) return `Runtime exited with error: signal: ${SIGNAL_WORDS[signal] ?? signal}`;
  if (code === 0) return 'Runtime exited without providing a reason';
  return `Runtime exited with error: exit status ${code}`;
}

export interface Measured {
  readonly durationMs: number;
  /** Start time of the worker, for its first invocation; null for a warm one. AWS bills it since August 2025. */
  readonly initMs: number | null;
  readonly memoryMb: number;
  readonly maxRssMb: number;
}

export function reportLine(requestId: string, result: Result, measured: Measured): string {
  const { durationMs, initMs, memoryMb, maxRssMb } = measured;
  return [
    `REPORT RequestId: ${requestId}`,
    `Duration: ${durationMs.toFixed(2)} ms`,
    `Billed Duration: ${Math.ceil(durationMs + (initMs ?? 0))} ms`,
    `Memory Size: ${memoryMb} MB`,
    `Max Memory Used: ${Math.round(maxRssMb)} MB`,
    ...(initMs === null ? [] : [`Init Duration: ${initMs.toFixed(2)} ms`]),
    ...(result.kind === 'timeout' ? ['Status: timeout'] : []),
    ...(result.kind === 'error' || result.kind === 'crash'
      ? ['Status: error', `Error Type: ${result.errorType ?? 'Unknown'}`]
      : []),
    '',
  ].join('\t');
}

export function tailOf(log: readonly string[]): string {
  return Buffer.from(`${log.join('\n')}\n`)
    .subarray(-LOG_TAIL_BYTES)
    .toString('base64');
}

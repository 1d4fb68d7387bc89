/** One run of the function, as a worker is handed it. */
export interface Invocation {
  readonly requestId: string;
  readonly payload: Buffer;
  /** With the qualifier that the caller used. */
  readonly functionArn: string;
  /** For _X_AMZN_TRACE_ID. */
  readonly trace: string;
  /** JSON; null if the caller sent none. */
  readonly clientContext: string | null;
}

/** `crash`: the worker died, or did not get as far as asking for its first invocation. */
export type EndingKind = 'ok' | 'error' | 'timeout' | 'crash';

export interface Result {
  readonly kind: EndingKind;
  readonly payload: Buffer;
  readonly errorType: string | null;
}

/** How an invocation has ended. */
export interface Ending extends Result {
  /** The largest that the worker has been; 0 if it does not say. */
  readonly maxRssMb: number;
  /** CPU time that the worker has used since its last invocation ended; 0 if it does not say. */
  readonly cpuMs: number;
  /** The last of the log, in base64, as X-Amz-Log-Result has it. */
  readonly logTail: string;
}

/** The limit that AWS names in its own message: 6 MB and a little for the envelope. */
const RESPONSE_LIMIT_BYTES = 6_291_556;
/** LogResult of the Invoke API: "the last 4 KB of the execution log". */
const LOG_TAIL_BYTES = 4096;

export function responded(body: Buffer): Result {
  if (body.length <= RESPONSE_LIMIT_BYTES) return { kind: 'ok', payload: body, errorType: null };
  const message = `Response payload size exceeded maximum allowed payload size (${RESPONSE_LIMIT_BYTES} bytes).`;
  return failed('error', 'Function.ResponseSizeTooLarge', message);
}

/** An error in the runtime's own words: its header for the type is optional, the type in the body is not. */
export function told(kind: 'error' | 'crash', payload: Buffer): Result {
  return { kind, payload, errorType: errorTypeOf(payload.toString()) };
}

function errorTypeOf(json: string): string {
  try {
    const error = JSON.parse(json) as { errorType?: unknown } | null;
    if (typeof error?.errorType === 'string') return error.errorType;
  } catch {
    // Then it is not the runtime's JSON.
  }
  return 'Unknown';
}

export function failed(kind: EndingKind, errorType: string, errorMessage: string): Result {
  return { kind, errorType, payload: Buffer.from(JSON.stringify({ errorType, errorMessage })) };
}

/** The usual signals, as Go calls them, which Lambda's own part is written in. */
const SIGNAL_WORDS: Readonly<Partial<Record<NodeJS.Signals, string>>> = {
  SIGKILL: 'killed',
  SIGTERM: 'terminated',
  SIGINT: 'interrupt',
  SIGABRT: 'aborted',
  SIGSEGV: 'segmentation fault',
};

/** How Lambda words the end of a runtime. */
export function exitWords(code: number | null, signal: NodeJS.Signals | null): string {
  if (signal !== null) return `Runtime exited with error: signal: ${SIGNAL_WORDS[signal] ?? signal}`;
  if (code === 0) return 'Runtime exited without providing a reason';
  return `Runtime exited with error: exit status ${code}`;
}

export interface Measured {
  readonly durationMs: number;
  /** The worker's start, for its first invocation; null for a warm one. Billed since August 2025. */
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

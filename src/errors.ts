import { beforeQuote } from './show.ts';

/** The stable codes of PushErrors: programs read the code, people the message. */
export type PushErrorCode =
  | 'BAD_EVENT'
  | 'BAD_CONFIG'
  | 'BAD_INPUT'
  | 'BAD_REQUEST'
  | 'UNAUTHENTICATED'
  | 'FORBIDDEN'
  | 'NO_SUCH_ROUTE'
  | 'WRONG_METHOD'
  | 'WRONG_TYPE'
  | 'TOO_BIG'
  | 'NO_SUCH_ANNOUNCEMENT'
  | 'NO_SUCH_DEVICE'
  | 'NO_SUCH_SOURCE'
  | 'WRONG_STATUS'
  | 'BAD_CREDENTIALS'
  | 'BAD_REPLY'
  | 'CURSOR_STUCK'
  | 'OUT_OF_TIME'
  | 'DATABASE'
  | 'INVOKE_FAILED';

/** One field with a wrong value. `got` never contains a token, key, password, setting or a person's text: see show.ts. */
export interface Problem {
  readonly field: string;
  readonly expected: string;
  readonly got: string;
}

/** Codes of errors that a setting causes. Where in the code such an error was found helps no reader: it has no stack. */
const CAUSED_BY_SETTINGS: readonly PushErrorCode[] = ['BAD_CONFIG', 'BAD_CREDENTIALS'];

/** The error class of every failure that Baton detects itself. */
export class PushError extends Error {
  override readonly name = 'PushError';
  readonly code: PushErrorCode;
  readonly problems: readonly Problem[];

  constructor(
    code: PushErrorCode,
    message: string,
    options: { problems?: readonly Problem[]; cause?: unknown } = {},
  ) {
    super(message, 'cause' in options ? { cause: withoutContents(options.cause) } : {});
    this.code = code;
    this.problems = options.problems ?? [];
    if (CAUSED_BY_SETTINGS.includes(code)) this.stack = `PushError: ${message}`;
  }

  /** Makes one error of several problems; its message describes them all. */
  static of(code: PushErrorCode, problems: readonly Problem[], cause?: unknown): PushError {
    const message = problems.map(describeProblem).join('; ');
    return new PushError(code, message, cause === undefined ? { problems } : { problems, cause });
  }
}

/**
 * An error of a library as it may be logged: its name, its code, where it was thrown, and its message up to the first thing
 * that it quotes, which may be a statement with its values, a file or an address. A PushError quotes no such thing and stays
 * as it is.
 */
export function withoutContents(error: unknown): Error {
  if (error instanceof PushError) return error;
  const name = error instanceof Error ? error.name : typeof error;
  const code = codeOf(error);
  const safe = new Error(error instanceof Error ? beforeQuote(error.message) : 'thrown, but no error');
  const frames = error instanceof Error ? (error.stack ?? '').split('\n').filter(isFrame) : [];
  safe.name = name;
  safe.stack = [`${name}: ${safe.message}`, ...frames].join('\n');
  return code === null ? safe : Object.assign(safe, { code });
}

/** A message of several lines may look like a stack: a frame of the stack names a place in a file. */
function isFrame(line: string): boolean {
  return /^ {4}at (?:\S[^(]* \()?(?:file:|node:|\/)\S*:\d+:\d+\)?$/.test(line);
}

/** Describes any error for a log: the message of a PushError; of any other error, where it was thrown. */
export function describeFailure(error: unknown): string {
  return error instanceof PushError ? `PushError: ${error.message}` : (withoutContents(error).stack ?? '');
}

/** The error code of the database, the network or Node, also if that error is the cause of a PushError; null without one. */
export function codeOf(error: unknown): string | null {
  if (error instanceof PushError) return codeOf(error.cause);
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

export function describeProblem({ field, expected, got }: Problem): string {
  return `${field}: expected ${expected}, got ${got}`;
}

/** A PushError as the reply to a direct invoke. */
export interface ErrorReport {
  readonly error: {
    readonly code: PushErrorCode;
    readonly message: string;
    readonly problems: readonly Problem[];
  };
}

export function describeError({ code, message, problems }: PushError): ErrorReport {
  return { error: { code, message, problems } };
}

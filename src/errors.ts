import { beforeQuote, describeShape } from './show.ts';

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
  | 'UNKNOWN_METHOD'
  | 'WRONG_TYPE'
  | 'TOO_BIG'
  | 'NO_SUCH_ANNOUNCEMENT'
  | 'NO_SUCH_DEVICE'
  | 'NO_SUCH_MEMBER'
  | 'NO_SUCH_SOURCE'
  | 'NO_SUCH_TEMPLATE'
  | 'WRONG_STATUS'
  | 'KEY_REUSED'
  | 'PRUNED'
  | 'BAD_CREDENTIALS'
  | 'BAD_REPLY'
  | 'CURSOR_STUCK'
  | 'OUT_OF_TIME'
  | 'NOT_RECORDED'
  | 'NOT_SENT'
  | 'NOT_WRITTEN'
  | 'RECORDS_FAILED'
  | 'DATABASE'
  | 'INVOKE_FAILED';

/** One field with a wrong value. `got` never contains a token, key, password, setting or a person's text: see show.ts. */
export interface Problem {
  readonly field: string;
  readonly expected: string;
  readonly got: string;
}

/** An error describes up to this many problems: a request may have a wrong field in every few bytes. */
const MAX_PROBLEMS = 20;
/** Longer than every name and rule of Baton's own; what a caller sends may be megabytes long. */
const MAX_TEXT_LENGTH = 500;
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

  /** Makes one error of several problems; its message describes them, and counts those that are too many to describe. */
  static of(code: PushErrorCode, all: readonly Problem[], cause?: unknown): PushError {
    const problems = all.slice(0, MAX_PROBLEMS).map(cutProblem);
    const rest = all.length - problems.length;
    const words = [...problems.map(describeProblem), ...(rest > 0 ? [`and ${rest} more problems`] : [])];
    return new PushError(code, words.join('; '), cause === undefined ? { problems } : { problems, cause });
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
  // The numbers of a database's errors, which isTransient reads.
  const { errno, errcode } = Object(error) as { readonly errno?: unknown; readonly errcode?: unknown };
  return Object.assign(
    safe,
    code === null ? {} : { code },
    typeof errno === 'number' ? { errno } : {},
    typeof errcode === 'number' ? { errcode } : {},
  );
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

/** True for an error that a row itself is to blame for: a value that its column should not have. No retry fixes it. */
export function isBadRow(error: unknown): error is PushError {
  return error instanceof PushError && error.code === 'DATABASE' && error.problems.length > 0;
}

/** The message of whatever was thrown. Of an object that is no error, its shape: it may have no text, or one that throws. */
export function messageOf(error: unknown): string {
  if (error instanceof Error) return error.message;
  return typeof error === 'string' ? error : describeShape(error);
}

export function describeProblem({ field, expected, got }: Problem): string {
  return `${field}: expected ${expected}, got ${got}`;
}

function cutProblem({ field, expected, got }: Problem): Problem {
  return { field: cutText(field), expected: cutText(expected), got: cutText(got) };
}

/** Shortens a text that may be of any length. */
export function cutText(text: string, max = MAX_TEXT_LENGTH): string {
  return text.length > max ? `${text.slice(0, max)}…` : text;
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

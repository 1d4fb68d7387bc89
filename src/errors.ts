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
  | 'NO_SUCH_SOURCE'
  | 'WRONG_STATUS'
  | 'KEY_REUSED'
  | 'BAD_CREDENTIALS'
  | 'BAD_REPLY'
  | 'CURSOR_STUCK'
  | 'OUT_OF_TIME'
  | 'NOT_RECORDED'
  | 'DATABASE'
  | 'INVOKE_FAILED';

/** One field with a wrong value. `got` never contains a token, key or password. */
export interface Problem {
  readonly field: string;
  readonly expected: string;
  readonly got: string;
}

/** An error describes up to this many problems: a request may have a wrong field in every few bytes. */
const MAX_PROBLEMS = 20;
/** Longer than every name and rule of Baton's own; what a caller sends may be megabytes long. */
const MAX_TEXT_LENGTH = 500;

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
    super(message, 'cause' in options ? { cause: options.cause } : {});
    this.code = code;
    this.problems = options.problems ?? [];
  }

  /** Makes one error of several problems; its message describes them, and counts those that are too many to describe. */
  static of(code: PushErrorCode, all: readonly Problem[]): PushError {
    const problems = all.slice(0, MAX_PROBLEMS).map(cutProblem);
    const rest = all.length - problems.length;
    const words = [...problems.map(describeProblem), ...(rest > 0 ? [`and ${rest} more problems`] : [])];
    return new PushError(code, words.join('; '), { problems });
  }
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

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
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

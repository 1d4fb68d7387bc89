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

  /** Makes one error of several problems; its message describes them all. */
  static of(code: PushErrorCode, problems: readonly Problem[]): PushError {
    return new PushError(code, problems.map(describeProblem).join('; '), { problems });
  }
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

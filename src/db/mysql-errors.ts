import { codeOf, messageOf, PushError } from '../errors.ts';

/** Errors and warnings of MySQL that quote what a caller wrote: up to the words that follow it, or to the end. */
const QUOTED_VALUE = /'[^]*' (for (?:key|column))/;
const QUOTED_REST = /( near | value: )'[^]*$/;

/**
 * `asPushError` makes a PushError('DATABASE') of any error. The message names key and column, but has no value: a value may be
 * a token. For the same reason the cause is not mysql2's error, which has the whole statement.
 */
export function asPushError(error: unknown): PushError {
  if (error instanceof PushError) return error;
  const message = withoutValues(messageOf(error));
  return new PushError('DATABASE', `database: ${codeOf(error) ?? 'failed'}: ${message}`, {
    cause: withoutStatement(error),
  });
}

/** The same error with its codes alone: mysql2's own has the statement, and so the values. */
export function withoutStatement(error: unknown): Error {
  const { code, errno, sqlState } = Object(error) as Readonly<Record<string, unknown>>;
  return Object.assign(new Error(withoutValues(messageOf(error))), { code, errno, sqlState });
}

/** `withoutValues` removes a quoted value from a message of the server. */
export function withoutValues(message: string): string {
  return message.replace(QUOTED_VALUE, '… $1').replace(QUOTED_REST, '$1…');
}

import { codeOf, messageOf, PushError } from '../errors.ts';

/** A name of the schema as the servers quote it: harmless, and what a reader needs. */
const QUOTED_NAME =
  /\b(?:column|table|key|view|index|constraint) '[\w.$-]+'|'(?:field list|(?:where|having|on|order) clause|group statement)'/gi;

/** The server's own end of an error about a value: what it belongs to. */
const AFTER_VALUE = /' (for (?:key|column) [`'\w.]+(?: at row \d+)?)$/;

/** Makes a PushError('DATABASE') of an error of a driver; `what` failed. */
export function databaseError(what: string, cause: unknown): PushError {
  if (cause instanceof PushError) return cause;
  const code = codeOf(cause);
  const text = withoutValues(messageOf(cause));
  return new PushError('DATABASE', `${what}: ${code === null ? '' : `${code}: `}${text}`, { cause });
}

/**
 * `withoutValues` leaves out what a database quotes from a row, a statement or an account: `Duplicate entry 'anna'` would put
 * a member's id into the log. All that follows such a quote goes too, because a value may have quotes of its own.
 */
export function withoutValues(message: string): string {
  const names = Array.from(message.matchAll(QUOTED_NAME), ({ index, 0: { length } }) => [
    index,
    index + length,
  ]);
  const isInName = (at: number): boolean => names.some(([from = 0, to = 0]) => at >= from && at < to);
  const quote = Array.from(message.matchAll(/["']/g), ({ index }) => index).find((at) => !isInName(at));
  if (quote === undefined) return message;
  const after = AFTER_VALUE.exec(message)?.[1];
  return `${message.slice(0, quote)}…${after === undefined ? '' : ` ${after}`}`;
}

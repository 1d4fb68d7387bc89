import { isBadRow, PushError } from '../errors.ts';
import { type Verdict, VERDICTS } from '../model/delivery.ts';
import { show, showNumber, showWord } from '../show.ts';
import type { Row } from './driver.ts';

/*
 * The columns of a row, checked: a value that is not what its column should hold is a PushError('DATABASE') that names the
 * column.
 */

/** One column can have thousands of wrong fields, and status_reason has to hold the problems of all columns. */
const MAX_PROBLEM_LENGTH = 300;

/** The last time that JavaScript's Date can hold, in milliseconds since the epoch. */
const MAX_TIME_MS = 8_640_000_000_000_000;

/** The largest id that a JavaScript number can hold. */
export const MAX_ID = Number.MAX_SAFE_INTEGER;

/** `readWhole` refuses numbers beyond 2^53 - 1: a rounded id would be the id of another device. */
export function readWhole(row: Row, column: string): number {
  const value = row[column];
  // MySQL's driver gives such a number as text.
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value;
  throw wrongValue(
    column,
    `a whole number up to ${Number.MAX_SAFE_INTEGER}`,
    showNumber(value).replaceAll('"', ''),
  );
}

export function readOptionalWhole(row: Row, column: string): number | null {
  return row[column] === null ? null : readWhole(row, column);
}

/** `readOptionalTime` reads a column in milliseconds since the epoch. */
export function readOptionalTime(row: Row, column: string): number | null {
  const ms = readOptionalWhole(row, column);
  if (ms === null || Math.abs(ms) <= MAX_TIME_MS) return ms;
  throw wrongValue(column, 'a time in milliseconds since the epoch', String(ms));
}

/** `readFlag` reads a column that holds 0 or 1. */
export function readFlag(row: Row, column: string): boolean {
  return readWhole(row, column) !== 0;
}

export function readText(row: Row, column: string): string {
  const value = row[column];
  if (typeof value === 'string') return value;
  throw wrongValue(column, 'text', show(value));
}

export function readOptionalText(row: Row, column: string): string | null {
  return row[column] === null ? null : readText(row, column);
}

/** `readWord` reads a column that holds a word of a vocabulary. */
export function readWord<T extends string>(row: Row, column: string, words: readonly T[]): T {
  const word = words.find((each) => each === row[column]);
  if (word !== undefined) return word;
  throw wrongValue(column, `one of ${words.join(', ')}`, showWord(row[column], words));
}

/**
 * `readOr` reads a column of a row that other hands may have written: if it does not hold what it should, the error's text is
 * added to `problems`, and the fallback takes its place.
 */
export function readOr<T>(problems: string[], read: () => T, fallback: T): T {
  try {
    return read();
  } catch (error) {
    if (!isBadRow(error)) throw error;
    problems.push(error.message.slice(0, MAX_PROBLEM_LENGTH));
    return fallback;
  }
}

/** `readVerdict` reads the verdict of a row of the ledger. What another hand wrote there is not known to have been sent. */
export function readVerdict(row: Row): Verdict {
  return readOr([], () => readWord(row, 'verdict', VERDICTS), 'unknown');
}

export function wrongValue(field: string, expected: string, got: string): PushError {
  return PushError.of('DATABASE', [{ field, expected, got }]);
}

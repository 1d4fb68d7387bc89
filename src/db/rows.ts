import { isBadRow, PushError } from '../errors.ts';
import type { Row } from './driver.ts';

/*
 * The columns of a row, checked: a value that is not what its column should hold is a PushError('DATABASE') that names the
 * column.
 */

/** Words, and digits of numbers. Any other text may be a token or a text in the wrong column: no error shows it. */
const WORD = /^[A-Za-z _-]{1,24}$/;
const DIGITS = /^-?\d{1,24}$/;

/** One column can have thousands of wrong fields, and status_reason has to hold the problems of all columns. */
const MAX_PROBLEM_LENGTH = 300;

/** The last time that JavaScript's Date can hold, in milliseconds since the epoch. */
const MAX_TIME_MS = 8_640_000_000_000_000;

/** `readWhole` refuses numbers beyond 2^53 - 1: a rounded id would be the id of another device. */
export function readWhole(row: Row, column: string): number {
  const value = row[column];
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value;
  throw wrongValue(column, `a whole number up to ${Number.MAX_SAFE_INTEGER}`, show(value, DIGITS));
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
  throw wrongValue(column, 'text', value === null ? 'null' : typeof value);
}

export function readOptionalText(row: Row, column: string): string | null {
  return row[column] === null ? null : readText(row, column);
}

/** `readWord` reads a column that holds a word of a vocabulary. */
export function readWord<T extends string>(row: Row, column: string, words: readonly T[]): T {
  const word = words.find((each) => each === row[column]);
  if (word !== undefined) return word;
  const value = row[column];
  const got = typeof value === 'string' && WORD.test(value) ? JSON.stringify(value) : show(value, WORD);
  throw wrongValue(column, `one of ${words.join(', ')}`, got);
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

export function wrongValue(field: string, expected: string, got: string): PushError {
  return PushError.of('DATABASE', [{ field, expected, got }]);
}

/** A value for an error: a number, or a text that `harmless` matches; of anything else only its type or length. */
function show(value: unknown, harmless: RegExp): string {
  if (typeof value === 'string') return harmless.test(value) ? value : `${value.length} characters`;
  return typeof value === 'number' || value === null ? String(value) : typeof value;
}

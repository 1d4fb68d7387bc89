import { PushError } from '../errors.ts';
import { show, showNumber } from '../show.ts';
import type { Row } from './driver.ts';

/*
 * The columns of a row, checked: a value that is not what its column should hold is a PushError('DATABASE') that names the
 * column.
 */

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
  throw wrongValue(column, `one of ${words.join(', ')}`, show(row[column]));
}

export function wrongValue(field: string, expected: string, got: string): PushError {
  return PushError.of('DATABASE', [{ field, expected, got }]);
}

import type { DeviceLine } from './device-line.ts';

/** Number of rows that are named of each kind. */
const MAX_LINES_NAMED = 5;

/** `Tally` counts the rows of an import. */
export interface Tally {
  /** Number of rows in the file, valid or not. */
  readonly rows: number;
  readonly added: number;
  readonly invalid: number;
  /** Number of valid rows that FCM cannot send to. */
  readonly leftOut: number;
  /** What was found out about the file; empty for the usual. */
  readonly format: string;
  /** A sentence on each kind of row that was left out, and on each kind of value that devices were imported without. */
  readonly remarks: readonly string[];
}

export function describeTally({ rows, added, invalid, leftOut, format }: Tally): string {
  const alreadyThere = rows - invalid - leftOut - added;
  const counts =
    `${rows} rows read, ${added} devices added, ${alreadyThere} already there, ${invalid} invalid rows` +
    (leftOut === 0 ? '' : `, ${leftOut} left out`);
  return format === '' ? counts : `${counts}; the file: ${format}`;
}

/** `Occurrences` counts the rows of one kind. */
interface Occurrences {
  rows: number;
  readonly lines: number[];
}

/** `Remarks` counts what the report says about groups of rows. Kinds are few: they are made of names of columns and rules. */
export interface Remarks {
  leaveOut(line: number, why: string): void;
  drop(line: number, drops: NonNullable<DeviceLine['drops']>): void;
  describe(): string[];
}

export function makeRemarks(): Remarks {
  const leftOut = new Map<string, Occurrences>();
  const dropped = new Map<string, Occurrences>();
  return {
    leaveOut: (line, why) => count(leftOut, why, line),
    drop(line, drops) {
      // Two tags that are too long are one row.
      const kinds = new Set(
        drops.map(
          ({ field, expected, result = 'imported without it' }) =>
            `${field}: expected ${expected}; ${result}`,
        ),
      );
      for (const kind of kinds) count(dropped, kind, line);
    },
    describe: () => [
      ...Array.from(leftOut, ([why, each]) => `${rowsOf(each)} left out: ${why} (${linesOf(each)})`),
      ...Array.from(dropped, ([kind, each]) => `${rowsOf(each)}: ${kind} (${linesOf(each)})`),
    ],
  };
}

function count(kinds: Map<string, Occurrences>, kind: string, line: number): void {
  const occurrences = kinds.get(kind) ?? { rows: 0, lines: [] };
  occurrences.rows++;
  if (occurrences.lines.length < MAX_LINES_NAMED) occurrences.lines.push(line);
  kinds.set(kind, occurrences);
}

function rowsOf({ rows }: Occurrences): string {
  return rows === 1 ? '1 row' : `${rows} rows`;
}

function linesOf({ rows, lines }: Occurrences): string {
  return `${rows === 1 ? 'line' : 'lines'} ${lines.join(', ')}${rows > lines.length ? ', …' : ''}`;
}

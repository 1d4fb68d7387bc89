import type { PushError } from '../errors.ts';
import { splitRow } from './csv-rows.ts';
import { refuse } from './options.ts';
import type { Line } from './text-lines.ts';

/** The delimiters by which files are separated, with their names; a line `sep=` may name another one. */
const DELIMITERS = new Map([
  [',', 'commas'],
  [';', 'semicolons'],
  ['\t', 'tabs'],
  ['|', 'vertical bars'],
]);

const SEPARATOR_LINE = /^"?sep=([^\w\s"]|\t)"?$/i;

const MAX_HEADER_LINES = 20;

export function nameOfDelimiter(delimiter: string): string {
  return DELIMITERS.get(delimiter) ?? JSON.stringify(delimiter);
}

/** `Header` is a header row as it was read. */
export interface Header<T> {
  readonly delimiter: string;
  readonly width: number;
  readonly columns: T;
}

/**
 * `readHeader` reads the header row: the delimiter is the one by which `find` finds its columns. PushError('BAD_INPUT') if it
 * finds none. Its text never has the row: without a header, that is a device.
 */
export async function readHeader<T>(
  lines: AsyncGenerator<Line, undefined>,
  expected: string,
  find: (names: readonly string[], line: number) => T | null,
): Promise<Header<T>> {
  let line = await nextLine(lines);
  const separator = SEPARATOR_LINE.exec(line?.text ?? '')?.[1];
  if (separator !== undefined) line = await nextLine(lines);
  if (line === null) throw refuseHeader(1, expected, 'nothing');
  let header = line.text;
  for (let read = 1; isOpen(header) && read < MAX_HEADER_LINES; read++) {
    const more = await nextLine(lines);
    if (more === null) break;
    header += `\n${more.text}`;
  }
  const delimiters = separator === undefined ? [...DELIMITERS.keys()] : [separator];
  const rows = delimiters.flatMap((delimiter) => {
    const row = splitRow(header, delimiter);
    return row.kind === 'row' ? [{ delimiter, names: row.values }] : [];
  });
  for (const { delimiter, names } of rows) {
    const columns = find(names, line.number);
    if (columns !== null) return { delimiter, width: names.length, columns };
  }
  if (/^\s*[{[]/.test(header)) throw refuseHeader(line.number, expected, 'JSON');
  const widths = rows.map(({ names }) => names.length);
  throw refuseHeader(
    line.number,
    expected,
    widths.length === 0 ? 'other quotes' : `${Math.max(...widths)} other columns`,
  );
}

/** True if the text ends within quotes. */
function isOpen(text: string): boolean {
  return text.split('"').length % 2 === 0;
}

/** `nextLine` resolves to the next line that is not empty; null at the end. PushError('BAD_INPUT') if it cannot be read. */
async function nextLine(
  lines: AsyncGenerator<Line, undefined>,
): Promise<{ number: number; text: string } | null> {
  for (;;) {
    const { value: line } = await lines.next();
    if (line === undefined) return null;
    if ('problem' in line) throw refuse(`line ${line.number}`, line.problem.expected, line.problem.got);
    if (line.text.trim() !== '') return line;
  }
}

function refuseHeader(line: number, expected: string, got: string): PushError {
  return refuse(`line ${line}`, `a header row with ${expected}`, got);
}

/** `normalizeName` makes names of columns equal that differ in case, blanks, `_`, `-` and the like. */
export function normalizeName(name: string): string {
  return name.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
}

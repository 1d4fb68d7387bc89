import { CsvError, parse } from 'csv-parse/sync';
import type { Line, Mismatch } from './text-lines.ts';

/** `Row` is one row of a CSV file, by the number of its first line: its values, or why it cannot be read. */
export type Row =
  | { readonly line: number; readonly values: readonly string[] }
  | { readonly line: number; readonly problem: Mismatch };

/** Longest value with line ends, in lines. Behind a quote that never closes, the search for its end stops here. */
const MAX_LINES_PER_ROW = 100;

export interface RowShape {
  readonly delimiter: string;
  /** Number of columns. */
  readonly width: number;
  /** Indexes of the columns whose values have no line end: a quote that opens there closes on the same line. */
  readonly oneLine: readonly number[];
}

/**
 * `readRows` reads rows as RFC 4180 has them. A quote that does not close costs one row: reading goes on at the next line,
 * where most parsers would take the rest of the file for one value.
 */
export async function* readRows(
  lines: AsyncGenerator<Line, undefined>,
  shape: RowShape,
): AsyncGenerator<Row, undefined> {
  // Lines that were read ahead, in search of the end of a quote.
  const ahead: Line[] = [];
  const next = async (): Promise<Line | undefined> => ahead.shift() ?? (await lines.next()).value;

  for (let first = await next(); first !== undefined; first = await next()) {
    if ('problem' in first) {
      yield { line: first.number, problem: first.problem };
      continue;
    }
    if (first.text.trim() === '') continue;
    const row = splitRow(first.text, shape.delimiter);
    if (row.kind !== 'open' || shape.oneLine.includes(row.column)) {
      yield finishRow(first.number, row, shape);
      continue;
    }
    const { values, further } = await readOn(first.text, next, shape);
    if (values === null) {
      ahead.unshift(...further);
      yield finishRow(first.number, row, shape);
    } else {
      yield { line: first.number, values };
    }
  }
}

/**
 * `readOn` looks for the end of a row whose first line ends within quotes. `further` are the lines that it has read; without
 * `values`, they do not belong to the row.
 */
async function readOn(
  first: string,
  next: () => Promise<Line | undefined>,
  { delimiter, width, oneLine }: RowShape,
): Promise<{ values: readonly string[] | null; further: readonly Line[] }> {
  const further: Line[] = [];
  let text = first;
  while (further.length < MAX_LINES_PER_ROW) {
    const line = await next();
    if (line === undefined) break;
    further.push(line);
    if ('problem' in line) break;
    text += `\n${line.text}`;
    if (!line.text.includes('"')) continue;
    const row = splitRow(text, delimiter);
    if (row.kind === 'row' && row.values.length === width) return { values: row.values, further };
    if (row.kind !== 'open' || oneLine.includes(row.column)) break;
  }
  return { values: null, further };
}

function finishRow(line: number, row: Split, { width }: RowShape): Row {
  switch (row.kind) {
    case 'open':
      return { line, problem: { expected: 'a closing quote', got: 'none' } };
    case 'malformed':
      return { line, problem: { expected: 'quotes around whole values, doubled inside', got: 'others' } };
    case 'row':
      if (row.values.length === width) return { line, values: row.values };
      return {
        line,
        problem: { expected: `${width} columns, as in the header`, got: `${row.values.length}` },
      };
  }
}

/** `Split` is a text as a row. It is `open` if the text ends within the quotes of the column at `column`. */
export type Split =
  | { readonly kind: 'row'; readonly values: readonly string[] }
  | { readonly kind: 'open'; readonly column: number }
  | { readonly kind: 'malformed' };

/** Excel's way to keep a number as text, `="4711"`, as a whole value between delimiters or in quotes of its own. */
const FORMULA = /^="([^"]*)"$/;

/** `splitRow` splits a text at its delimiters. Blanks around a value do not belong to it, those within quotes do. */
export function splitRow(text: string, delimiter: string): Split {
  if (!text.includes('"')) return { kind: 'row', values: text.split(delimiter).map((each) => each.trim()) };
  const options = { delimiter, trim: true, relax_column_count: true, record_delimiter: NO_DELIMITER };
  try {
    const [values = ['']] = parse(unwrapFormulas(text, delimiter), options);
    return { kind: 'row', values: values.map((value) => value.replace(FORMULA, '$1')) };
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    const { code, column } = error;
    return code === 'CSV_QUOTE_NOT_CLOSED' && typeof column === 'number'
      ? { kind: 'open', column }
      : { kind: 'malformed' };
  }
}

/** The parser gets one row: a line end is part of a value. */
const NO_DELIMITER = '\0';

/** `unwrapFormulas` turns `="4711"` between two delimiters into `"4711"`: the parser takes no quote inside a value. */
function unwrapFormulas(text: string, delimiter: string): string {
  if (!text.includes('="')) return text;
  const edge = delimiter === '|' ? '\\|' : delimiter;
  return text.replaceAll(new RegExp(`(?<=^|${edge})\\s*=("[^"]*")\\s*(?=$|${edge})`, 'g'), '$1');
}

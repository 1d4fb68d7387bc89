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

/** Excel's way to keep a number as text: the value is what stands in the quotes. */
const FORMULA = /^="([^"]*)"$/;

/** `splitRow` splits a text at its delimiters. Blanks around a value do not belong to it, those within quotes do. */
export function splitRow(text: string, delimiter: string): Split {
  if (!text.includes('"')) return { kind: 'row', values: text.split(delimiter).map((each) => each.trim()) };
  const values: string[] = [];
  for (let at = 0; ; at++) {
    const start = skipBlanks(text, at, delimiter);
    if (text[start] === '"') {
      const inner = readQuoted(text, start + 1);
      if (inner === null) return { kind: 'open', column: values.length };
      values.push(inner.value.replace(FORMULA, '$1'));
      at = skipBlanks(text, inner.end, delimiter);
      if (at < text.length && text[at] !== delimiter) return { kind: 'malformed' };
    } else {
      const end = text.indexOf(delimiter, at);
      const value = text.slice(at, end < 0 ? text.length : end).trim();
      at = end < 0 ? text.length : end;
      if (value.includes('"') && !FORMULA.test(value)) return { kind: 'malformed' };
      values.push(value.replace(FORMULA, '$1'));
    }
    if (at >= text.length) return { kind: 'row', values };
  }
}

/** `readQuoted` reads from behind an opening quote to the closing one; `end` is the index behind that. Null: there is none. */
function readQuoted(text: string, from: number): { value: string; end: number } | null {
  let value = '';
  for (let start = from; ;) {
    const quote = text.indexOf('"', start);
    if (quote < 0) return null;
    value += text.slice(start, quote);
    if (text[quote + 1] !== '"') return { value, end: quote + 1 };
    value += '"';
    start = quote + 2;
  }
}

function skipBlanks(text: string, from: number, delimiter: string): number {
  let at = from;
  while (text[at] !== delimiter && (text[at] === ' ' || text[at] === '\t')) at++;
  return at;
}

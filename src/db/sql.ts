export type Value = string | number | null;

/** SQL with a placeholder for each of its values: a whole statement, or a fragment of one. */
export interface Statement {
  readonly sql: string;
  readonly values: readonly Value[];
}

/** A part of a statement, such as an expression or a row of values. */
export type Fragment = Statement;

type Part = Value | Fragment | readonly (Value | Fragment)[];

/** The end of the text before an empty list that the error shows. */
const SHOWN_LENGTH = 60;

/**
 * `sql` makes a statement of a template. A value becomes a placeholder, so no value is ever part of the text; a fragment is
 * put in as it is, with its values; an array is joined by commas, as IN and VALUES need it.
 */
export function sql(texts: TemplateStringsArray, ...parts: readonly Part[]): Statement {
  let text = texts[0] ?? '';
  const values: Value[] = [];
  const add = (part: Value | Fragment | undefined): void => {
    if (typeof part === 'object' && part !== null) {
      text += part.sql;
      for (const value of part.values) values.push(value);
    } else if (part !== undefined) {
      text += '?';
      values.push(part);
    }
  };
  // Loops over indexes: a chunk of deliveries passes here once for each, and iterators cost as much as the rest.
  for (let nth = 0; nth < parts.length; nth++) {
    const part = parts[nth];
    if (isList(part)) {
      if (part.length === 0) throw emptyList(text);
      for (let index = 0; index < part.length; index++) {
        if (index > 0) text += ', ';
        add(part[index]);
      }
    } else add(part);
    text += texts[nth + 1] ?? '';
  }
  return { sql: text, values };
}

/** SQLite takes 32,766 values a statement, and a message has 13; MySQL's limit is one of bytes, far beyond that. */
export const MAX_ROWS = 2000;

/** Longer statements are no faster, and take memory. */
export const MAX_BYTES = 900_000;

/**
 * `chunksOf` divides rows into groups that fit one statement each, of at most `maxBytes` and `maxRows`. `bytesOf` says how
 * long a row is, if it can be long; a row that is too long by itself is alone in its group.
 */
export function chunksOf<T>(
  rows: readonly T[],
  bytesOf: (row: T) => number = () => 0,
  maxBytes: number = MAX_BYTES,
  maxRows: number = MAX_ROWS,
): (readonly T[])[] {
  const chunks: T[][] = [];
  let chunk: T[] = [];
  let bytes = 0;
  for (const row of rows) {
    const more = bytesOf(row);
    if (chunk.length === maxRows || (chunk.length > 0 && bytes + more > maxBytes)) {
      chunks.push(chunk);
      chunk = [];
      bytes = 0;
    }
    chunk.push(row);
    bytes += more;
  }
  if (chunk.length > 0) chunks.push(chunk);
  return chunks;
}

function isList(part: Part | undefined): part is readonly (Value | Fragment)[] {
  return Array.isArray(part);
}

/** The databases disagree about `IN ()`: SQLite matches no row, MySQL refuses the statement. */
function emptyList(text: string): RangeError {
  const place = text.replaceAll(/\s+/g, ' ').slice(-SHOWN_LENGTH);
  return new RangeError(`list after "${place}": expected at least one value, got none`);
}

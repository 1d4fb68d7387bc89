import type { Statement, Value } from './sql.ts';

/** Printable ASCII without the quote and the backslash: such text can stand between quotes under every sql_mode. */
const PLAIN = /^[ -&(-[\]-~]*$/;

/**
 * `withLiterals` puts the values of a statement into its text, for MySQL. A value is digits, NULL, plain text between quotes,
 * or hexadecimal digits: under no setting of the server can text end its literal. (Escapes by backslash can, under
 * NO_BACKSLASH_ESCAPES.) Prepared statements would be as safe and no faster (measured), but cost a round trip for
 * each length of a list, and fill max_prepared_stmt_count, which all connections of a server share.
 */
export function withLiterals({ sql, values }: Statement): string {
  let text = '';
  let from = 0;
  for (let nth = 0; nth < values.length; nth++) {
    const place = sql.indexOf('?', from);
    if (place === -1) throw new RangeError(`statement: expected ${values.length} placeholders, got ${nth}`);
    text += sql.slice(from, place) + literalOf(values[nth] ?? null);
    from = place + 1;
  }
  return text + sql.slice(from);
}

/** Never less than the bytes that an id takes in a list of a statement. */
export const LISTED_ID_BYTES = 18;

/** Never less than the bytes that a text takes in a statement. */
export function literalBytesOf(text: string | null): number {
  return text === null ? 4 : 16 + 2 * Buffer.byteLength(text);
}

function literalOf(value: Value): string {
  if (value === null) return 'NULL';
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new RangeError(`value: expected a finite number, got ${value}`);
    return String(value);
  }
  return PLAIN.test(value) ? `'${value}'` : `_utf8mb4 0x${Buffer.from(value).toString('hex')}`;
}

type Row = readonly string[];

/** `makeTable` aligns the columns of rows under a header. */
export function makeTable(header: Row, rows: readonly Row[]): string {
  return `${alignRows(header, rows).join('\n')}\n`;
}

/** `alignRows` makes one line of the header and one of each row, with aligned columns. */
export function alignRows(header: Row, rows: readonly Row[]): string[] {
  const all = [header, ...rows].map((row) => row.map(printable));
  const widths = header.map((_, nth) => Math.max(...all.map((row) => row[nth]?.length ?? 0)));
  return all.map((row) =>
    row
      .map((cell, nth) => cell.padEnd(widths[nth] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

/** `printable` replaces control characters: in a text of others, one could move the cursor. */
export function printable(text: string): string {
  return text.replaceAll(/\p{Cc}+/gu, ' ');
}

/** `makeTable` aligns the columns of rows under a header. */
export function makeTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  // A control character in a text could move the cursor.
  const all = [header, ...rows].map((row) => row.map((cell) => cell.replaceAll(/\p{Cc}+/gu, ' ')));
  const widths = header.map((_, nth) => Math.max(...all.map((row) => row[nth]?.length ?? 0)));
  const lines = all.map((row) =>
    row
      .map((cell, nth) => cell.padEnd(widths[nth] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  return `${lines.join('\n')}\n`;
}

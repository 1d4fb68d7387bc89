import { nameOfDelimiter } from './csv-header.ts';
import { readRows } from './csv-rows.ts';
import { type Names, NAMES, readColumns, readTexts } from './device-columns.ts';
import { describeMismatch, type DeviceFile, type DeviceLine, guard, type Reading } from './device-line.ts';
import { parseDevice } from './device-texts.ts';
import { refuse } from './options.ts';
import { openText, type TextFile } from './text-lines.ts';

/** `readDevices` reads the devices of a CSV file that comes in chunks of bytes. */
export async function readDevices(
  chunks: AsyncIterable<Buffer>,
  reading: Reading,
  names: Names = NAMES,
): Promise<DeviceFile> {
  const { encoding, lines } = await openCsv(chunks);
  const columns = await guard(() => readColumns(lines, names));

  async function* rows(): AsyncGenerator<DeviceLine> {
    const iterator = readRows(lines, columns);
    for (;;) {
      const { value: row } = await guard(() => iterator.next());
      if (row === undefined) return;
      const { line } = row;
      if ('problem' in row) yield { line, device: describeMismatch(row.problem) };
      else yield { line, ...parseDevice(readTexts(row.values, columns), reading) };
    }
  }
  return {
    rows: rows(),
    describe: () =>
      [
        ...describeText(columns.delimiter, encoding),
        ...(columns.aliases.length === 0 ? [] : [`columns ${joinNames(columns.aliases)}`]),
      ].join(', '),
  };
}

/** `openCsv` opens a CSV file. PushError('BAD_INPUT') if it is not text. */
export async function openCsv(chunks: AsyncIterable<Buffer>): Promise<TextFile> {
  const text = await guard(() => openText(chunks));
  if (text !== null) return text;
  throw refuse('FILE', 'a CSV file (save a spreadsheet as CSV)', 'a file that is not text');
}

/** `describeText` says what is unusual about the delimiter and the encoding of a CSV file. */
export function describeText(delimiter: string, encoding: TextFile['encoding']): string[] {
  return [
    ...(delimiter === ',' ? [] : [`separated by ${nameOfDelimiter(delimiter)}`]),
    ...([null, 'UTF-8'].includes(encoding.name()) ? [] : [`in ${encoding.name()}`]),
  ];
}

function joinNames(names: readonly string[]): string {
  return names.length < 3 ? names.join(' and ') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}

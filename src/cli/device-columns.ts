import type { PushError } from '../errors.ts';
import { TARGET_KINDS, type TargetKind } from '../model/device.ts';
import { type RowShape, splitRow } from './csv-rows.ts';
import { refuse } from './options.ts';
import type { Line } from './text-lines.ts';

/** `DeviceColumns` says where a CSV file has the values of a device. */
export interface DeviceColumns extends RowShape {
  /** Index of the column of each kind of target, if the file has it. */
  readonly targets: Readonly<Partial<Record<TargetKind, number>>>;
  /** Index of the column of member ids; null: the file has none. */
  readonly member: number | null;
  /** The columns as they are named in `NAMES`, where the header has another name than Baton's. */
  readonly aliases: readonly string[];
}

/** The delimiters by which files are separated, with their names; a line `sep=` may name another one. */
const DELIMITERS = new Map([
  [',', 'commas'],
  [';', 'semicolons'],
  ['\t', 'tabs'],
  ['|', 'vertical bars'],
]);

/** Names of columns, Baton's own first. Case, blanks, `_`, `-` and the like do not count. */
const NAMES = {
  token: ['token', 'fcm_token', 'device_token', 'push_token', 'registration_token'],
  fid: ['fid', 'installation_id', 'firebase_installation_id'],
  member: ['member_id', 'user_id'],
} as const satisfies Record<TargetKind | 'member', readonly string[]>;

const SEPARATOR_LINE = /^"?sep=([^\w\s"]|\t)"?$/i;

const MAX_HEADER_LINES = 20;

export function nameOfDelimiter(delimiter: string): string {
  return DELIMITERS.get(delimiter) ?? JSON.stringify(delimiter);
}

/**
 * `readColumns` reads the header row: the delimiter is the one that makes a column of targets. PushError('BAD_INPUT')
 * without such a column. Its text never has the row: without a header, that is a device.
 */
export async function readColumns(lines: AsyncGenerator<Line, undefined>): Promise<DeviceColumns> {
  let line = await nextLine(lines);
  const separator = SEPARATOR_LINE.exec(line?.text ?? '')?.[1];
  if (separator !== undefined) line = await nextLine(lines);
  if (line === null) throw refuseHeader(1, 'nothing');
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
    const columns = findColumns(line.number, delimiter, names);
    if (columns !== null) return columns;
  }
  if (/^\s*[{[]/.test(header)) throw refuseHeader(line.number, 'JSON');
  const widths = rows.map(({ names }) => names.length);
  throw refuseHeader(
    line.number,
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

function findColumns(line: number, delimiter: string, names: readonly string[]): DeviceColumns | null {
  const token = findColumn(line, 'token', names);
  const fid = findColumn(line, 'fid', names);
  if (!token && !fid) return null;
  const member = findColumn(line, 'member', names);
  const found = [token, fid, member].filter((each) => each !== null);
  return {
    delimiter,
    width: names.length,
    oneLine: found.map(({ index }) => index),
    targets: {
      ...(token ? { token: token.index } : {}),
      ...(fid ? { fid: fid.index } : {}),
    },
    member: member?.index ?? null,
    aliases: found.filter(({ isOwn }) => !isOwn).map(({ name }) => name),
  };
}

interface Column {
  readonly index: number;
  readonly name: string;
  /** True for the name that Baton itself gives the column. */
  readonly isOwn: boolean;
}

/** `findColumn` takes the column with Baton's own name, or else the only one with another name for it. */
function findColumn(line: number, kind: keyof typeof NAMES, header: readonly string[]): Column | null {
  const all = header.flatMap((text, index): Column[] => {
    const nth = NAMES[kind].findIndex((name) => normalize(name) === normalize(text));
    const name = NAMES[kind][nth];
    return name === undefined ? [] : [{ index, name, isOwn: nth === 0 }];
  });
  const own = all.filter(({ isOwn }) => isOwn);
  const candidates = own.length > 0 ? own : all;
  const [first] = candidates;
  if (candidates.length < 2) return first ?? null;
  const expected = `one column named ${NAMES[kind][0]}`;
  throw refuse(`line ${line}`, expected, candidates.map(({ name }) => name).join(' and '));
}

function normalize(name: string): string {
  return name.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
}

function refuseHeader(line: number, got: string): PushError {
  return refuse(`line ${line}`, `a header row with a column named ${TARGET_KINDS.join(' or ')}`, got);
}

import { createReadStream } from 'node:fs';

import { PushError } from '../errors.ts';
import { describeFileError } from './file-error.ts';
import { MAX_MEMBER_LENGTH } from '../messages/parse.ts';
import {
  isNullWord,
  MAX_TARGET_LENGTH,
  type NewDevice,
  TARGET_FORMS,
  TARGET_KINDS,
  type TargetKind,
} from '../model/device.ts';
import { readRows } from './csv-rows.ts';
import { type DeviceColumns, nameOfDelimiter, readColumns } from './device-columns.ts';
import { refuse } from './options.ts';
import { type Mismatch, openText } from './text-lines.ts';

/** `DeviceLine` is one row of a CSV file of devices. */
export interface DeviceLine {
  /** Number of the row's first line in the file. */
  readonly line: number;
  /** The device, or why the row is not valid; that text never has the target, which is enough to push to the device. */
  readonly device: NewDevice | string;
}

export interface DeviceFile {
  readonly rows: AsyncIterable<DeviceLine>;
  /** What was found out about the file so far; empty for UTF-8 with commas and Baton's own names of columns. */
  readonly describe: () => string;
}

/** `Leniency`: with `force`, targets that do not look like FCM's are valid too. */
export interface Leniency {
  readonly force: boolean;
}

/**
 * `openDeviceFile` opens a CSV file of any size, whose rows are then read one by one. PushError('BAD_INPUT') if the file or
 * its header is not valid.
 */
export async function openDeviceFile(file: string, leniency: Leniency): Promise<DeviceFile> {
  const stream = createReadStream(file);
  async function* closeAfter(rows: AsyncIterable<DeviceLine>): AsyncGenerator<DeviceLine> {
    try {
      yield* rows;
    } finally {
      stream.destroy();
    }
  }
  try {
    const content = await readDevices(stream, leniency);
    return { rows: closeAfter(content.rows), describe: content.describe };
  } catch (error) {
    stream.destroy();
    throw error;
  }
}

/** `readDevices` reads the devices of a CSV file that comes in chunks of bytes. */
export async function readDevices(chunks: AsyncIterable<Buffer>, leniency: Leniency): Promise<DeviceFile> {
  const text = await guard(() => openText(chunks));
  if (text === null)
    throw refuse('FILE', 'a CSV file (save a spreadsheet as CSV)', 'a file that is not text');
  const { encoding, lines } = text;
  const columns = await guard(() => readColumns(lines));

  async function* rows(): AsyncGenerator<DeviceLine> {
    const iterator = readRows(lines, columns);
    for (;;) {
      const { value: row } = await guard(() => iterator.next());
      if (row === undefined) return;
      yield {
        line: row.line,
        device: 'problem' in row ? describe(row.problem) : parseDevice(row.values, columns, leniency),
      };
    }
  }
  return {
    rows: rows(),
    describe: () =>
      [
        ...(columns.delimiter === ',' ? [] : [`separated by ${nameOfDelimiter(columns.delimiter)}`]),
        ...([null, 'UTF-8'].includes(encoding.name()) ? [] : [`in ${encoding.name()}`]),
        ...(columns.aliases.length === 0 ? [] : [`columns ${columns.aliases.join(' and ')}`]),
      ].join(', '),
  };
}

/** `guard` turns the errors of reading the file into a PushError('BAD_INPUT'). */
async function guard<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    if (cause instanceof PushError) throw cause;
    throw refuse('FILE', 'a CSV file that can be read', describeFileError(cause));
  }
}

function parseDevice(
  values: readonly string[],
  { targets, member }: DeviceColumns,
  { force }: Leniency,
): NewDevice | string {
  const cells = TARGET_KINDS.flatMap((kind) => {
    const text = values[targets[kind] ?? -1] ?? '';
    return text === '' ? [] : [{ kind, text }];
  });
  const cell = cells.find(({ text }) => !isNullWord(text));
  if (!cell) {
    const expected = 'a registration token (or a fid)';
    return describe({ field: 'token', expected, got: cells.length === 0 ? 'nothing' : NULL_WORD });
  }
  const memberId = values[member ?? -1] || null;
  const problem =
    checkTarget(cell.kind, cell.text, force) ?? (memberId === null ? null : checkMember(memberId));
  return problem === null ? { target: cell.text, targetKind: cell.kind, memberId } : describe(problem);
}

const NULL_WORD = 'a word for NULL';

/** A number that a spreadsheet has rounded: the id's last digits are lost. */
const ROUNDED = /^\d[.,]\d+E\+\d+$/i;

interface FieldMismatch extends Mismatch {
  readonly field: string;
}

function checkTarget(kind: TargetKind, target: string, force: boolean): FieldMismatch | null {
  if (target.length > MAX_TARGET_LENGTH || !/^[\x21-\x7e]+$/.test(target)) {
    const got = `${target.length}${target.length > MAX_TARGET_LENGTH ? '' : ' with others among them'}`;
    return { field: kind, expected: `1 to ${MAX_TARGET_LENGTH} visible ASCII characters`, got };
  }
  const { pattern, words } = TARGET_FORMS[kind];
  if (force || pattern.test(target)) return null;
  return { field: kind, expected: `${words} (or --force)`, got: `${target.length} characters` };
}

function checkMember(memberId: string): FieldMismatch | null {
  const field = 'member_id';
  if (memberId.length > MAX_MEMBER_LENGTH) {
    return { field, expected: `at most ${MAX_MEMBER_LENGTH} characters`, got: `${memberId.length}` };
  }
  if (isNullWord(memberId)) return { field, expected: 'a member id or nothing', got: NULL_WORD };
  if (ROUNDED.test(memberId)) {
    return { field, expected: 'all digits of the id', got: 'a number that a spreadsheet has rounded' };
  }
  if (/\p{Cc}/u.test(memberId)) {
    return { field, expected: 'characters that can be seen', got: 'others among them' };
  }
  return null;
}

function describe({ field, expected, got }: Mismatch & Partial<FieldMismatch>): string {
  return `${field === undefined ? '' : `${field}: `}expected ${expected}, got ${got}`;
}

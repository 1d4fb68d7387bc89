import { createReadStream } from 'node:fs';
import { parse } from 'csv-parse';

import { codeOf, PushError } from '../errors.ts';
import { MAX_MEMBER_LENGTH } from '../messages/parse.ts';
import { MAX_TARGET_LENGTH, type NewDevice, TARGET_KINDS } from '../model/device.ts';
import { refuse } from './options.ts';

/** `DeviceLine` is one row of a CSV file of devices. */
export interface DeviceLine {
  /** Number of the row's last line in the file. */
  readonly line: number;
  /** The device, or why the row is not valid; that text never has the target, which is enough to push to the device. */
  readonly device: NewDevice | string;
}

/**
 * `readDevices` streams a CSV file of any size row by row. PushError('BAD_INPUT') if the file or its header is not valid.
 */
export async function* readDevices(file: string): AsyncGenerator<DeviceLine> {
  const skipped: DeviceLine[] = [];
  const parser = parse({
    bom: true,
    trim: true,
    skip_empty_lines: true,
    info: true,
    columns: (header: string[]) => checkHeader(header),
    skip_records_with_error: true,
    on_skip: (error) => {
      // The code, not the message: the parser's message quotes the row.
      const code = error?.code ?? 'another error';
      const problem = `expected as many columns as the header, with quotes as in CSV, got ${code}`;
      skipped.push({ line: Number(error?.['lines'] ?? 0), device: problem });
      return undefined;
    },
  });
  try {
    const rows: AsyncIterable<{ info: { lines: number }; record: Record<string, string> }> =
      createReadStream(file).compose(parser);
    for await (const { info, record } of rows) {
      // The parser reads ahead of the rows that it gives: skipped lines wait for their turn.
      while (skipped[0] && skipped[0].line < info.lines) yield* skipped.splice(0, 1);
      yield { line: info.lines, device: parseDevice(record) };
    }
    yield* skipped;
  } catch (cause) {
    if (cause instanceof PushError) throw cause;
    throw refuse('FILE', 'a CSV file that can be read', codeOf(cause) ?? 'other text');
  }
}

function checkHeader(header: string[]): string[] {
  const names = header.map((name) => name.toLowerCase());
  if (names.some((name) => name === 'token' || name === 'fid')) return names;
  throw refuse('line 1', 'a header row with a column named token or fid', `${header.length} other columns`);
}

function parseDevice(row: Readonly<Record<string, string>>): NewDevice | string {
  const targetKind = TARGET_KINDS.find((kind) => row[kind]);
  const target = targetKind && row[targetKind];
  if (!targetKind || !target) return 'token: expected a registration token (or a fid), got nothing';
  const memberId = row['member_id'] || null;
  if (memberId !== null && memberId.length > MAX_MEMBER_LENGTH) {
    return `member_id: expected at most ${MAX_MEMBER_LENGTH} characters, got ${memberId.length}`;
  }
  if (target.length <= MAX_TARGET_LENGTH && /^[\x21-\x7e]+$/.test(target)) {
    return { target, targetKind, memberId };
  }
  const got = `${target.length}${target.length > MAX_TARGET_LENGTH ? '' : ' with others among them'}`;
  return `${targetKind}: expected 1 to ${MAX_TARGET_LENGTH} visible ASCII characters, got ${got}`;
}

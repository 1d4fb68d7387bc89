import { MAX_TARGET_LENGTH, type NewDevice, type TargetKind } from '../model/device.ts';
import type { Store } from '../store.ts';
import { createReadStream } from 'node:fs';
import { parse } from 'csv-parse';
import { systemClock } from '../clock.ts';
import { parseDatabaseConfig } from '../config/config.ts';
import { openStore } from '../db/open.ts';
import { PushError } from '../errors.ts';
import { MAX_MEMBER_LENGTH } from '../messages/parse.ts';
import type { Command, Terminal } from './command.ts';

const ROWS_PER_STATEMENT = 2000;

/** Bad rows told one by one; a file of the wrong kind would otherwise fill the terminal. */
const MAX_ROWS_TOLD = 20;

const KINDS: readonly TargetKind[] = ['token', 'fid'];

export const importCommand: Command = {
  summary:
    'Add devices from a CSV file with a column named token (or fid, for Firebase installation ids), and perhaps member_id.',
  operands: 'FILE',
  options: {},
  async run({ operands }, terminal) {
    const [file] = operands;
    if (file === undefined || operands.length > 1) {
      const problem = {
        field: 'FILE',
        expected: 'the path of one CSV file',
        got: operands.join(' ') || 'nothing',
      };
      throw PushError.of('BAD_INPUT', [problem]);
    }
    const store = await openStore(parseDatabaseConfig(terminal.env), systemClock);
    try {
      const { read, added, bad } = await importDevices(file, store, terminal);
      terminal.out(
        `${read} rows read, ${added} devices added, ${read - bad - added} already there, ${bad} bad rows\n`,
      );
      return bad === 0 ? 0 : 1;
    } finally {
      await store.close();
    }
  },
};

interface Tally {
  read: number;
  added: number;
  bad: number;
}

async function importDevices(file: string, store: Store, { err }: Terminal): Promise<Tally> {
  const tally: Tally = { read: 0, added: 0, bad: 0 };
  let batch: NewDevice[] = [];
  const flush = async (): Promise<void> => {
    if (batch.length > 0) tally.added += await store.addDevices(batch);
    batch = [];
  };
  for await (const { line, row } of readRows(file)) {
    tally.read++;
    const device = typeof row === 'string' ? row : parseDevice(row);
    if (typeof device !== 'string') {
      batch.push(device);
      if (batch.length >= ROWS_PER_STATEMENT) await flush();
      continue;
    }
    tally.bad++;
    if (tally.bad <= MAX_ROWS_TOLD) err(`line ${line}: ${device}\n`);
    if (tally.bad === MAX_ROWS_TOLD) err('further bad rows are counted, but not told\n');
  }
  await flush();
  return tally;
}

/** A device, or what is wrong with the row. Never the target itself: it is a secret between the phone and FCM. */
function parseDevice(row: Readonly<Record<string, string>>): NewDevice | string {
  const targetKind = KINDS.find((kind) => row[kind]);
  const target = targetKind && row[targetKind];
  if (!targetKind || !target) return 'token: expected a registration token (or a fid), got nothing';
  const memberId = row['member_id'] || null;
  if (memberId !== null && memberId.length > MAX_MEMBER_LENGTH) {
    return `member_id: expected at most ${MAX_MEMBER_LENGTH} characters, got ${memberId.length}`;
  }
  if (target.length <= MAX_TARGET_LENGTH && /^[\x21-\x7e]+$/.test(target)) {
    return { target, targetKind, memberId };
  }
  return (
    `${targetKind}: expected 1 to ${MAX_TARGET_LENGTH} visible ASCII characters, ` +
    `got ${target.length}${target.length > MAX_TARGET_LENGTH ? '' : ' with others among them'}`
  );
}

interface Line {
  readonly line: number;
  /** The row by column name, or what is wrong with it. */
  readonly row: Readonly<Record<string, string>> | string;
}

/** Streams a CSV file of any size, row by row. */
async function* readRows(file: string): AsyncGenerator<Line> {
  const skipped: Line[] = [];
  const parser = parse({
    bom: true,
    trim: true,
    skip_empty_lines: true,
    info: true,
    columns: (header: string[]) => checkHeader(header),
    skip_records_with_error: true,
    on_skip: (error) => {
      // By its code: the parser's message quotes the row.
      const row = `expected as many columns as the header, quoted as CSV is, got ${error?.code ?? 'something else'}`;
      skipped.push({ line: Number(error?.['lines'] ?? 0), row });
      return undefined;
    },
  });
  try {
    const rows: AsyncIterable<{ info: { lines: number }; record: Record<string, string> }> =
      createReadStream(file).compose(parser);
    for await (const { info, record } of rows) {
      // The parser reads ahead of its rows: what it skipped is told when its line has come.
      while (skipped[0] && skipped[0].line < info.lines) yield* skipped.splice(0, 1);
      yield { line: info.lines, row: record };
    }
    yield* skipped;
  } catch (cause) {
    if (cause instanceof PushError) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw PushError.of('BAD_INPUT', [{ field: 'FILE', expected: 'a CSV file that can be read', got: why }]);
  }
}

function checkHeader(header: string[]): string[] {
  const names = header.map((name) => name.toLowerCase());
  if (names.some((name) => name === 'token' || name === 'fid')) return names;
  const expected = 'a header row with a column named token or fid';
  throw PushError.of('BAD_INPUT', [{ field: 'line 1', expected, got: `${header.length} other columns` }]);
}

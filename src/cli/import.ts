import type { NewDevice } from '../model/device.ts';
import type { Store } from '../store.ts';
import { defineCommand } from './command.ts';
import { describeOperands } from './announcement-id.ts';
import { type DeviceFile, type Leniency, openDeviceFile } from './device-csv.ts';
import { flag, refuse } from './options.ts';
import type { Terminal } from './terminal.ts';
import { withStore } from './with-store.ts';

const ROWS_PER_STATEMENT = 2000;

/** Number of invalid rows that are reported; further ones are only counted, or a wrong file would fill the terminal. */
const MAX_ROWS_REPORTED = 20;

export const importCommand = defineCommand({
  description:
    'Add devices from a CSV file with a header row. Columns: token (a registration token) or fid (a Firebase ' +
    'installation id), and member_id if messages go to members. Other columns are ignored. The delimiter and the ' +
    'encoding are found out. Devices already in the table keep their id. Invalid rows are reported by line number and ' +
    'skipped.',
  examples: [['baton import devices.csv', 'Add the devices of this file']],
  operands: { usage: 'FILE', help: 'the path of one CSV file' },
  options: {
    force: flag('also import tokens and fids that have another length or other characters than those of FCM'),
  },
  async run({ operands, options }, terminal) {
    const [file] = operands;
    if (file === undefined || operands.length > 1) {
      throw refuse('FILE', 'the path of one CSV file', describeOperands(operands));
    }
    const tally = await withStore(terminal.env, (store) => importDevices(file, store, terminal, options));
    terminal.out(`${describeTally(tally)}\n`);
    return tally.invalid === 0 ? 0 : 1;
  },
});

/** `Tally` counts the rows of an import. */
export interface Tally {
  /** Number of rows in the file, valid or not. */
  readonly rows: number;
  readonly added: number;
  readonly invalid: number;
  /** What was found out about the file; empty for the usual. */
  readonly format: string;
}

export async function importDevices(
  file: string,
  store: Pick<Store, 'addDevices'>,
  terminal: Pick<Terminal, 'err'>,
  leniency: Leniency = { force: false },
): Promise<Tally> {
  return addDevices(await openDeviceFile(file, leniency), store, terminal);
}

/** `addDevices` adds the devices of a file in batches; invalid rows are reported and skipped. */
export async function addDevices(
  { rows: lines, describe }: DeviceFile,
  store: Pick<Store, 'addDevices'>,
  { err }: Pick<Terminal, 'err'>,
): Promise<Tally> {
  let [rows, added, invalid] = [0, 0, 0];
  let batch: NewDevice[] = [];
  const flush = async (): Promise<void> => {
    if (batch.length > 0) added += await store.addDevices(batch);
    batch = [];
  };
  for await (const { line, device } of lines) {
    rows++;
    if (typeof device !== 'string') {
      batch.push(device);
      if (batch.length >= ROWS_PER_STATEMENT) await flush();
      continue;
    }
    invalid++;
    if (invalid <= MAX_ROWS_REPORTED) err(`line ${line}: ${device}\n`);
    if (invalid === MAX_ROWS_REPORTED) err('further invalid rows are counted, but not reported\n');
  }
  await flush();
  return { rows, added, invalid, format: describe() };
}

export function describeTally({ rows, added, invalid, format }: Tally): string {
  const alreadyThere = rows - invalid - added;
  const counts = `${rows} rows read, ${added} devices added, ${alreadyThere} already there, ${invalid} invalid rows`;
  return format === '' ? counts : `${counts}; the file: ${format}`;
}

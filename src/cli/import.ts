import type { NewDevice } from '../model/device.ts';
import type { Store } from '../store.ts';
import { defineCommand } from './command.ts';
import { describeOperands } from './announcement-id.ts';
import { openDeviceFile, type ReadOptions } from './device-file.ts';
import { type DeviceFile, type DeviceLine, isLeftOut } from './device-line.ts';
import { describeTally, makeRemarks, type Tally } from './import-report.ts';
import { MOVER_NAMES } from './movers/movers.ts';
import { flag, oneOf, refuse } from './options.ts';
import type { Terminal } from './terminal.ts';
import { withStore } from './with-store.ts';

const ROWS_PER_STATEMENT = 2000;

/** Number of invalid rows that are reported; further ones are only counted, or a wrong file would fill the terminal. */
const MAX_ROWS_REPORTED = 20;

export const importCommand = defineCommand({
  description:
    'Add devices from a CSV file with a header row. Columns: token (a registration token) or fid (a Firebase ' +
    'installation id), member_id if messages go to members, and platform, locale, time_zone, app_version, last_seen_at, ' +
    'is_test, is_canary and tag:NAME for audiences. Other columns are ignored. The delimiter and the encoding are found out, and gzip ' +
    'is unpacked. Devices already in the table keep their id. Invalid rows are reported by line number and skipped; a wrong ' +
    'value of an optional column is left out and counted. With --from, the file is the export of another service.',
  examples: [
    ['baton import devices.csv', 'Add the devices of this file'],
    ['baton import --from onesignal export.csv.gz', 'Move from OneSignal'],
  ],
  operands: { usage: 'FILE', help: 'the path of one file' },
  options: {
    from: oneOf('SERVICE', `the service whose export FILE is: ${MOVER_NAMES.join(', ')}`, {
      choices: MOVER_NAMES,
      fallback: null,
    }),
    force: flag('also import tokens and fids that have another length or other characters than those of FCM'),
  },
  async run({ operands, options }, terminal) {
    const [file] = operands;
    if (file === undefined || operands.length > 1) {
      throw refuse('FILE', 'the path of one file', describeOperands(operands));
    }
    const tally = await withStore(terminal.env, (store) => importDevices(file, store, terminal, options));
    for (const line of [describeTally(tally), ...tally.remarks]) terminal.out(`${line}\n`);
    return tally.invalid === 0 ? 0 : 1;
  },
});

export async function importDevices(
  file: string,
  store: Pick<Store, 'addDevices'>,
  terminal: Pick<Terminal, 'err'>,
  options: ReadOptions = { force: false },
): Promise<Tally> {
  return addDevices(await openDeviceFile(file, options), store, terminal);
}

/** `addDevices` adds the devices of a file in batches; invalid rows are reported and skipped. */
export async function addDevices(
  { rows: lines, describe }: DeviceFile,
  store: Pick<Store, 'addDevices'>,
  { err }: Pick<Terminal, 'err'>,
): Promise<Tally> {
  let [rows, added, invalid, leftOut] = [0, 0, 0, 0];
  const remarks = makeRemarks();
  let batch: NewDevice[] = [];
  const flush = async (): Promise<void> => {
    if (batch.length > 0) added += await store.addDevices(batch);
    batch = [];
  };
  const add = async ({ line, device, drops = [] }: DeviceLine): Promise<void> => {
    rows++;
    if (typeof device === 'string') {
      invalid++;
      if (invalid <= MAX_ROWS_REPORTED) err(`line ${line}: ${device}\n`);
      if (invalid === MAX_ROWS_REPORTED) err('further invalid rows are counted, but not reported\n');
    } else if (isLeftOut(device)) {
      leftOut++;
      remarks.leaveOut(line, device.leftOut);
    } else {
      remarks.drop(line, drops);
      batch.push(device);
      if (batch.length >= ROWS_PER_STATEMENT) await flush();
    }
  };
  const finish = async (): Promise<Tally> => {
    await flush();
    return { rows, added, invalid, leftOut, format: describe(), remarks: remarks.describe() };
  };
  const iterator = lines[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await readOn(iterator, async () =>
        err(`${describeTally(await finish())}, up to the error\n`),
      );
      if (next.done) return await finish();
      await add(next.value);
    }
  } finally {
    await iterator.return?.();
  }
}

/** `readOn` reads the next row. If the rest of the file cannot be read, the rows before it are not lost: `finish` adds them. */
async function readOn(
  iterator: AsyncIterator<DeviceLine>,
  finish: () => Promise<void>,
): Promise<IteratorResult<DeviceLine, unknown>> {
  try {
    return await iterator.next();
  } catch (error) {
    await finish();
    throw error;
  }
}

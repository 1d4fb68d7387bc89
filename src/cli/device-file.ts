import { createReadStream } from 'node:fs';
import { rememberLookups } from '../model/traits.ts';
import { readDevices } from './device-csv.ts';
import { type DeviceFile, type DeviceLine, guard, type Reading } from './device-line.ts';
import { gunzipped } from './gunzip.ts';
import { refuseExports } from './movers/guess.ts';
import { type MoverName, MOVERS } from './movers/movers.ts';

export interface ReadOptions extends Pick<Reading, 'force'> {
  /** The service whose export the file is; absent or null: a CSV file with Baton's own columns. */
  readonly from?: MoverName | null;
}

/**
 * `openDeviceFile` opens a file of devices of any size, packed by gzip or not, whose rows are then read one by one.
 * PushError('BAD_INPUT') if the file or its header is not valid.
 */
export async function openDeviceFile(file: string, { from = null, force }: ReadOptions): Promise<DeviceFile> {
  const stream = createReadStream(file);
  async function* closeAfter(rows: AsyncIterable<DeviceLine>): AsyncGenerator<DeviceLine> {
    try {
      yield* rows;
    } finally {
      stream.destroy();
    }
  }
  try {
    const chunks = gunzipped(stream);
    const reading = { force, lookups: rememberLookups() };
    const content = await (from === null
      ? readDevices(await guard(() => refuseExports(chunks)), reading)
      : MOVERS[from](chunks, reading));
    return { rows: closeAfter(content.rows), describe: content.describe };
  } catch (error) {
    stream.destroy();
    throw error;
  }
}

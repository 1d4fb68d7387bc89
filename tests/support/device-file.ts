import type { NewDevice } from '../../src/model/device.ts';

/** A store that keeps devices in memory, as the table does: one row for each target. */
export function makeDeviceTable() {
  const byTarget = new Map<string, NewDevice>();
  return {
    devices: () => [...byTarget.values()],
    async addDevices(devices: readonly NewDevice[]): Promise<number> {
      const before = byTarget.size;
      for (const device of devices) if (!byTarget.has(device.target)) byTarget.set(device.target, device);
      return byTarget.size - before;
    },
  };
}

/** Makes the chunks in which a file of these bytes is read. */
export async function* inChunks(bytes: Uint8Array, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield Buffer.from(bytes.subarray(at, at + size));
}

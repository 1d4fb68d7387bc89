import { setImmediate as nextTurn } from 'node:timers/promises';

/** Devices whose messages are written at a stretch: the attributes of their members, up to 64 KB each, are in memory together. */
const DEVICES_PER_SLICE = 250;

/**
 * Divides the work of writing messages, in order. Templates take CPU time: between two slices everything else gets its turn, such
 * as the extension of a lease. `devicesOf` says for how many devices an item counts.
 */
export async function* slicesOf<T>(
  items: readonly T[],
  devicesOf: (item: T) => number = () => 1,
): AsyncGenerator<readonly T[]> {
  let [from, devices] = [0, 0];
  for (const [nth, item] of items.entries()) {
    const more = devicesOf(item);
    if (nth > from && devices + more > DEVICES_PER_SLICE) {
      yield items.slice(from, nth);
      await nextTurn();
      [from, devices] = [nth, 0];
    }
    devices += more;
  }
  if (from < items.length) yield items.slice(from);
}

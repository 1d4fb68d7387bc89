import { chance } from '../../src/rehearsal/fcm/faults.ts';

/** A share of the answers that all take the same, long time. */
export interface Tail {
  readonly share: number;
  readonly ms: number;
}

/**
 * Makes a share of all timers of this process wait for the tail's time instead: in the sandbox's process, each answer is one
 * timer. The same answers are drawn each time.
 */
export function addTail({ share, ms }: Tail): void {
  const original = globalThis.setTimeout;
  let nth = 0;
  globalThis.setTimeout = Object.assign(
    (callback: () => void, afterMs?: number) =>
      original(callback, chance(1, 'tail', String(nth++)) < share ? ms : afterMs),
    original,
  );
}

import { systemClock } from '../../src/clock.ts';
import type { Clock } from '../../src/context.ts';

/** The system's clock, but for what time it says. */
export function clockThatSays(now: () => number): Clock {
  return { ...systemClock, now };
}

export interface TestClock extends Clock {
  /** Lets so much time pass, and wakes in order what waits for it. */
  advance(ms: number): Promise<void>;
}

interface Waiting {
  readonly at: number;
  readonly wake: () => void;
}

/**
 * A clock that stands still until `advance`. With `isEager`, sleeping makes time pass: each sleep ends at once, and it is
 * that much later; but for sleeps with a signal, which wait in the background of some work.
 */
export function makeTestClock({ startMs = Date.UTC(2026, 0, 1), isEager = false } = {}): TestClock {
  let now = startMs;
  let waiting: Waiting[] = [];
  const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  const at = (ms: number, wake: () => void): Waiting => {
    // Whole milliseconds, as real timers have them.
    const entry = { at: now + Math.ceil(ms), wake };
    waiting.push(entry);
    return entry;
  };
  async function advance(ms: number): Promise<void> {
    const until = now + ms;
    for (;;) {
      await settle();
      const [next] = waiting.toSorted((one, two) => one.at - two.at);
      if (!next || next.at > until) break;
      waiting = waiting.filter((each) => each !== next);
      now = Math.max(now, next.at);
      next.wake();
    }
    now = Math.max(now, until);
    await settle();
  }
  return {
    now: () => now,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason as Error);
        const entry = at(ms, resolve);
        signal?.addEventListener('abort', () => {
          waiting = waiting.filter((each) => each !== entry);
          reject(signal.reason as Error);
        });
        if (isEager && !signal) void advance(Math.ceil(ms));
      }),
    timeout: (ms) => {
      const controller = new AbortController();
      at(ms, () => controller.abort(new DOMException('timed out', 'TimeoutError')));
      return controller.signal;
    },
    advance,
  };
}

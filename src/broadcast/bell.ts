import type { Clock } from '../context.ts';

/** Wakes a loop that waits, before its time is over. A ring while nobody waits has no effect: the loop checks, then waits. */
export class Bell {
  readonly #clock: Clock;
  #waiting: AbortController | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  ring(): void {
    this.#waiting?.abort();
  }

  /** Resolves after `ms`, or when the bell rings. */
  async wait(ms: number): Promise<void> {
    this.#waiting = new AbortController();
    await this.#clock.sleep(ms, this.#waiting.signal).catch(() => {});
    this.#waiting = null;
  }
}

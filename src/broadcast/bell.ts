import type { Clock } from '../context.ts';

/** Wakes a loop that waits, before its time is over. */
export class Bell {
  readonly #clock: Clock;
  #waiting: AbortController | null = null;
  #hasRung = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  ring(): void {
    this.#hasRung = true;
    this.#waiting?.abort();
  }

  /** Resolves after `ms`, or when the bell rings; at once if it has rung since the last wait. */
  async wait(ms: number): Promise<void> {
    if (!this.#hasRung) {
      this.#waiting = new AbortController();
      await this.#clock.sleep(ms, this.#waiting.signal).catch(() => {});
      this.#waiting = null;
    }
    this.#hasRung = false;
  }
}

import type { Connection } from './connection.ts';

/** The messages of one batch that wait for streams. */
export interface Load {
  /** Number of messages that wait. */
  readonly waiting: number;
  /** Takes the next of them and opens its stream. */
  issue(connection: Connection, nowMs: number): void;
  /** Ends the wait of all of them: no connection is possible. */
  refuse(reason: string): void;
}

/** Loads that give one message each in turn, so that a single message does not wait for the hundreds of another load. */
export class RoundRobin {
  readonly #loads: Load[] = [];
  #turn = 0;

  add(load: Load): void {
    if (!this.#loads.includes(load)) this.#loads.push(load);
  }

  remove(load: Load): void {
    const index = this.#loads.indexOf(load);
    if (index >= 0) this.#loads.splice(index, 1);
  }

  /** Removes and returns all loads. */
  clear(): Load[] {
    return this.#loads.splice(0);
  }

  get isEmpty(): boolean {
    return this.#loads.length === 0;
  }

  /** Number of messages that wait in all loads. */
  get waiting(): number {
    let waiting = 0;
    for (const load of this.#loads) waiting += load.waiting;
    return waiting;
  }

  /** The load whose turn it is to give a message; null if none has any. Removes those that have none. */
  next(): Load | null {
    while (this.#loads.length > 0) {
      this.#turn = (this.#turn + 1) % this.#loads.length;
      const load = this.#loads[this.#turn];
      if (load && load.waiting > 0) return load;
      this.#loads.splice(this.#turn, 1);
    }
    return null;
  }
}

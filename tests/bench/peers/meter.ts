import { type Supply, targetOf } from './peer.ts';

/** How long to measure, after how long. */
export interface Period {
  /** The time that a peer gets to open connections and fill them. */
  readonly leadMs: number;
  readonly measureMs: number;
}

/** What one period showed of one process. */
export interface Measure {
  readonly messagesPerSecond: number;
  /** CPU time of the sending process for each message, in microseconds. */
  readonly cpuUs: number;
  /** The most memory that the process has held so far. */
  readonly peakMb: number;
}

export interface Readings {
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
  /** CPU time of the process so far, in microseconds. */
  readonly cpuUs: () => number;
}

export interface Meter extends Supply {
  /** Null if the period has not ended. */
  result(): Omit<Measure, 'peakMb'> | null;
}

interface Mark {
  readonly atMs: number;
  readonly cpuUs: number;
}

/** Targets are used again after this many, so that the sandbox's records do not grow. */
const TARGETS = 10_000;
const targets = Array.from({ length: TARGETS }, (_, nth) => targetOf(nth));

/**
 * Makes a supply that measures. Its period begins with an answer and ends with an answer, so that a peer that answers for
 * hundreds of messages at once is measured over whole calls.
 */
export function startMeter({ leadMs, measureMs }: Period, { now, cpuUs }: Readings): Meter {
  const startedAt = now();
  let next = 0;
  let messages = 0;
  let begin: Mark | undefined;
  let end: Mark | undefined;
  const mark = (atMs: number): Mark => ({ atMs, cpuUs: cpuUs() });
  return {
    take(count) {
      if (end) return [];
      const first = next % TARGETS;
      const taken = targets.slice(first, first + count);
      next += taken.length;
      return taken;
    },
    noteAccepted(count) {
      const atMs = now();
      if (!begin) {
        if (atMs >= startedAt + leadMs) begin = mark(atMs);
      } else if (!end) {
        messages += count;
        if (atMs >= begin.atMs + measureMs) end = mark(atMs);
      }
    },
    result() {
      if (!begin || !end) return null;
      return {
        messagesPerSecond: (messages * 1000) / (end.atMs - begin.atMs),
        cpuUs: (end.cpuUs - begin.cpuUs) / messages,
      };
    },
  };
}

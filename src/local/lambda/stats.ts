import type { Ending } from './invocation.ts';

export interface LambdaStats {
  /** Number of invocations, retries included. */
  readonly invocations: number;
  /** Number of invocations that failed: the handler's own errors, time-outs and crashes. */
  readonly errors: number;
  readonly timeouts: number;
  /** Number of workers that ended while they were busy, or failed to start. */
  readonly crashes: number;
  /** Number of synchronous calls that were refused, and of events that had to wait, because of the concurrency limit. */
  readonly throttles: number;
  readonly recursionDropped: number;
  readonly eventsDropped: number;
  readonly inFlight: number;
  /** Number of accepted events that do not run yet, including those that wait for a retry. */
  readonly queued: number;
  readonly peakConcurrency: number;
  /** Peak memory of the largest worker. */
  readonly peakRssMb: number;
  /** CPU time of all workers that report it, their start included. */
  readonly workerCpuMs: number;
}

/** The numbers that are counted; the length of the queue is not. */
export type Tally = { -readonly [name in Exclude<keyof LambdaStats, 'queued'>]: number };

export function makeTally(): Tally {
  return {
    invocations: 0,
    errors: 0,
    timeouts: 0,
    crashes: 0,
    throttles: 0,
    recursionDropped: 0,
    eventsDropped: 0,
    inFlight: 0,
    peakConcurrency: 0,
    peakRssMb: 0,
    workerCpuMs: 0,
  };
}

export function countStart(tally: Tally): void {
  tally.invocations++;
  tally.inFlight++;
  tally.peakConcurrency = Math.max(tally.peakConcurrency, tally.inFlight);
}

/** `countEnd` counts no error if `isStopped`: the workers are then being killed by `close`. */
export function countEnd(tally: Tally, { kind, maxRssMb, cpuMs }: Ending, isStopped: boolean): void {
  tally.inFlight--;
  tally.peakRssMb = Math.max(tally.peakRssMb, maxRssMb);
  tally.workerCpuMs += cpuMs;
  if (isStopped || kind === 'ok') return;
  tally.errors++;
  if (kind === 'timeout') tally.timeouts++;
  if (kind === 'crash') tally.crashes++;
}

import type { Ending } from './invocation.ts';

export interface LambdaStats {
  /** Runs of the handler, repeats included. */
  readonly invocations: number;
  /** Of those, the ones that failed: the handler's own errors, time-outs and crashes. */
  readonly errors: number;
  readonly timeouts: number;
  /** Workers that died at work, or failed to start. */
  readonly crashes: number;
  /** Synchronous calls refused, and events that had to wait, because too many ran at once. */
  readonly throttles: number;
  readonly recursionDropped: number;
  readonly eventsDropped: number;
  readonly inFlight: number;
  /** Events accepted that do not run: those that wait for a repeat are among them. */
  readonly queued: number;
  readonly peakConcurrency: number;
  /** The largest single worker. */
  readonly peakRssMb: number;
  /** CPU time of all workers, their start included, as far as they tell. */
  readonly workerCpuMs: number;
}

/** What is counted as it happens: all but the queue, which knows its own length. */
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

/** `stopped`: the workers are being killed on purpose, which is no fault of theirs. */
export function countEnd(tally: Tally, { kind, maxRssMb, cpuMs }: Ending, stopped: boolean): void {
  tally.inFlight--;
  tally.peakRssMb = Math.max(tally.peakRssMb, maxRssMb);
  tally.workerCpuMs += cpuMs;
  if (stopped || kind === 'ok') return;
  tally.errors++;
  if (kind === 'timeout') tally.timeouts++;
  if (kind === 'crash') tally.crashes++;
}

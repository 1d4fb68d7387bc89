import { availableParallelism } from 'node:os';
import { flag, wholeNumber } from './options.ts';

export const WORKERS_OPTION = wholeNumber('N', 'number of invocations at a time', {
  min: 1,
  max: 1000,
  fallback: 2 * availableParallelism(),
});

/** `ENGINE_OPTIONS` are the options of every command that runs the function on this machine. */
export const ENGINE_OPTIONS = {
  workers: WORKERS_OPTION,
  verbose: flag("print the function's log"),
};

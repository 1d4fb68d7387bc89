import { MAX_CANARIES } from '../model/canary.ts';
import { refuse, wholeNumber } from './options.ts';

/** `CANARY_OPTIONS` are the options of every command whose made-up devices may be canaries. */
export const CANARY_OPTIONS = {
  canaries: wholeNumber('N', 'number of the made-up devices that are canaries, and answer silent pushes', {
    min: 0,
    max: MAX_CANARIES,
    fallback: 0,
  }),
  deadCanaries: wholeNumber('N', 'number of the canaries whose phones never answer', {
    min: 0,
    max: MAX_CANARIES,
    fallback: 0,
  }),
};

/** `checkCanaries` checks --canaries and --dead-canaries against the number of devices. PushError('BAD_INPUT'). */
export function checkCanaries({
  devices,
  canaries,
  deadCanaries,
}: {
  readonly devices: number;
  readonly canaries: number;
  readonly deadCanaries: number;
}): void {
  if (canaries > devices) throw refuse('--canaries', `at most --devices, ${devices}`, String(canaries));
  if (deadCanaries > canaries) {
    throw refuse('--dead-canaries', `at most --canaries, ${canaries}`, String(deadCanaries));
  }
}

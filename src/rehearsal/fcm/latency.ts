import { PushError } from '../../errors.ts';
import { show } from '../../show.ts';

/** How long FCM takes to answer: log-normal times, so that half of them are shorter than the median, and a tail of slow ones. */
export interface Weather {
  readonly medianMs: number;
  /** Spread of the log-normal times: the standard deviation of their logarithm. */
  readonly sigma: number;
  readonly tail: Tail;
}

/** The answers that take much longer than all others. */
export interface Tail {
  /** Share of the answers, from 0 to 1. */
  readonly share: number;
  readonly ms: number;
}

export const DEFAULT_SIGMA = 0.4;

export const NO_TAIL: Tail = { share: 0, ms: 0 };

/** In public reports of FCM, two of a thousand messages take ten seconds or more. This is just below Baton's FCM_TIMEOUT_MS. */
const DEFAULT_TAIL: Tail = { share: 0.002, ms: 8000 };

/** `defaultTail` is shortened by `hurry`, as the time that Baton waits for an answer is. */
export function defaultTail(hurry: number): Tail {
  return { ...DEFAULT_TAIL, ms: DEFAULT_TAIL.ms / hurry };
}

/** More than any caller waits for an answer. A far longer timer would overflow and end at once. */
const MAX_MS = 600_000;

/** `parseTail` reads `0.002:10000`: two of a thousand answers take 10 s; `none` is no tail. PushError('BAD_INPUT'). */
export function parseTail(text: string): Tail {
  if (text === 'none') return NO_TAIL;
  const [, share = '', ms = ''] = /^(\d(?:\.\d{1,12})?):(\d{1,6})$/.exec(text) ?? [];
  const tail = { share: Number(share), ms: Number(ms) };
  if (share !== '' && tail.share <= 1 && tail.ms <= MAX_MS) return tail;
  const expected = `none, or SHARE:MS, a share from 0 to 1 and milliseconds from 0 to ${MAX_MS}`;
  throw PushError.of('BAD_INPUT', [{ field: 'tail', expected, got: show(text) }]);
}

/**
 * `drawLatency` makes an answer time of three evenly distributed numbers from 0 to 1. Two of them make the log-normal time
 * (Box-Muller transform), the third says whether the answer belongs to the tail.
 */
export function drawLatency(
  { medianMs, sigma, tail }: Weather,
  [one, two, three]: readonly [number, number, number],
): number {
  if (three < tail.share) return tail.ms;
  const normal = Math.sqrt(-2 * Math.log(1 - one)) * Math.cos(2 * Math.PI * two);
  return Math.min(MAX_MS, medianMs * Math.exp(sigma * normal));
}

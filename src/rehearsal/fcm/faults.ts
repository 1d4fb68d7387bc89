import { hash } from 'node:crypto';
import { PushError } from '../../errors.ts';
import { show } from '../../show.ts';

/** Faults that belong to a target: every attempt fails in the same way. */
const PERMANENT = ['unregistered', 'invalid', 'mismatch'] as const;

/** Faults that are drawn anew for each attempt at a target. */
const TRANSIENT = ['unavailable', 'internal', 'quota', 'reset', 'goaway', 'silent'] as const;

export type Fault = (typeof PERMANENT)[number] | (typeof TRANSIENT)[number];

/** The share of pushes that each fault hits, from 0 to 1. */
export type FaultMix = Readonly<Partial<Record<Fault, number>>>;

const FAULTS: readonly Fault[] = [...PERMANENT, ...TRANSIENT];

/** `parseFaults` reads `unavailable=0.02,quota=0.01`; empty text means no faults. PushError('BAD_INPUT'). */
export function parseFaults(text: string): FaultMix {
  const pairs = text.split(',').filter((pair) => pair !== '');
  return Object.fromEntries(pairs.map(parsePair));
}

function parsePair(pair: string): [Fault, number] {
  const [name = '', share = ''] = pair.split('=');
  const fault = FAULTS.find((each) => each === name.trim());
  const number = share.trim() === '' ? Number.NaN : Number(share);
  if (fault && number >= 0 && number <= 1) return [fault, number];
  const expected = `NAME=SHARE, a share from 0 to 1 and a name of ${FAULTS.join(', ')}`;
  throw PushError.of('BAD_INPUT', [{ field: 'faults', expected, got: show(pair) }]);
}

/**
 * `drawFault` gives the same fault for the same seed, target and attempt, whatever the order of the messages; null for no
 * fault. Its words are hashed: other words would draw other faults for the same seed.
 */
export function drawFault(mix: FaultMix, seed: number, target: string, attempt: number): Fault | null {
  return (
    (hasAny(mix, PERMANENT) ? pick(mix, PERMANENT, chance(seed, target, 'for good')) : null) ??
    (hasAny(mix, TRANSIENT) ? pick(mix, TRANSIENT, chance(seed, target, `try ${attempt}`)) : null)
  );
}

/** `hasAny` saves the digest of a draw that cannot hit: this is done for each message. */
function hasAny(mix: FaultMix, faults: readonly Fault[]): boolean {
  return faults.some((fault) => (mix[fault] ?? 0) > 0);
}

/** `chance` is a number from 0 to 1, evenly distributed, that depends on the seed and the words alone. */
export function chance(seed: number, ...words: readonly string[]): number {
  return numberAt(digestOf(seed, words), 0);
}

/** `chances` are three such numbers from one digest; the first is that of `chance`. */
export function chances(seed: number, ...words: readonly string[]): [number, number, number] {
  const digest = digestOf(seed, words);
  return [numberAt(digest, 0), numberAt(digest, 1), numberAt(digest, 2)];
}

/** `digestOf` is hexadecimal: measured, that takes half the time of a buffer. */
function digestOf(seed: number, words: readonly string[]): string {
  return hash('md5', `${seed}\n${words.join('\n')}`);
}

function numberAt(digest: string, nth: number): number {
  return Number.parseInt(digest.slice(8 * nth, 8 * nth + 8), 16) / 2 ** 32;
}

function pick(mix: FaultMix, faults: readonly Fault[], share: number): Fault | null {
  let edge = 0;
  for (const fault of faults) {
    edge += mix[fault] ?? 0;
    if (share < edge) return fault;
  }
  return null;
}

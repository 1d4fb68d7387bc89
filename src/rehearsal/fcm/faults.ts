import { hash } from 'node:crypto';
import { PushError } from '../../errors.ts';

/** Permanent for a target, whoever asks and however often. */
const PERMANENT = ['unregistered', 'invalid', 'mismatch'] as const;

/** Drawn anew for each attempt at a target. */
const PASSING = ['unavailable', 'internal', 'quota', 'reset', 'goaway', 'silent'] as const;

export type Fault = (typeof PERMANENT)[number] | (typeof PASSING)[number];

/** The share of pushes that each fault hits, from 0 to 1. */
export type FaultMix = Readonly<Partial<Record<Fault, number>>>;

const FAULTS: readonly Fault[] = [...PERMANENT, ...PASSING];

/** `unavailable=0.02,quota=0.01` -> FaultMix; empty text is no faults. */
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
  throw PushError.of('BAD_INPUT', [{ field: 'faults', expected, got: JSON.stringify(pair) }]);
}

/** The same for the same seed, target and attempt, in whatever order messages come; null for no fault. */
export function drawFault(mix: FaultMix, seed: number, target: string, attempt: number): Fault | null {
  return (
    pick(mix, PERMANENT, chance(seed, target, 'for good')) ??
    pick(mix, PASSING, chance(seed, target, `try ${attempt}`))
  );
}

/** A number from 0 to 1, evenly spread, that these words and nothing else decide. */
export function chance(seed: number, ...words: readonly string[]): number {
  return hash('md5', `${seed}\n${words.join('\n')}`, 'buffer').readUInt32BE(0) / 2 ** 32;
}

function pick(mix: FaultMix, faults: readonly Fault[], drawn: number): Fault | null {
  let edge = 0;
  for (const fault of faults) {
    edge += mix[fault] ?? 0;
    if (drawn < edge) return fault;
  }
  return null;
}

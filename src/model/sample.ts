/*
 * The stable share of the devices that a device belongs to: a number from 0 to 9999, by arithmetic on its id that SQL and
 * JavaScript do alike. Each product is below 2^53. Two rounds with two primes spread ids evenly that follow one another, and
 * ids in steps.
 */

export const SAMPLE_SHARES = 10_000;

/** The rounds: an id is taken modulo the prime, multiplied, and taken modulo the prime again. */
export const SAMPLE_ROUNDS = [
  { prime: 2_147_483_647, factor: 1_583_458 },
  { prime: 2_147_483_629, factor: 3_266_489 },
] as const;

/** A number below this one is scaled to a share. */
export const SAMPLE_RANGE = 2_147_483_629;

/** The share of a device, from 0 to 9999. */
export function shareOf(deviceId: number): number {
  const spread = SAMPLE_ROUNDS.reduce((id, { prime, factor }) => ((id % prime) * factor) % prime, deviceId);
  return Math.floor((spread * SAMPLE_SHARES) / SAMPLE_RANGE);
}

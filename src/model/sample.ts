/*
 * The stable share of the devices that a device belongs to: a number from 0 to 9999, by arithmetic on its id that SQL and
 * JavaScript do alike. Each product is below 2^53. Two rounds with two primes spread ids evenly that follow one another, and
 * ids in steps.
 */

export const SAMPLE_SHARES = 10_000;

/** An id is first taken modulo this, so that the product of a round is exact. */
export const SAMPLE_IDS = 2_147_483_647;

/** The rounds: a product, modulo a prime. */
export const SAMPLE_ROUNDS = [
  { factor: 1_583_458, prime: 2_147_483_647 },
  { factor: 3_266_489, prime: 2_147_483_629 },
] as const;

/** The last round's prime: its numbers are scaled to the shares. */
export const SAMPLE_RANGE = SAMPLE_ROUNDS[1].prime;

/** The share of a device, from 0 to 9999. */
export function shareOf(deviceId: number): number {
  const spread = SAMPLE_ROUNDS.reduce(
    (id, { factor, prime }) => (id * factor) % prime,
    deviceId % SAMPLE_IDS,
  );
  return Math.floor((spread * SAMPLE_SHARES) / SAMPLE_RANGE);
}

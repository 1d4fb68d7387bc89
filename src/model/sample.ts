/*
 * The stable share of the devices that a device belongs to: by arithmetic on its id that SQL and JavaScript do alike, exactly,
 * as the product is below 2^53. The factor is the golden ratio's part of the range, so that ids that follow one another are
 * spread as evenly as can be, and so are ids in small steps.
 */

/** Shares are hundredths of a percent. */
export const SAMPLE_SHARES = 10_000;

/** An id is taken modulo the first, multiplied, and taken modulo the range. The two moduli are primes. */
export const SAMPLE_IDS = 2_097_143;
export const SAMPLE_FACTOR = 1_327_217_885;
export const SAMPLE_RANGE = 2_147_483_647;

/** The place of a device in the range. */
export function placeOf(deviceId: number): number {
  return ((deviceId % SAMPLE_IDS) * SAMPLE_FACTOR) % SAMPLE_RANGE;
}

/** The first place of a share. */
export function firstPlaceOf(share: number): number {
  return Math.ceil((share * SAMPLE_RANGE) / SAMPLE_SHARES);
}

/** The share of a device, from 0 to 9999. */
export function shareOf(deviceId: number): number {
  return Math.floor((placeOf(deviceId) * SAMPLE_SHARES) / SAMPLE_RANGE);
}

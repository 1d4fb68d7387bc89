/** Spread of the answer times: they are log-normal, so that half of them are shorter than the median. */
const SIGMA = 0.4;

/** `drawLatency` makes an answer time of two evenly distributed numbers from 0 to 1 (Box-Muller transform). */
export function drawLatency(medianMs: number, one: number, two: number): number {
  const normal = Math.sqrt(-2 * Math.log(1 - one)) * Math.cos(2 * Math.PI * two);
  return medianMs * Math.exp(SIGMA * normal);
}

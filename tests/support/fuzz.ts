/** One seed for all tests, so that they make up the same cases on every machine. */
const SEED = 20_261_125;

/** So many that `npm test` stays quick; `npm run fuzz` makes up ten times as many. */
const USUAL_RUNS = 1000;

/**
 * `fuzzing` says how many cases a test makes up, for fast-check: FUZZ_RUNS, of which a test with slow cases takes a share.
 * FUZZ_SEED makes up others; a failure names its seed.
 */
export function fuzzing(share = 1): { readonly numRuns: number; readonly seed: number } {
  const { FUZZ_RUNS, FUZZ_SEED } = process.env;
  return { numRuns: Math.ceil(Number(FUZZ_RUNS || USUAL_RUNS) * share), seed: Number(FUZZ_SEED || SEED) };
}

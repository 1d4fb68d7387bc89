/** One number for all tests, so that a default run makes up the same cases on every machine. */
const SEED = 20_261_125;

/** FUZZ_RUNS is the number of cases of a test that usually has this many; the others have their share of it. */
const USUAL_RUNS = 10_000;

/**
 * How many cases a fuzzing test makes up, for fast-check: so many that it takes a few seconds, always the same ones. With
 * FUZZ_RUNS it makes up as many as that says instead of 10,000, and new ones each time; a failure names its seed.
 */
export function fuzzing(usual: number): { readonly numRuns: number; readonly seed?: number } {
  const runs = process.env['FUZZ_RUNS'];
  return runs ? { numRuns: Math.ceil((Number(runs) * usual) / USUAL_RUNS) } : { numRuns: usual, seed: SEED };
}

/** The time-out of a fuzzing test: longer for more cases. */
export const FUZZ_TIMEOUT_MS = 60_000 * Math.max(1, Number(process.env['FUZZ_RUNS'] || 0) / USUAL_RUNS);

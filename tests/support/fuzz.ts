/** The number of cases of a fuzzing test: FUZZ_RUNS, or so many that the test takes a few seconds. */
export function fuzzRuns(usual: number): number {
  return Number(process.env['FUZZ_RUNS'] || usual);
}

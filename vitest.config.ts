import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

const common = {
  testTimeout: 30_000,
  hookTimeout: 60_000,
  // Otherwise Google's client looks for a project by `gcloud` and on the network, in each file that gets a token.
  env: { GOOGLE_CLOUD_PROJECT: 'a-project' },
};
/** A hundred times what the slowest test takes. */
const FUZZ_TIMEOUT_MS = 600_000 * Math.max(1, Number(process.env['FUZZ_RUNS'] || 0) / 10_000);
const withServer = { ...common, globalSetup: 'tests/support/global-setup.ts' };

export default defineConfig({
  test: {
    // A file that waits for a process leaves its core to another file.
    maxWorkers: availableParallelism() + 1,
    projects: [
      {
        test: {
          ...common,
          name: 'unit',
          include: ['tests/**/*.test.ts'],
          exclude: ['tests/**/*.{fuzz,stores,machine}.test.ts'],
        },
      },
      // Made-up cases: no process and no server but their own, SQLite at most. The time-out is for a case that hangs.
      {
        test: { ...common, name: 'fuzz', include: ['tests/**/*.fuzz.test.ts'], testTimeout: FUZZ_TIMEOUT_MS },
      },
      // Both databases.
      { test: { ...withServer, name: 'stores', include: ['tests/**/*.stores.test.ts'] } },
      // Processes and sockets.
      { test: { ...withServer, name: 'machine', include: ['tests/**/*.machine.test.ts'] } },
      // Minutes of a busy machine: one file at a time, and two tests where they mostly wait, so that none is starved by another.
      {
        test: {
          ...withServer,
          name: 'chaos',
          include: ['tests/**/*.chaos.ts'],
          fileParallelism: false,
          maxConcurrency: 2,
        },
      },
      // Builds the image for real: root, Debian's buildah and docker-registry, and npm's registry.
      { test: { ...withServer, name: 'image', include: ['tests/image/*.image.ts'] } },
    ],
  },
});

import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

const common = { testTimeout: 30_000, hookTimeout: 60_000 };
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
      // Thousands of made-up cases each: no database and no process either, but seconds that an edit should not wait for.
      { test: { ...common, name: 'fuzz', include: ['tests/**/*.fuzz.test.ts'] } },
      // Both databases.
      { test: { ...withServer, name: 'stores', include: ['tests/**/*.stores.test.ts'] } },
      // Processes and sockets.
      { test: { ...withServer, name: 'machine', include: ['tests/**/*.machine.test.ts'] } },
      // Minutes of a busy machine: one run at a time, so that no run is starved by another.
      { test: { ...withServer, name: 'chaos', include: ['tests/**/*.chaos.ts'], fileParallelism: false } },
      // Builds the image for real: root, Debian's buildah and docker-registry, and npm's registry.
      { test: { ...withServer, name: 'image', include: ['tests/image/*.image.ts'] } },
    ],
  },
});

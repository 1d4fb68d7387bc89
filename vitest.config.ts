import { defineConfig } from 'vitest/config';

const common = {
  globalSetup: 'tests/support/global-setup.ts',
  testTimeout: 30_000,
  hookTimeout: 60_000,
};

export default defineConfig({
  test: {
    projects: [
      { test: { ...common, name: 'tests', include: ['tests/**/*.test.ts'] } },
      // Minutes of a busy machine: one run at a time, so that no run is starved by another.
      { test: { ...common, name: 'chaos', include: ['tests/chaos/*.chaos.ts'], fileParallelism: false } },
      // Builds the image for real: root, Debian's buildah and docker-registry, and npm's registry.
      { test: { ...common, name: 'image', include: ['tests/image/*.image.ts'] } },
    ],
  },
});
